"""kill -9 of the gateway between any two steps of an unlock with stop_first, and of a reset.

Whenever it dies: the station is asked to unlock or to restart once, and the outcome is what really
happened. Only an unlock whose answer died with the gateway is UNKNOWN.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from evcommand.v1.command_options_pb2 import CommandOptions

from tests.support.client import Client, Command, OfflinePolicy, WaitFor, code_of
from tests.support.processes import Fleet
from tests.support.stations.stepped_charger import SteppedCharger

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]
SUBMITTED = WaitFor.WAIT_FOR_SUBMITTED
BOTH = pytest.mark.parametrize("version", ["1.6", "2.0.1"])
UNLOCK_STEPS = [
    "before the stop",
    "the stop is heard",
    "the stop is answered",
    "the stop was answered",
    "the session ends",
    "the unlock is heard",
    "the unlock is answered",
    "after the outcome",
]
RESET_STEPS = [
    "before the reset",
    "the reset is heard",
    "the reset is answered",
    "the reset was answered",
    "the station is down",
    "the station boots",
    "after the outcome",
]


class Killer:
    """kill -9 of the gateway at one step."""

    def __init__(self, fleet: Fleet, step: str) -> None:
        self._fleet = fleet
        self._step = step

    async def at(self, *steps: str) -> None:
        """It dies here if this is the step, and is started again as an orchestrator would."""
        if self._step in steps:
            try:
                await self._fleet.crash("gateway")
            finally:
                await self._fleet.recover("gateway")


def patient() -> CommandOptions:
    """A command that may be sent for as long as processes die and come back."""
    options = CommandOptions(wait_for=SUBMITTED, offline_policy=OfflinePolicy.OFFLINE_POLICY_WAIT)
    options.not_after.FromDatetime(datetime.now(UTC) + timedelta(minutes=5))
    return options


@asynccontextmanager
async def ready_charger(
    fleet: Fleet, client: Client, version: str
) -> AsyncIterator[SteppedCharger]:
    async with SteppedCharger(f"CP-{uuid.uuid4().hex[:8]}", fleet.ocpp_url, version) as station:
        await client.station_is_ready(station.id)
        await station.tells_status()
        yield station


@BOTH
@pytest.mark.parametrize("step", UNLOCK_STEPS)
async def test_unlock_with_stop_first_survives_a_killed_gateway(
    fleet: Fleet, client: Client, step: str, version: str
) -> None:
    async with ready_charger(fleet, client, version) as station:
        killer = Killer(fleet, step)
        await station.charges()
        if step == "before the stop":
            await fleet.crash("gateway")
        command = await client.unlock(station.id, evse_id=1, stop_first=True, options=patient())
        if step == "before the stop":
            await fleet.recover("gateway")
        await is_stopped_first(station, client, command, killer)
        await station.hears_unlock()
        await killer.at("the unlock is heard")
        station.may_answer_unlock.set()
        await killer.at("the unlock is answered")
        ended = await client.done(command.name)
        await killer.at("after the outcome")
        assert await client.done(command.name) == ended
        told_the_truth(ended, step)
        assert len(station.unlocks) == 1


async def is_stopped_first(
    station: SteppedCharger, client: Client, command: Command, killer: Killer
) -> None:
    await station.hears_stop()
    await killer.at("the stop is heard")
    station.may_answer_stop.set()
    await killer.at("the stop is answered")
    await client.progress(command.name, "Stopping the session first")
    await killer.at("the stop was answered")
    telling = asyncio.create_task(station.ends_session())
    await killer.at("the session ends")
    await telling


def told_the_truth(ended: Command, step: str) -> None:
    """It was unlocked; whether we can know that depends on its answer alone."""
    codes = {"SUCCEEDED"}
    if step == "the unlock is heard":
        codes = {"UNKNOWN"}
    elif step == "the unlock is answered":
        codes = {"SUCCEEDED", "UNKNOWN"}
    assert code_of(ended) in codes, ended
    assert ended.outcome.session.stop_reason == "Remote"


@BOTH
@pytest.mark.parametrize("step", RESET_STEPS)
async def test_reset_survives_a_killed_gateway(
    fleet: Fleet, client: Client, step: str, version: str
) -> None:
    async with ready_charger(fleet, client, version) as station:
        killer = Killer(fleet, step)
        if step == "before the reset":
            await fleet.crash("gateway")
        command = await client.reset(station.id, wait_for=SUBMITTED)
        if step == "before the reset":
            await fleet.recover("gateway")
        await station.hears_reset()
        await killer.at("the reset is heard")
        station.may_answer_reset.set()
        await killer.at("the reset is answered")
        if step == "the reset was answered":
            await client.progress(command.name, "waiting for it to restart")
        await killer.at("the reset was answered")
        await station.goes_down()
        await killer.at("the station is down")
        coming = asyncio.create_task(station.comes_back())
        await killer.at("the station boots")
        await coming
        ended = await client.done(command.name)
        await killer.at("after the outcome")
        assert await client.done(command.name) == ended
        assert ended.outcome.cause == "STATION_RESTARTED", ended
        assert ended.outcome.reset.HasField("boot_time")
        assert len(station.resets) == 1
