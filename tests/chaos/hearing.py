"""All that the callers of a run are told, by both brokers: in replies, by watches, when they look.

What one broker shows can so be held against what the other one shows.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import grpc
import grpc.aio
from evcommand.v1 import remote_command_pb2, reservation_pb2
from evcommand.v1 import remote_command_service_pb2 as commands_pb
from evcommand.v1 import reservation_service_pb2 as reservations_pb

from tests.chaos.judging.reservations import ENDS
from tests.chaos.record import CommandAsked, CommandSeen, ReservationSeen, ReservationTold
from tests.support.client import Client

CALL_S = 12.0
RETRY_S = 0.2
AGAIN = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
    }
)
"""With these a broker says nothing about a request: it is repeated."""

_LOOK_S = 0.5
_Command = remote_command_pb2.RemoteCommand
_Reservation = reservation_pb2.Reservation


class Hearing:
    """commands: by their request ids. reservations: by their names."""

    def __init__(self, brokers: Sequence[Client]) -> None:
        self.commands: dict[str, CommandAsked] = {}
        self.reservations: dict[str, ReservationTold] = {}
        self.brokers = brokers

    def hear(self, shown: _Command) -> None:
        """A broker shows a command."""
        asked = self.commands.get(shown.request_id)
        if asked is not None:
            asked.told.append(_seen(shown))

    async def watch_commands(self, broker: Client) -> None:
        """Reads every change that this broker tells, for ever, over its deaths."""
        token = ""
        while True:
            with suppress(grpc.aio.AioRpcError):
                request = commands_pb.WatchCommandsRequest(all=True, resume_token=token)
                async for change in broker.commands.WatchCommands(request):
                    token = change.resume_token
                    self.hear(change.command)
            await asyncio.sleep(RETRY_S)

    async def watch_reservations(self, broker: Client) -> None:
        """The same for reservations."""
        token = ""
        while True:
            with suppress(grpc.aio.AioRpcError):
                request = reservations_pb.WatchReservationsRequest(all=True, resume_token=token)
                async for change in broker.reservations.WatchReservations(request):
                    token = change.resume_token
                    self._hear_reservation(change.reservation)
            await asyncio.sleep(RETRY_S)

    async def settle(self, limit_s: float) -> None:
        """Looks until all has ended and is undone, or should have been. Then looks at everything.

        Raises: TimeoutError when the brokers do not answer in the end.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while await self._look_at_open_ones():
                    await asyncio.sleep(_LOOK_S)
        async with asyncio.timeout(limit_s):
            for broker in self.brokers:
                for asked in self.commands.values():
                    await self._get_command(broker, asked)
                for told in list(self.reservations.values()):
                    await self._get_reservation(broker, told)

    async def _look_at_open_ones(self) -> bool:
        """Looks at all for which something goes on. Returns whether there is any."""
        broker, now = self.brokers[0], datetime.now(UTC)
        commands = [one for one in self.commands.values() if _works(one)]
        reservations = [one for one in self.reservations.values() if _is_overdue(one, now)]
        for asked in commands:
            await self._get_command(broker, asked)
        for told in reservations:
            await self._get_reservation(broker, told)
        return bool(commands or reservations)

    def _hear_reservation(self, shown: _Reservation) -> None:
        station = shown.station.removeprefix("stations/")
        told = self.reservations.setdefault(
            shown.name,
            ReservationTold(shown.name, station, shown.wire_id, shown.expire_time.ToDatetime(UTC)),
        )
        told.told.append(_reservation_seen(shown))

    async def _get_command(self, broker: Client, asked: CommandAsked) -> None:
        request = commands_pb.GetCommandRequest(name=f"commands/{asked.request_id}")
        reply = await _found(lambda: broker.commands.GetCommand(request, timeout=CALL_S))
        if reply is not None:
            self.hear(reply.command)
        elif asked.told:
            asked.forgotten = datetime.now(UTC)

    async def _get_reservation(self, broker: Client, told: ReservationTold) -> None:
        request = reservations_pb.GetReservationRequest(name=told.name)
        reply = await _found(lambda: broker.reservations.GetReservation(request, timeout=CALL_S))
        if reply is not None:
            self._hear_reservation(reply.reservation)
        else:
            told.forgotten = datetime.now(UTC)


async def _found(call: Callable[[], Awaitable[Any]]) -> Any:
    """The reply, asked for until it comes; None: there is no such thing."""
    while True:
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return None
            if error.code() not in AGAIN:
                raise
        await asyncio.sleep(RETRY_S)


def _works(asked: CommandAsked) -> bool:
    """Whether something goes on for a command."""
    last = asked.last
    return last is not None and (not last.done or last.compensation == "PENDING")


def _is_overdue(told: ReservationTold, now: datetime) -> bool:
    """Whether the time of a reservation is over, and it has not ended."""
    return told.expire_time < now and all(seen.state not in ENDS for seen in told.told)


def _seen(shown: _Command) -> CommandSeen:
    outcome = remote_command_pb2.Outcome
    undone = remote_command_pb2.Compensation.State.Name(shown.compensation.state)
    told = shown.HasField("outcome")
    return CommandSeen(
        seen=datetime.now(UTC),
        revision=shown.revision,
        state=_Command.State.Name(shown.state).removeprefix("STATE_"),
        code=outcome.Code.Name(shown.outcome.code).removeprefix("CODE_") if told else "",
        cause=shown.outcome.cause,
        send_time=_time(shown, "send_time"),
        answer_time=_time(shown, "answer_time"),
        outcome_time=_time(shown, "outcome_time"),
        transaction_id=shown.outcome.session.transaction_id,
        reservation=shown.outcome.reservation.reservation,
        compensation=undone.removeprefix("STATE_") if shown.compensation.state else "",
    )


def _reservation_seen(shown: _Reservation) -> ReservationSeen:
    return ReservationSeen(
        datetime.now(UTC),
        shown.revision,
        _Reservation.State.Name(shown.state).removeprefix("STATE_"),
        shown.cause,
        _time(shown, "end_time"),
    )


def _time(shown: _Command | _Reservation, field: str) -> datetime | None:
    moment: datetime = getattr(shown, field).ToDatetime(UTC)
    return moment if shown.HasField(field) else None  # type: ignore[arg-type]
