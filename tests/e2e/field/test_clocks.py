"""Stations whose clocks are wrong: what they report is told by the order of their messages."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from evcommand.v1 import command_options_pb2, id_token_pb2
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from tests.e2e.field.crowd import call, received, run_all
from tests.e2e.field.raw_station import Payload, RawStation, event, raw_station
from tests.e2e.foreign_system import System

pytestmark = pytest.mark.e2e

VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
DELAYS_S = (0, 0.03, 0.1, 0.5, 3)
Clock = Callable[[], str]


def clock(ahead: timedelta, *, bare: bool = False, wordy: bool = False) -> Clock:
    """A clock that is ahead of ours. bare: it tells no zone. wordy: small letters."""

    def now() -> str:
        time = datetime.now(UTC) + ahead
        if bare:
            return time.replace(tzinfo=None).isoformat(timespec="seconds")
        text = time.isoformat(timespec="seconds").replace("+00:00", "Z")
        return text.lower() if wordy else text

    return now


async def start(system: System, identity: str) -> command_pb.RemoteCommand:
    request = pb.StartSessionRequest(
        request_id=str(uuid.uuid4()),
        station=f"stations/{identity}",
        evse_id=1,
        id_token=id_token_pb2.IdToken(value="DRIVER-1"),
        options=command_options_pb2.CommandOptions(wait_for=command_options_pb2.WAIT_FOR_OUTCOME),
    )
    command: command_pb.RemoteCommand
    command = (await call(system.broker.commands.StartSession, request)).command
    return command


async def agreed(system: System, station: RawStation, identity: str) -> asyncio.Task[Any]:
    """A start is asked for, and the station has agreed."""
    v16 = station.subprotocol == "ocpp1.6"
    action = "RemoteStartTransaction" if v16 else "RequestStartTransaction"
    answered = station.answers(action, lambda _: {"status": "Accepted"})
    starting = asyncio.create_task(start(system, identity))
    await received(answered, starting)
    return starting


async def begin(station: RawStation, time: str) -> None:
    """A session of the token begins; on 2.x nothing but the token tells whose it is."""
    if station.subprotocol == "ocpp1.6":
        told: Payload = {"connectorId": 1, "idTag": "DRIVER-1", "meterStart": 5, "timestamp": time}
        await station.call("StartTransaction", told)
        return
    transaction = {"transactionId": "T-1", "chargingState": "Charging"}
    token = {"idToken": "DRIVER-1", "type": "ISO14443"}
    told = event("Started", 0, "RemoteStart", transaction, idToken=token)
    await station.call("TransactionEvent", told | {"timestamp": time})


async def end(station: RawStation, time: str) -> None:
    """The session ends; on 1.6 by a station that never got its id."""
    if station.subprotocol == "ocpp1.6":
        told: Payload = {
            "transactionId": -1,
            "idTag": "DRIVER-1",
            "meterStop": 9,
            "timestamp": time,
        }
        await station.call("StopTransaction", told)
        return
    over = {"transactionId": "T-1", "stoppedReason": "Local"}
    told = event("Ended", 1, "StopAuthorized", over)
    await station.call("TransactionEvent", told | {"timestamp": time})


async def status(station: RawStation, time: str) -> None:
    if station.subprotocol == "ocpp1.6":
        told: Payload = {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"}
    else:
        told = {"evseId": 1, "connectorId": 1, "connectorStatus": "Occupied"}
    await station.call("StatusNotification", told | {"timestamp": time})


async def backwards(system: System, version: str, delay_s: float, identity: str) -> None:
    """The end is told with a time eleven minutes before the start's."""
    right, late = clock(timedelta()), clock(timedelta(minutes=-11))
    async with raw_station(system.ocpp_url, identity, version) as station:
        starting = await agreed(system, station, identity)
        if delay_s:
            await begin(station, right())
            await asyncio.sleep(delay_s)  # of the network between the two messages
            await end(station, late())
        else:
            await asyncio.gather(begin(station, right()), end(station, late()))
        outcome = (await starting).outcome
    assert outcome.code == command_pb.Outcome.CODE_SUCCEEDED, (identity, outcome)
    assert outcome.cause in {"SESSION_STARTED", "SESSION_STARTED_AND_ENDED"}


async def test_an_end_before_its_own_start_proves_a_wrong_clock(system: System) -> None:
    await run_all(
        [partial(backwards, system, version, delay) for version in VERSIONS for delay in DELAYS_S],
        "backwards",
    )


LOCAL = [timedelta(hours=hours) for hours in (1, -5, 5.5, -9.5, 13)]


async def timed_right(
    system: System, version: str, tell: Clock, statuses: int, identity: str
) -> None:
    """Every time is told by this clock; after so many statuses a session runs."""
    async with raw_station(system.ocpp_url, identity, version) as station:
        for _ in range(statuses):
            await status(station, tell())
        starting = await agreed(system, station, identity)
        await begin(station, tell())
        outcome = (await starting).outcome
    assert outcome.cause == "SESSION_STARTED", (identity, outcome)
    began = outcome.session.start_time.ToDatetime(UTC)
    assert abs(began - datetime.now(UTC)) < timedelta(seconds=30)


async def test_local_time_without_a_zone_is_read_right(system: System) -> None:
    cases = [
        partial(timed_right, system, version, clock(ahead, bare=True), 1)
        for version in VERSIONS
        for ahead in LOCAL
    ]
    await run_all(cases, "local")


WRONG = [
    clock(timedelta(minutes=-11)),
    clock(timedelta(hours=3)),
    clock(datetime(1970, 1, 1, tzinfo=UTC) - datetime.now(UTC)),
    clock(timedelta(), wordy=True),
]


async def test_a_clock_that_is_wrong_by_a_constant_is_corrected(system: System) -> None:
    cases = [
        partial(timed_right, system, version, tell, 2) for version in VERSIONS for tell in WRONG
    ]
    await run_all(cases, "wrong")


async def test_a_clock_that_is_a_little_behind_is_known_from_live_messages(system: System) -> None:
    behind = clock(timedelta(seconds=-8))
    cases = [partial(timed_right, system, version, behind, 2) for version in VERSIONS]
    await run_all(cases, "behind")
