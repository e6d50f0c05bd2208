"""Every command on every version, beside a back end (CSMS) that commands the same stations."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from simulator.behaviour import Answering, Behaviour, IncomingCall
from simulator.config import Cable, StationConfig
from simulator.dialects.messages import CallAnswer
from simulator.flaws import Silent
from simulator.station import SimulatedStation
from tests.e2e.drop_in.conftest import HOLD_S
from tests.support.client import TOKEN, Client, Command, WaitFor, code_of
from tests.support.processes import Fleet
from tests.support.relay.commanding_back_end import REFUSED, CommandingBackEnd
from tests.support.stations.scripted_station import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]
VERSIONS = ["1.6", "2.0.1", "2.1"]
EVERY = pytest.mark.parametrize("version", VERSIONS)
OURS_FROM = 1_600_000_000
SLACK_S = 3.0
"""What a busy machine may add."""


class OneAtATime(Behaviour):
    """Counts the CALLs that are out at the station, and answers each after a moment."""

    def __init__(self) -> None:
        self.out = self.most = 0

    async def answer(self, call: IncomingCall, inner: Answering) -> CallAnswer | None:
        self.out += 1
        self.most = max(self.most, self.out)
        try:
            await asyncio.sleep(MOMENT_S)  # the time in which a second CALL would be one too many
            return await inner(call)
        finally:
            self.out -= 1


MOMENT_S = 0.05


class SecondStartIsTakenToo(Behaviour):
    """Says Accepted to a start that it has no place for, as some firmware does."""

    async def answer(self, call: IncomingCall, inner: Answering) -> CallAnswer | None:
        answer = await inner(call)
        if call.action.endswith("StartTransaction") and answer is not None:
            return replace(answer, reply={"status": "Accepted"})
        return answer


@asynccontextmanager
async def stationed(
    fleet: Fleet, client: Client, version: str, *flaws: Behaviour, **settings: Any
) -> AsyncIterator[tuple[SimulatedStation, OneAtATime]]:
    """A booted station with its cable in, and what counts the CALLs that are out at it."""
    witness = OneAtATime()
    usual = {"evses": 2, "cable": Cable.FIRST, "reconnect_s": 0.2, "reboot_s": 0.3}
    config = StationConfig(
        f"CP-{uuid.uuid4().hex[:8]}",
        fleet.ocpp_url,
        version=version,
        flaws=(witness, *flaws),
        **{**usual, **settings},
    )
    async with SimulatedStation(config) as station:
        await client.station_is_ready(config.id)
        yield station, witness


@asynccontextmanager
async def pestered(csms: CommandingBackEnd, station: str) -> AsyncIterator[list[float]]:
    """The back end sends one CALL after the other. Yields how long it waited for each answer."""
    waited: list[float] = []

    async def pester() -> None:
        while True:
            with contextlib.suppress(ConnectionClosed):
                call = csms.seconds_until_answer(station, "DataTransfer", {"vendorId": "V"})
                waited.append(await call)
            await asyncio.sleep(0)

    pestering = asyncio.create_task(pester())
    try:
        yield waited
    finally:
        pestering.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pestering


# --- all cells


Cell = Callable[[Client, SimulatedStation], Awaitable[Command]]


async def start(client: Client, station: SimulatedStation) -> Command:
    return await client.start(station.config.id)


async def stop(client: Client, station: SimulatedStation) -> Command:
    return await client.stop(start_command=(await start(client, station)).name)


async def unlock(client: Client, station: SimulatedStation) -> Command:
    return await client.unlock(station.config.id)


async def reset(client: Client, station: SimulatedStation) -> Command:
    return await client.done((await client.reset(station.config.id)).name)


async def reserve(client: Client, station: SimulatedStation) -> Command:
    return await client.reserve(station.config.id, evse_id=1)


async def cancel(client: Client, station: SimulatedStation) -> Command:
    reserved = await reserve(client, station)
    assert [hold.id >= OURS_FROM for hold in station.reservations] == [True]
    return await client.cancel_reservation(reserved.reserve_now.reservation)


CELLS: dict[str, tuple[Cell, str]] = {
    "start": (start, "SESSION_STARTED"),
    "stop": (stop, "SESSION_STOPPED"),
    "unlock": (unlock, "CONNECTOR_UNLOCKED"),
    "reset": (reset, "STATION_RESTARTED"),
    "reserve": (reserve, "RESERVED"),
    "cancel": (cancel, "RESERVATION_CANCELLED"),
}
CABLE_OUT = {"unlock", "reserve", "cancel"}


@pytest.mark.parametrize("name", CELLS)
async def test_each_command_succeeds_on_each_version_between_the_calls_of_a_back_end(
    fleet: Fleet, client: Client, csms: CommandingBackEnd, name: str
) -> None:
    cell, cause = CELLS[name]
    cable = Cable.NEVER if name in CABLE_OUT else Cable.FIRST

    async def told(version: str) -> tuple[str, str, str]:
        async with (
            stationed(fleet, client, version, cable=cable) as (station, witness),
            pestered(csms, station.config.id) as waited,
        ):
            command = await cell(client, station)
            answered = len(waited)
            await eventually(lambda: len(waited) > answered)
        assert witness.most == 1
        assert max(waited) < HOLD_S + SLACK_S
        assert_nobody_else_heard_of_it(csms, station.config.id)
        return version, code_of(command), command.outcome.cause

    cells = await asyncio.gather(*map(told, VERSIONS))
    assert cells == [(version, "SUCCEEDED", cause) for version in VERSIONS]


def assert_nobody_else_heard_of_it(csms: CommandingBackEnd, station: str) -> None:
    """The back end got the answers to its own CALLs, and none of ours."""
    assert {answer[1].startswith("csms-") for answer in csms.answers_of[station]} == {True}


@EVERY
async def test_a_session_has_the_id_that_both_sides_know(
    fleet: Fleet, client: Client, csms: CommandingBackEnd, version: str
) -> None:
    async with stationed(fleet, client, version) as (station, _):
        command = await client.start(station.config.id)
        session = station.charger.sessions[0]
    known = str(session.csms_transaction_id) if version == "1.6" else session.id
    assert command.outcome.session.transaction_id == known
    if version != "1.6":
        told = csms.heard_of(station.config.id, "TransactionEvent")[0]
        assert told["transactionInfo"]["transactionId"] == known


# --- a token that the back end refuses


async def refused_start(
    fleet: Fleet, client: Client, csms: CommandingBackEnd, version: str, *, asks_first: bool
) -> tuple[str, str]:
    """How a start ends at a station that asks about the token before a session, or with it."""
    settings = {"authorize_remote": asks_first, "connection_timeout_s": 1.0}
    async with stationed(fleet, client, version, **settings) as (station, _):
        begun = await client.start(station.config.id, token=REFUSED)
        command = await client.done(begun.name)
        assert station.active_sessions == []
        assert len(csms.heard_of(station.config.id, "Authorize")) == asks_first
        assert len(station.charger.sessions) == (not asks_first)
    return code_of(command), command.outcome.cause


async def test_a_start_whose_token_the_back_end_refuses_says_so(
    fleet: Fleet, client: Client, csms: CommandingBackEnd
) -> None:
    told = await asyncio.gather(
        *(refused_start(fleet, client, csms, each, asks_first=False) for each in VERSIONS)
    )
    assert told == [("NO_EFFECT", "AUTHORIZATION_REFUSED")] * 3


async def test_a_start_whose_token_the_back_end_refuses_before_a_session_says_so_as_well(
    fleet: Fleet, client: Client, csms: CommandingBackEnd
) -> None:
    told = await asyncio.gather(
        *(refused_start(fleet, client, csms, each, asks_first=True) for each in VERSIONS)
    )
    assert told == [("NO_EFFECT", "AUTHORIZATION_REFUSED")] * 3


# --- the same token at the same place at the same moment


def remote_start(version: str) -> tuple[str, dict[str, Any]]:
    """The back end's own start of the same token at the same place."""
    if version == "1.6":
        return "RemoteStartTransaction", {"idTag": TOKEN, "connectorId": 1}
    token = {"idToken": TOKEN, "type": "ISO14443"}
    return "RequestStartTransaction", {"idToken": token, "evseId": 1, "remoteStartId": 7}


