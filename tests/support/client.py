"""A caller that knows how to behave: repeats with the same request id while the broker is away."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import grpc
import grpc.aio
from evcommand.v1 import (
    command_options_pb2,
    id_token_pb2,
    remote_command_pb2,
    remote_command_service_pb2,
    remote_command_service_pb2_grpc,
    reservation_pb2,
    reservation_service_pb2,
    reservation_service_pb2_grpc,
    station_service_pb2,
    station_service_pb2_grpc,
)
from google.protobuf import duration_pb2

Command = remote_command_pb2.RemoteCommand
Reservation = reservation_pb2.Reservation
Code = remote_command_pb2.Outcome.Code
WaitFor = command_options_pb2.WaitFor
OfflinePolicy = command_options_pb2.OfflinePolicy
Reply = TypeVar("Reply")

CALL_S = 15.0
PATIENCE_S = 90.0
TOKEN = "DRIVER-1"


class Client:
    """Calls of one gRPC client."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.commands = remote_command_service_pb2_grpc.RemoteCommandServiceStub(channel)
        self.stations = station_service_pb2_grpc.StationServiceStub(channel)
        self.reservations = reservation_service_pb2_grpc.ReservationServiceStub(channel)

    async def start(
        self,
        station: str,
        *,
        request_id: str | None = None,
        wait_for: WaitFor.ValueType = WaitFor.WAIT_FOR_OUTCOME,
        offline_policy: OfflinePolicy.ValueType = OfflinePolicy.OFFLINE_POLICY_UNSPECIFIED,
        token: str = TOKEN,
    ) -> Command:
        """StartSession, repeated until the broker answers."""
        request = remote_command_service_pb2.StartSessionRequest(
            station=f"stations/{station}",
            evse_id=1,
            id_token=id_token_pb2.IdToken(value=token),
            request_id=request_id or str(uuid.uuid4()),
            options=command_options_pb2.CommandOptions(
                wait_for=wait_for, offline_policy=offline_policy
            ),
        )
        reply = await patiently(lambda: self.commands.StartSession(request, timeout=CALL_S))
        return reply.command

    async def stop(
        self, *, wait_for: WaitFor.ValueType = WaitFor.WAIT_FOR_OUTCOME, **target: Any
    ) -> Command:
        """StopSession of a target, repeated until the broker answers."""
        request = remote_command_service_pb2.StopSessionRequest(
            **target,
            request_id=str(uuid.uuid4()),
            options=command_options_pb2.CommandOptions(wait_for=wait_for),
        )
        reply = await patiently(lambda: self.commands.StopSession(request, timeout=CALL_S))
        return reply.command

    async def unlock(self, station: str, **fields: Any) -> Command:
        """UnlockConnector of connector 1, repeated until the broker answers."""
        request = remote_command_service_pb2.UnlockConnectorRequest(
            station=f"stations/{station}", connector_id=1, **_asked(fields)
        )
        reply = await patiently(lambda: self.commands.UnlockConnector(request, timeout=CALL_S))
        return reply.command

    async def reset(self, station: str, mode: str = "SOFT", **fields: Any) -> Command:
        """Reset, repeated until the broker answers."""
        request = remote_command_service_pb2.ResetRequest(
            station=f"stations/{station}",
            mode=remote_command_pb2.ResetMode.Value(f"RESET_MODE_{mode}"),
            **_asked(fields),
        )
        reply = await patiently(lambda: self.commands.Reset(request, timeout=CALL_S))
        return reply.command

    async def reserve(
        self, station: str, *, ttl_s: int = 600, token: str = TOKEN, **fields: Any
    ) -> Command:
        """ReserveNow, repeated until the broker answers."""
        request = remote_command_service_pb2.ReserveNowRequest(
            station=f"stations/{station}",
            id_token=id_token_pb2.IdToken(value=token),
            ttl=duration_pb2.Duration(seconds=ttl_s),
            **_asked(fields),
        )
        reply = await patiently(lambda: self.commands.ReserveNow(request, timeout=CALL_S))
        return reply.command

    async def cancel_reservation(self, reservation: str, **fields: Any) -> Command:
        """CancelReservation, repeated until the broker answers."""
        request = remote_command_service_pb2.CancelReservationRequest(
            reservation=reservation, reason="plans changed", **_asked(fields)
        )
        reply = await patiently(lambda: self.commands.CancelReservation(request, timeout=CALL_S))
        return reply.command

    async def reservation(self, name: str) -> Reservation:
        """GetReservation, repeated until the broker answers."""
        request = reservation_service_pb2.GetReservationRequest(name=name)
        reply = await patiently(lambda: self.reservations.GetReservation(request, timeout=CALL_S))
        return reply.reservation

    async def reservation_is(self, name: str, state: str) -> Reservation:
        """Waits until the reservation is in this state."""
        seen: Reservation | None = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while seen is None or state_of(seen) != state:
                    seen = await self.reservation(name)
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"never {state}: {seen}") from None
        return seen

    async def get(self, name: str) -> Command:
        """GetCommand, repeated until the broker answers."""
        request = remote_command_service_pb2.GetCommandRequest(name=name)
        return (await patiently(lambda: self.commands.GetCommand(request, timeout=CALL_S))).command

    async def progress(self, name: str, words: str) -> None:
        """Waits until the command says that it waits for this."""
        async with asyncio.timeout(PATIENCE_S):
            while words not in (await self.get(name)).progress:
                await asyncio.sleep(0.02)

    async def answered(self, name: str) -> None:
        """Waits until the station's answer is known. A gateway may be looked for several times."""
        command: Command | None = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while command is None or not command.HasField("station_answer"):
                    command = await self.get(name)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"never answered: {command}") from None

    async def done(self, name: str) -> Command:
        """Waits until the command ended. An outcome before that is a provisional UNKNOWN."""
        async with asyncio.timeout(PATIENCE_S):
            while (command := await self.get(name)).state != Command.STATE_DONE:
                await asyncio.sleep(0.1)
        return command

    async def station_is_ready(self, station: str) -> None:
        """Waits until the broker sees the station connected and booted."""
        request = station_service_pb2.GetStationRequest(name=f"stations/{station}")
        accepted = station_service_pb2.Station.BOOT_STATE_ACCEPTED
        async with asyncio.timeout(PATIENCE_S):
            while True:
                reply = await patiently(
                    lambda: self.stations.GetStation(request, timeout=CALL_S),
                    also=grpc.StatusCode.NOT_FOUND,
                )
                if reply.station.connected and reply.station.boot_state == accepted:
                    return
                await asyncio.sleep(0.05)


