"""kill -9 of each process, and a restart of Temporal, between any two steps of a start.

Whatever dies and whenever: after recovery the outcome is what really happened, and the station saw
one start frame.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from fleet.database import Database
from fleet.log import commands as log
from tests.support.client import Client, Command, OfflinePolicy, WaitFor, code_of
from tests.support.processes import READY_S, Fleet, running_fleet
from tests.support.stations.stepped_station import SteppedStation

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]
VICTIMS = pytest.mark.parametrize("victim", ["broker", "worker", "gateway", "temporal"])
BOTH = pytest.mark.parametrize("version", ["1.6", "2.0.1"])
TAKEN_OVER_S = 20.0
"""A worker that is silent for 5 s is taken for dead; the rest is for a busy machine."""
WAIT = OfflinePolicy.OFFLINE_POLICY_WAIT


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """A fleet that waits longer for a session than a process may take to come back.

    Else a session that is told after a slow restart is told too late, and UNKNOWN is the truth.
    """
    environment = {"EVCOMMAND_TIMING_CONNECTION_TIMEOUT_S": str(2 * READY_S)}
    async with running_fleet(tmp_path_factory.mktemp("fleet"), environment) as fleet:
        yield fleet


@asynccontextmanager
async def ready_station(
    fleet: Fleet, client: Client, version: str
) -> AsyncIterator[SteppedStation]:
    async with SteppedStation(f"CP-{uuid.uuid4().hex[:8]}", fleet.ocpp_url, version) as station:
        await client.station_is_ready(station.id)
        yield station


async def submitted(client: Client, station: SteppedStation) -> Command:
    return await client.start(station.id, wait_for=WaitFor.WAIT_FOR_SUBMITTED, offline_policy=WAIT)


async def dies_and_recovers(fleet: Fleet, victim: str) -> None:
    try:
        await fleet.crash(victim)
    finally:
        await fleet.recover(victim)


async def told_the_truth(client: Client, station: SteppedStation, command: Command) -> None:
    """The session runs, so the command has succeeded, with its transaction and one frame."""
    ended = await client.done(command.name)
    assert (code_of(ended), len(station.starts)) == ("SUCCEEDED", 1), ended
    assert ended.outcome.session.transaction_id == station.transaction_id


@BOTH
@VICTIMS
async def test_death_before_the_frame_is_written(
    fleet: Fleet, client: Client, victim: str, version: str
) -> None:
    async with ready_station(fleet, client, version) as station:
        target = {"station": f"stations/{station.id}", "transaction_id": "4711"}
        await client.stop(wait_for=WaitFor.WAIT_FOR_SUBMITTED, **target)
        await station.hears_stop()
        command = await submitted(client, station)
        await dies_and_recovers(fleet, victim)
        station.may_answer_stop.set()
        station.may_answer_start.set()
        await station.hears_start()
        await station.begins_session()
        await told_the_truth(client, station, command)


@BOTH
@VICTIMS
async def test_death_before_the_station_answers(
    fleet: Fleet, client: Client, victim: str, version: str
) -> None:
    async with ready_station(fleet, client, version) as station:
        command = await submitted(client, station)
        await station.hears_start()
        await dies_and_recovers(fleet, victim)
        station.may_answer_start.set()
        await station.begins_session()
        await told_the_truth(client, station, command)


@BOTH
@VICTIMS
async def test_death_while_the_station_answers(
    fleet: Fleet, client: Client, victim: str, version: str
) -> None:
    async with ready_station(fleet, client, version) as station:
        command = await submitted(client, station)
        await station.hears_start()
        station.may_answer_start.set()
        await dies_and_recovers(fleet, victim)
        await station.begins_session()
        await told_the_truth(client, station, command)


@BOTH
@VICTIMS
async def test_death_between_the_answer_and_the_session(
    fleet: Fleet, client: Client, victim: str, version: str
) -> None:
    async with ready_station(fleet, client, version) as station:
        command = await submitted(client, station)
        station.may_answer_start.set()
        await client.answered(command.name)
        await dies_and_recovers(fleet, victim)
        await station.begins_session()
        await told_the_truth(client, station, command)


@BOTH
@VICTIMS
async def test_death_while_the_session_is_told(
    fleet: Fleet, client: Client, victim: str, version: str
) -> None:
    async with ready_station(fleet, client, version) as station:
        command = await submitted(client, station)
        station.may_answer_start.set()
        await client.answered(command.name)
        telling = asyncio.create_task(station.begins_session())
        await dies_and_recovers(fleet, victim)
        await telling
        await told_the_truth(client, station, command)


@BOTH
@VICTIMS
async def test_death_after_the_outcome(
    fleet: Fleet, client: Client, victim: str, version: str
) -> None:
    async with ready_station(fleet, client, version) as station:
        station.may_answer_start.set()
        command = await submitted(client, station)
        await station.hears_start()
        await station.begins_session()
        ended = await client.done(command.name)
        await dies_and_recovers(fleet, victim)
        assert await client.get(command.name) == ended
        await told_the_truth(client, station, command)


async def test_other_workers_go_on_when_a_broker_dies_with_the_first_decision_in_hand(
    fleet: Fleet, client: Client
) -> None:
    """The broker's own worker waits for the station, and dies. The outcome does not need it."""
    async with ready_station(fleet, client, "1.6") as station:
        command = await submitted(client, station)
        await station.hears_start()
        await fleet.crash("broker")
        try:
            station.may_answer_start.set()
            await station.begins_session()
            await _told_in_the_log(fleet, command.name.rpartition("/")[2])
        finally:
            await fleet.recover("broker")
        await told_the_truth(client, station, command)


async def _told_in_the_log(fleet: Fleet, name: str) -> None:
    db = await Database.open(fleet.database_url)
    try:
        async with asyncio.timeout(TAKEN_OVER_S), db.watch() as news:
            while True:
                async with db.read() as tx:
                    entry = await log.latest(tx, tenant="default", name=name)
                if entry is not None and entry.snapshot["state"] == "DONE":
                    return
                await news.wait(0.5)
    finally:
        await db.close()