async def both_start(
    client: Client, csms: CommandingBackEnd, station: SimulatedStation, *, ours_first: bool
) -> tuple[Command, str]:
    """Ours and the back end's answer, when one waits until the other one was answered."""
    name = station.config.id
    asked = remote_start(station.config.version)
    if ours_first:
        ours = asyncio.create_task(client.start(name))
        await station.until(lambda: station.received[asked[0]] == 1)
        theirs = asyncio.create_task(csms.command(name, *asked))
    else:
        theirs = asyncio.create_task(csms.command(name, *asked))
        await station.until(lambda: station.received[asked[0]] == 1)
        ours = asyncio.create_task(client.start(name))
    answer = await theirs
    return await client.done((await ours).name), answer[2]["status"]


@EVERY
@pytest.mark.parametrize("ours_first", [True, False])
async def test_of_two_starts_at_the_same_moment_the_one_that_was_refused_says_so(
    fleet: Fleet, client: Client, csms: CommandingBackEnd, version: str, ours_first: bool
) -> None:
    async with stationed(fleet, client, version) as (station, witness):
        ours, theirs = await both_start(client, csms, station, ours_first=ours_first)
        assert len(station.charger.sessions) == 1
    # On 1.6 a session that is told after our frame may be ours; on 2.x it names the start.
    refused = {"REJECTED", "UNKNOWN"} if version == "1.6" else {"REJECTED"}
    right = {"SUCCEEDED"} if ours_first else refused
    assert code_of(ours) in right, (ours.outcome, ours.station_answer)
    assert theirs == ("Rejected" if ours_first else "Accepted")
    assert witness.most == 1


