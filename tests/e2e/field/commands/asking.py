"""Commands as a client asks for them, and stations that answer and act in an order of their own."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from evcommand.v1 import command_options_pb2, id_token_pb2
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from tests.e2e.field.crowd import CALL_LIMIT_S, call
from tests.e2e.field.raw_station import Payload, RawStation, RefusedCall
from tests.e2e.field.starting import DELAYS_MS, VERSIONS
from tests.e2e.foreign_system import System

Outcome = command_pb.Outcome
Act = Callable[[RawStation], Awaitable[object]]
NEGATIVE = {Outcome.CODE_REJECTED, Outcome.CODE_NO_EFFECT, Outcome.CODE_NOT_SUPPORTED}
ORDERS = ("acts, then answers", "answers, then acts")
SILENT = "no answer"
ERRORS = {"NotSupported", "NotImplemented", "InternalError", "GenericError"}

Case = tuple[str, str, int, str]
"""The version, the order, the delay between the two messages in ms, and the answer."""


def each_case(*answers: str, orders: tuple[str, ...] = ORDERS) -> list[Case]:
    """Each version, order and delay, with the answers in turn."""
    return [
        (version, order, delay_ms, answers[(number + later) % len(answers)])
        for number, version in enumerate(VERSIONS)
        for order in orders
        for later, delay_ms in enumerate(DELAYS_MS)
    ]


def name_of(command: str, case: Case) -> str:
    """The identity of the station of a case."""
    version, order, delay_ms, answer = case
    return f"{command}-{version}-{order.partition(',')[0]}-{delay_ms}-{answer}".replace(" ", "")


def acts_and_answers(station: RawStation, action: str, case: Case, act: Act) -> asyncio.Event:
    """From now on the station does this when it is asked, and answers, in the order of the case.

    Only the first request makes it act. Returns: set once the station has acted.
    """
    _, order, delay_ms, answer = case
    acted, later = asyncio.Event(), set[asyncio.Task[None]]()

    async def acts() -> None:
        await act(station)
        acted.set()

    async def acts_later() -> None:
        await asyncio.sleep(delay_ms / 1000)  # of the network between the two messages
        await acts()

    async def reply(_: Payload) -> Payload:
        if not later and order == ORDERS[1]:
            later.add(asyncio.create_task(acts_later()))
        elif not later:
            later.add(asyncio.create_task(acts()))
            await acted.wait()
            await asyncio.sleep(delay_ms / 1000)  # of the station, before its answer
        if answer in ERRORS:
            raise RefusedCall(answer, "not today")
        if answer == SILENT:
            raise asyncio.CancelledError  # nothing is ever written
        return {"status": answer}

    station.answers_later(action, reply)
    return acted


def stop_action(version: str) -> str:
    """What a request to stop a session is called."""
    return "RemoteStopTransaction" if version == "ocpp1.6" else "RequestStopTransaction"


def start_action(version: str) -> str:
    """What a request to start a session is called."""
    return "RemoteStartTransaction" if version == "ocpp1.6" else "RequestStartTransaction"


async def shows(station: RawStation, status: str) -> None:
    """The station shows connector 1 so. Words of 1.6 that 2.x does not have are Occupied there."""
    now = datetime.now(UTC).isoformat()
    told: Payload = {"connectorId": 1, "timestamp": now}
    if station.subprotocol == "ocpp1.6":
        told |= {"errorCode": "NoError", "status": status}
    else:
        known = status in {"Available", "Reserved", "Unavailable", "Faulted"}
        told |= {"evseId": 1, "connectorStatus": status if known else "Occupied"}
    await station.call("StatusNotification", told)


def showing(status: str) -> Act:
    """What a station does that shows connector 1 so."""

    async def act(station: RawStation) -> None:
        await shows(station, status)

    return act


async def ask(system: System, method: str, identity: str, **fields: Any) -> Outcome:
    """The outcome of a command at this station."""
    commands = system.broker.commands
    if "station" not in fields and method != "CancelReservation":
        fields["station"] = f"stations/{identity}"
    request = getattr(pb, f"{method}Request")(
        request_id=str(uuid.uuid4()),
        options=command_options_pb2.CommandOptions(wait_for=command_options_pb2.WAIT_FOR_OUTCOME),
        **fields,
    )
    command: command_pb.RemoteCommand
    command = (await call(getattr(commands, method), request, timeout_s=CALL_LIMIT_S)).command
    return command.outcome


async def reserve(system: System, identity: str) -> Outcome:
    """The outcome of a reservation of EVSE 1 for ten minutes."""
    token, ttl = id_token_pb2.IdToken(value="DRIVER-1"), Duration(seconds=600)
    return await ask(system, "ReserveNow", identity, evse_id=1, id_token=token, ttl=ttl)
