"""Odd reports of sessions beside commands other than a start or a stop that succeeds.

A cancelled start, an unlock that stops first, and a reservation: each hangs on an odd report.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from evcommand.v1 import (
    command_options_pb2,
    id_token_pb2,
    reservation_pb2,
    reservation_service_pb2,
)
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from tests.e2e.field.crowd import call, received, run_all
from tests.e2e.field.raw_station import Payload, RawStation, raw_station
from tests.e2e.field.starting import VERSIONS, FieldSession, accepts_starts
from tests.e2e.foreign_system import System

pytestmark = pytest.mark.e2e

OUTCOME = command_options_pb2.CommandOptions(wait_for=command_options_pb2.WAIT_FOR_OUTCOME)
SUBMITTED = command_options_pb2.CommandOptions(wait_for=command_options_pb2.WAIT_FOR_SUBMITTED)
TOKEN = id_token_pb2.IdToken(value="DRIVER-1")
LIMIT_S = 40.0

ODD: dict[str, tuple[Payload, Payload]] = {
    "nulls": (
        {"meterStart": None, "meterStop": None, "reason": None},
        {"seqNo": None, "meterValue": []},
    ),
    "texts": (
        {"meterStart": "1.0005 kWh", "meterStop": "26008,3", "timestamp": "yesterday"},
        {"seqNo": "first", "timestamp": "yesterday", "customData": {"x": 1}},
    ),
}
"""What is odd in the reports of a start and an end: on 1.6, and in the events of 2.x."""

Case = Callable[[str], Awaitable[None]]


class OddSession(FieldSession):
    """A session whose reports are odd."""

    def __init__(self, oddity: str, subprotocol: str, identity: str, number: int | None) -> None:
        super().__init__(subprotocol, identity, number)
        self.odd = ODD[oddity][0 if self.old else 1]

    async def said(self, station: RawStation, action: str, payload: Payload) -> Payload:
        """Says an odd report of this session."""
        return await station.call(action, payload | self.odd)

    async def begins_oddly(self, station: RawStation, **more: object) -> None:
        """It begins. more: fields of 1.6's report, or of the event."""
        if self.old:
            started = {"connectorId": 1, "idTag": TOKEN.value, "timestamp": self.at}
            answer = await self.said(station, "StartTransaction", started | more)
            self.id = answer["transactionId"]
        else:
            named = {"idToken": {"idToken": TOKEN.value, "type": "ISO14443"}}
            await self.said(station, "TransactionEvent", self._started | named | more)

    async def ends_oddly(self, station: RawStation) -> None:
        """It ends, as a remote stop ends it."""
        if self.old:
            stopped = {"transactionId": self.id, "timestamp": self.at}
            await self.said(station, "StopTransaction", stopped)
        else:
            await self.said(station, "TransactionEvent", self._ended)


def stop_action(subprotocol: str) -> str:
    return "RemoteStopTransaction" if subprotocol == "ocpp1.6" else "RequestStopTransaction"


def accepts(station: RawStation, action: str) -> asyncio.Event:
    return station.answers(action, lambda _: {"status": "Accepted"})


def start_request(
    identity: str, options: command_options_pb2.CommandOptions
) -> pb.StartSessionRequest:
    return pb.StartSessionRequest(
        station=f"stations/{identity}",
        evse_id=1,
        id_token=TOKEN,
        request_id=str(uuid.uuid4()),
        options=options,
    )


async def cancelled_start(system: System, subprotocol: str, oddity: str, identity: str) -> None:
    """The start is taken back; its session begins after that, and is reported oddly."""
    commands = system.broker.commands
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        answered, asked = accepts_starts(station, subprotocol)
        stopped = accepts(station, stop_action(subprotocol))
        begun = await call(commands.StartSession, start_request(identity, SUBMITTED))
        await asyncio.wait_for(answered.wait(), LIMIT_S)
        name = begun.command.name
        await call(commands.CancelCommand, pb.CancelCommandRequest(name=name))
        session = OddSession(oddity, subprotocol, identity, asked[0].get("remoteStartId"))
        await session.begins_oddly(station)
        await asyncio.wait_for(stopped.wait(), LIMIT_S)
        await session.ends_oddly(station)
        wanted = pb.GetCommandRequest(name=name)
        undone = command_pb.Compensation.STATE_UNSPECIFIED
        async with asyncio.timeout(LIMIT_S):
            while undone != command_pb.Compensation.STATE_DONE:
                undone = (await call(commands.GetCommand, wanted)).command.compensation.state
                await asyncio.sleep(0.2)


async def unlock_that_stops_first(
    system: System, subprotocol: str, oddity: str, identity: str
) -> None:
    """The session of the plug is stopped, which is reported oddly; then the plug is unlocked."""
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        session = OddSession(oddity, subprotocol, identity, None)
        await session.begins_oddly(station)
        stopped = accepts(station, stop_action(subprotocol))
        station.answers("UnlockConnector", lambda _: {"status": "Unlocked"})
        request = pb.UnlockConnectorRequest(
            station=f"stations/{identity}",
            evse_id=1,
            connector_id=1,
            stop_first=True,
            request_id=str(uuid.uuid4()),
            options=OUTCOME,
        )
        unlocking = asyncio.create_task(
            call(system.broker.commands.UnlockConnector, request, timeout_s=LIMIT_S)
        )
        await received(stopped, unlocking)
        await session.ends_oddly(station)
        assert (await unlocking).command.outcome.cause == "CONNECTOR_UNLOCKED"


async def used_reservation(system: System, subprotocol: str, oddity: str, identity: str) -> None:
    """The driver comes, and his session is reported oddly."""
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        accepts(station, "ReserveNow")
        request = pb.ReserveNowRequest(
            station=f"stations/{identity}",
            evse_id=1,
            id_token=TOKEN,
            ttl=Duration(seconds=600),
            request_id=str(uuid.uuid4()),
            options=OUTCOME,
        )
        held = (await call(system.broker.commands.ReserveNow, request)).command
        assert held.outcome.code == command_pb.Outcome.CODE_SUCCEEDED
        number = held.outcome.reservation.wire_id
        session = OddSession(oddity, subprotocol, identity, None)
        await session.begins_oddly(station, reservationId=str(number))
        reservations = system.broker.reservations
        wanted = reservation_service_pb2.GetReservationRequest(
            name=held.outcome.reservation.reservation
        )
        state = reservation_pb2.Reservation.STATE_UNSPECIFIED
        async with asyncio.timeout(LIMIT_S):
            while state != reservation_pb2.Reservation.STATE_USED:
                state = (await call(reservations.GetReservation, wanted)).reservation.state
                await asyncio.sleep(0.2)


def cases(system: System, scenario: Callable[..., Awaitable[None]]) -> list[Case]:
    return [partial(scenario, system, version, odd) for version in VERSIONS for odd in ODD]


async def test_an_odd_session_of_a_cancelled_start_is_stopped(system: System) -> None:
    await run_all(cases(system, cancelled_start), "cancelled")


async def test_an_odd_end_lets_an_unlock_that_stops_first_go_on(system: System) -> None:
    await run_all(cases(system, unlock_that_stops_first), "stop-first")


async def test_an_odd_session_uses_its_reservation(system: System) -> None:
    await run_all(cases(system, used_reservation), "used")