def _asked(fields: dict[str, Any]) -> dict[str, Any]:
    """What every request has, beside its own fields."""
    options = command_options_pb2.CommandOptions(
        wait_for=fields.pop("wait_for", WaitFor.WAIT_FOR_OUTCOME),
        offline_policy=fields.pop("offline_policy", OfflinePolicy.OFFLINE_POLICY_UNSPECIFIED),
    )
    fields.setdefault("request_id", str(uuid.uuid4()))
    return {"options": options, **fields}


def state_of(reservation: Reservation) -> str:
    """Where a reservation stands, for readable failures."""
    return Reservation.State.Name(reservation.state).removeprefix("STATE_")


async def patiently(
    call: Callable[[], Awaitable[Reply]],
    *,
    also: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE,
) -> Reply:
    """Repeats a call while the broker is not there, as every client of it should.

    A broker that stops may have taken a call of which its gRPC library then says CANCELLED.
    """
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await call()
            except grpc.aio.AioRpcError as error:
                if error.code() not in (
                    grpc.StatusCode.UNAVAILABLE,
                    grpc.StatusCode.DEADLINE_EXCEEDED,
                    grpc.StatusCode.CANCELLED,
                    also,
                ):
                    raise
            await asyncio.sleep(0.1)


@asynccontextmanager
async def client_of(address: str) -> AsyncIterator[Client]:
    """A client of the broker at HOST:PORT that reconnects quickly."""
    options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        yield Client(channel)


def code_of(command: Command) -> str:
    """The outcome's word, for readable failures."""
    return Code.Name(command.outcome.code).removeprefix("CODE_")
