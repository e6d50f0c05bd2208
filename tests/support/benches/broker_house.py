"""A whole house on loopback: broker, worker, gateway, SQLite and a real Temporal dev server."""

import itertools
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import grpc
import grpc.aio
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import id_token_pb2 as token_pb
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import station_service_pb2 as stations_pb
from evcommand.v1.booking_service_pb2_grpc import BookingServiceStub
from evcommand.v1.remote_command_service_pb2_grpc import RemoteCommandServiceStub
from evcommand.v1.station_service_pb2_grpc import StationServiceStub
from evcommand.v1.token_service_pb2_grpc import TokenServiceStub
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from broker.proto.error_details import DETAILS_KEY
from fleet.database import Database
from tests.support.stations.scripted_station import ScriptedStation, connected

_numbers = itertools.count(1)
WAIT_S = 20.0


class Broker:
    """A client's view of one broker."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.commands: Any = RemoteCommandServiceStub(channel)
        self.stations: Any = StationServiceStub(channel)
        self.tokens: Any = TokenServiceStub(channel)
        self.bookings: Any = BookingServiceStub(channel)

    async def start(
        self, station: str, wait_for: int = 0, timeout_s: float = WAIT_S, **fields: Any
    ) -> command_pb.RemoteCommand:
        """StartSession at a station; the command of the reply."""
        request = start_request(station, wait_for, **fields)
        return _command(await self.commands.StartSession(request, timeout=timeout_s))

    async def stop(
        self, wait_for: int = 0, timeout_s: float = WAIT_S, **fields: Any
    ) -> command_pb.RemoteCommand:
        """StopSession; the command of the reply."""
        request = pb.StopSessionRequest(**fields)
        request.options.MergeFrom(waiting_for(wait_for))
        return _command(await self.commands.StopSession(request, timeout=timeout_s))

    async def get(self, name: str) -> command_pb.RemoteCommand:
        """A command as it is now."""
        request = pb.GetCommandRequest(name=name)
        return _command(await self.commands.GetCommand(request, timeout=WAIT_S))

    async def list(self, **fields: Any) -> list[str]:
        """The names of one page of commands."""
        reply = await self.commands.ListCommands(pb.ListCommandsRequest(**fields), timeout=WAIT_S)
        return [command.name for command in reply.commands]


def start_request(station: str, wait_for: int = 0, **fields: Any) -> pb.StartSessionRequest:
    """A StartSession with a token that open stations take."""
    fields.setdefault("id_token", token_pb.IdToken(value="TAG-0042"))
    request = pb.StartSessionRequest(station=f"stations/{station}", **fields)
    request.options.MergeFrom(waiting_for(wait_for))
    return request


def waiting_for(wait_for: int) -> options_pb.CommandOptions:
    """Options that say what to wait for."""
    return options_pb.CommandOptions(wait_for=options_pb.WaitFor.ValueType(wait_for))


def patient() -> options_pb.CommandOptions:
    """Options of a command that waits for an offline station."""
    return options_pb.CommandOptions(offline_policy=options_pb.OFFLINE_POLICY_WAIT)


def _command(reply: Any) -> command_pb.RemoteCommand:
    command: command_pb.RemoteCommand = reply.command
    return command


@asynccontextmanager
async def dialled(address: str) -> AsyncIterator[Broker]:
    """A client of the broker at this address."""
    async with grpc.aio.insecure_channel(address) as channel:
        yield Broker(channel)


@dataclass
class House:
    """What tests need of the running house."""

    broker: Broker
    db: Database
    ocpp_port: int
    address: str = ""

    @asynccontextmanager
    async def station(
        self, version: str = "1.6", id: str = ""
    ) -> AsyncIterator[tuple[str, ScriptedStation]]:
        """A connected, booted station that nobody used before: its id and its socket."""
        id = id or f"CP-{next(_numbers)}-{uuid.uuid4().hex[:6]}"
        url = f"ws://127.0.0.1:{self.ocpp_port}/ocpp/{id}"
        async with connected(url, subprotocol=f"ocpp{version}") as station:
            await station.boot()
            yield id, station

    async def offline_station(self) -> str:
        """A registered station that is not connected."""
        id = f"OFF-{next(_numbers)}-{uuid.uuid4().hex[:6]}"
        await self.broker.stations.CreateStation(stations_pb.CreateStationRequest(station_id=id))
        return id


@dataclass(frozen=True)
class Failure:
    """An RPC error and its details."""

    code: grpc.StatusCode
    message: str
    reason: str
    fields: list[str]
    retry_s: float | None
    facts: dict[str, str]


async def failure_of(call: Any) -> Failure:
    """The error that a call (or the first read of a stream) ends with."""
    try:
        await (call.read() if hasattr(call, "read") else call)
    except grpc.aio.AioRpcError as error:
        return read_failure(error)
    raise AssertionError("the call succeeded")


def read_failure(error: grpc.aio.AioRpcError) -> Failure:
    """An RPC error with its details unpacked."""
    metadata = dict(error.trailing_metadata() or ())
    content = metadata.get(DETAILS_KEY, b"")
    status = Status.FromString(content if isinstance(content, bytes) else b"")
    info, bad, retry = ErrorInfo(), BadRequest(), RetryInfo()
    has_retry = False
    details: list[Message] = [info, bad, retry]
    for packed in status.details:
        for detail in details:
            if packed.Is(detail.DESCRIPTOR):
                packed.Unpack(detail)
                has_retry = has_retry or detail is retry
    return Failure(
        error.code(),
        error.details() or "",
        info.reason,
        [one.field for one in bad.field_violations],
        retry.retry_delay.ToTimedelta().total_seconds() if has_retry else None,
        dict(info.metadata),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat()


async def begin_session(
    station: ScriptedStation, tag: str = "TAG-0042", connector: int = 1, began: str = ""
) -> int:
    """A 1.6 station reports a session; its transaction id."""
    reply = await station.call(
        "StartTransaction",
        {
            "connectorId": connector,
            "idTag": tag,
            "meterStart": 100,
            "timestamp": began or _now(),
        },
    )
    return int(reply["transactionId"])


async def end_session(station: ScriptedStation, transaction_id: int) -> None:
    """A 1.6 station reports the end of a session."""
    await station.call(
        "StopTransaction",
        {
            "transactionId": transaction_id,
            "meterStop": 500,
            "timestamp": _now(),
            "reason": "Remote",
        },
    )


def transaction_event(event: str, seq_no: int, **info: Any) -> dict[str, Any]:
    """A 2.0.1 station's TransactionEvent about its only session."""
    return {
        "eventType": event,
        "timestamp": _now(),
        "triggerReason": "RemoteStart" if event == "Started" else "RemoteStop",
        "seqNo": seq_no,
        "transactionInfo": {"transactionId": "their-own-id", **info},
        "idToken": {"idToken": "TAG-0042", "type": "ISO14443"},
        "evse": {"id": 1, "connectorId": 1},
    }