@pytest.mark.parametrize("ours_first", [True, False])
async def test_of_two_starts_that_were_both_accepted_none_is_told_the_session_of_the_other(
    fleet: Fleet, client: Client, csms: CommandingBackEnd, ours_first: bool
) -> None:
    async def told(version: str) -> tuple[str, str]:
        flaw, settings = SecondStartIsTakenToo(), {"connection_timeout_s": 1.0}
        async with stationed(fleet, client, version, flaw, **settings) as (station, witness):
            ours, theirs = await both_start(client, csms, station, ours_first=ours_first)
            assert len(station.charger.sessions) == 1
        assert theirs == "Accepted"
        assert witness.most == 1
        return code_of(ours), ours.outcome.cause

    v16, *v2x = await asyncio.gather(*map(told, VERSIONS))
    if ours_first:
        assert v16 == ("UNKNOWN", "SESSION_DOUBTFUL")  # 1.6 names no start beside a session
        assert v2x == [("SUCCEEDED", "SESSION_STARTED")] * 2
    else:  # the session began before our frame
        assert {code for code, _ in (v16, *v2x)} <= {"NO_EFFECT", "UNKNOWN"}


# --- how long it waits for us


async def test_a_back_end_waits_for_a_station_that_is_silent_to_us_no_longer_than_the_hold(
    fleet: Fleet, client: Client, csms: CommandingBackEnd
) -> None:
    async def waited_s(version: str) -> float:
        flaw = Silent(only=frozenset({"Reset", "UnlockConnector"}))
        async with stationed(fleet, client, version, flaw) as (station, _):
            name, now = station.config.id, WaitFor.WAIT_FOR_SUBMITTED
            await client.reset(name, wait_for=now)
            await station.until(lambda: station.received["Reset"] == 1)
            for evse_id in (1, 2):  # they go before what is not urgent
                await client.unlock(name, evse_id=evse_id, wait_for=now)
            return await csms.seconds_until_answer(name, "DataTransfer", {"vendorId": "V"})

    waited = await asyncio.gather(*map(waited_s, VERSIONS))
    assert max(waited) < HOLD_S + SLACK_S
