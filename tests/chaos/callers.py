"""The callers of a run: what they ask for, at which broker, and all that they are told.

Each station has one caller, who waits for the end of each command before the next. Both brokers
are watched as well, so that what one shows can be held against the other.
"""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import grpc.aio
from evcommand.v1 import command_options_pb2, id_token_pb2, remote_command_pb2, reservation_pb2
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import reservation_service_pb2 as reservations_pb
from google.protobuf import timestamp_pb2

from tests.chaos.chargers import RecordedStation
from tests.chaos.record import CommandAsked, CommandSeen, ReservationSeen, ReservationTold
from tests.support.client import Client

NOT_AFTER = timedelta(seconds=20)
"""How long a command may wait for its station. A caller gives it explicitly."""

_HELD = timedelta(seconds=30)
_CALL_S = 12.0
_RETRY_S = 0.2
_AGAIN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
}
_OPTIONS = command_options_pb2
_METHODS = {
    "START_SESSION": "StartSession",
    "STOP_SESSION": "StopSession",
    "UNLOCK_CONNECTOR": "UnlockConnector",
    "RESET": "Reset",
    "RESERVE_NOW": "ReserveNow",
    "CANCEL_RESERVATION": "CancelReservation",
}
_REQUESTS: dict[str, Any] = {
    "START_SESSION": pb.StartSessionRequest,
    "STOP_SESSION": pb.StopSessionRequest,
    "UNLOCK_CONNECTOR": pb.UnlockConnectorRequest,
    "RESET": pb.ResetRequest,
    "RESERVE_NOW": pb.ReserveNowRequest,
    "CANCEL_RESERVATION": pb.CancelReservationRequest,
}


class Callers:
    """Everybody who asks something of the house, and what they have been told."""

    def __init__(self, seed: int, brokers: Sequence[Client]) -> None:
        self.commands: dict[str, CommandAsked] = {}
        self.reservations: dict[str, ReservationTold] = {}
        self._seed = seed
        self._brokers = brokers
        self._numbers = 0

    async def keep_asking(self, station: RecordedStation, over: asyncio.Event) -> None:
        """One caller: plays one of the plots after the other, until it is over."""
        dice = random.Random(f"caller/{self._seed}/{station.id}")
        while not over.is_set():
            await dice.choice(_PLOTS)(self, station, dice)
            if station.station.active_sessions:
                station.station.unplug()
            await asyncio.sleep(dice.uniform(0.2, 1.0))

    async def watch(self, broker: Client) -> None:
        """Reads every change that this broker tells, for ever, over its deaths."""
        token = ""
        while True:
            with suppress(grpc.aio.AioRpcError):
                request = pb.WatchCommandsRequest(all=True, resume_token=token)
                async for change in broker.commands.WatchCommands(request):
                    token = change.resume_token
                    self._hear(change.command)
            await asyncio.sleep(_RETRY_S)

    async def watch_reservations(self, broker: Client) -> None:
        """The same for reservations."""
        token = ""
        while True:
            with suppress(grpc.aio.AioRpcError):
                request = reservations_pb.WatchReservationsRequest(all=True, resume_token=token)
                async for change in broker.reservations.WatchReservations(request):
                    token = change.resume_token
                    self._hear_reservation(change.reservation)
            await asyncio.sleep(_RETRY_S)

    async def settle(self, limit_s: float) -> None:
        """Looks until everything has ended and is undone, or until it should have been."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while self._open():
                    await self.look()
                    await asyncio.sleep(0.5)
        await self.look()

    async def look(self) -> None:
        """Asks every broker for every command that is not done, and for every reservation."""
        for broker in self._brokers:
            for asked in self._open():
                await self._get(broker, asked)
            for told in list(self.reservations.values()):
                await self._get_reservation(broker, told)

    async def look_at_all(self) -> None:
        """Asks every broker for every command, one last time."""
        for broker in self._brokers:
            for asked in self.commands.values():
                await self._get(broker, asked)

    def _open(self) -> list[CommandAsked]:
        return [one for one in self.commands.values() if one.last is None or _works(one.last)]

    # --- what is asked for

    def _new_token(self) -> str:
        self._numbers += 1
        return f"T{self._numbers:06d}"

    async def start(
        self, station: RecordedStation, dice: random.Random, **more: str
    ) -> CommandAsked:
        """A start for a token that no other start has."""
        token = more.pop("token", "") or self._new_token()
        fields = {"station": _name(station), "evse_id": 1, "id_token": _id_token(token), **more}
        return await self._ask(station, "START_SESSION", dice, fields, token=token)

    async def stop(
        self, station: RecordedStation, dice: random.Random, start: CommandAsked
    ) -> CommandAsked:
        """A stop of what a start has started."""
        fields = {"start_command": f"commands/{start.request_id}"}
        return await self._ask(station, "STOP_SESSION", dice, fields, started=start.token)

    async def unlock(self, station: RecordedStation, dice: random.Random) -> CommandAsked:
        """An unlock of the connector."""
        fields = {"station": _name(station), "connector_id": 1, "evse_id": 1}
        return await self._ask(station, "UNLOCK_CONNECTOR", dice, fields)

    async def reset(self, station: RecordedStation, dice: random.Random) -> CommandAsked:
        """A restart of the station."""
        fields = {"station": _name(station), "mode": remote_command_pb2.RESET_MODE_SOFT}
        return await self._ask(station, "RESET", dice, fields)

    async def reserve(
        self, station: RecordedStation, dice: random.Random, lasts: timedelta
    ) -> CommandAsked:
        """A reservation for a token that no other reservation has."""
        token, expire_time = self._new_token(), datetime.now(UTC) + lasts
        fields = {
            "station": _name(station),
            "evse_id": 1,
            "id_token": _id_token(token),
            "expire_time": _timestamp(expire_time),
        }
        asked = await self._ask(station, "RESERVE_NOW", dice, fields, token=token)
        asked.expire_time = expire_time
        return asked

    async def cancel(
        self, station: RecordedStation, dice: random.Random, reservation: str
    ) -> CommandAsked:
        """The end of a reservation."""
        fields = {"reservation": reservation}
        return await self._ask(station, "CANCEL_RESERVATION", dice, fields, reservation=reservation)

    async def _ask(
        self,
        station: RecordedStation,
        kind: str,
        dice: random.Random,
        fields: dict[str, Any],
        **known: Any,
    ) -> CommandAsked:
        """Asks until some broker has taken it, and follows it to its end."""
        now = datetime.now(UTC)
        asked = CommandAsked(
            str(uuid.UUID(int=dice.getrandbits(128), version=4)),
            station.id,
            kind,
            now,
            now + NOT_AFTER,
            **known,
        )
        self.commands[asked.request_id] = asked
        waits = dice.random() < 0.5
        request = _REQUESTS[kind](
            **fields,
            request_id=asked.request_id,
            options=_OPTIONS.CommandOptions(
                wait_for=_OPTIONS.WAIT_FOR_OUTCOME,
                not_after=_timestamp(asked.not_after),
                offline_policy=_OPTIONS.OFFLINE_POLICY_WAIT
                if waits
                else _OPTIONS.OFFLINE_POLICY_FAIL_FAST,
            ),
        )
        await self._take(asked, request, dice)
        return asked

    async def _take(self, asked: CommandAsked, request: Any, dice: random.Random) -> None:
        order = dice.sample(range(len(self._brokers)), len(self._brokers))
        tries = 0
        while asked.last is None or not asked.last.done:
            broker = self._brokers[order[tries % len(order)]]
            tries += 1
            try:
                call = getattr(broker.commands, _METHODS[asked.kind])
                reply = await call(request, timeout=_CALL_S)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _AGAIN:
                    asked.refused = f"{error.code().name}: {error.details()}"
                    return
                await asyncio.sleep(_RETRY_S)
                continue
            now = datetime.now(UTC)
            asked.taken = asked.taken or now
            self._hear(reply.command)
            if reply.command.state == pb_done:
                asked.returned = now

    # --- what is told

    def _hear(self, command: remote_command_pb2.RemoteCommand) -> None:
        asked = self.commands.get(command.request_id)
        if asked is None:
            return
        asked.told.append(_seen(command))

    def _hear_reservation(self, shown: reservation_pb2.Reservation) -> None:
        station = shown.station.removeprefix("stations/")
        told = self.reservations.setdefault(
            shown.name,
            ReservationTold(shown.name, station, shown.wire_id, shown.expire_time.ToDatetime(UTC)),
        )
        told.told.append(_reservation_seen(shown))

    async def _get(self, broker: Client, asked: CommandAsked) -> None:
        request = pb.GetCommandRequest(name=f"commands/{asked.request_id}")
        reply = await _patiently(lambda: broker.commands.GetCommand(request, timeout=_CALL_S))
        if reply is not None:
            self._hear(reply.command)
        elif asked.taken is not None:
            asked.forgotten = datetime.now(UTC)

    async def _get_reservation(self, broker: Client, told: ReservationTold) -> None:
        request = reservations_pb.GetReservationRequest(name=told.name)
        call = broker.reservations.GetReservation
        reply = await _patiently(lambda: call(request, timeout=_CALL_S))
        if reply is not None:
            self._hear_reservation(reply.reservation)


async def _start_and_stop(callers: Callers, station: RecordedStation, dice: random.Random) -> None:
    start = await callers.start(station, dice)
    if start.last is not None and start.last.code == "SUCCEEDED":
        await asyncio.sleep(dice.uniform(0.0, 1.0))
        await callers.stop(station, dice, start)


async def _unlock(callers: Callers, station: RecordedStation, dice: random.Random) -> None:
    await callers.unlock(station, dice)


async def _reset(callers: Callers, station: RecordedStation, dice: random.Random) -> None:
    await callers.reset(station, dice)


async def _reserve_and_cancel(
    callers: Callers, station: RecordedStation, dice: random.Random
) -> None:
    made = await _reservation(callers, station, dice, _HELD)
    if made:
        await asyncio.sleep(dice.uniform(0.0, 1.0))
        await callers.cancel(station, dice, made)


async def _reserve_and_forget(
    callers: Callers, station: RecordedStation, dice: random.Random
) -> None:
    await _reservation(callers, station, dice, timedelta(seconds=dice.uniform(3.0, 6.0)))


async def _reservation(
    callers: Callers, station: RecordedStation, dice: random.Random, lasts: timedelta
) -> str:
    """The name of a reservation that is held; "": none is."""
    asked = await callers.reserve(station, dice, lasts)
    if asked.last is None or asked.last.code != "SUCCEEDED":
        return ""
    return asked.last.reservation


_PLOTS = (
    *(_start_and_stop, _start_and_stop, _unlock, _reset),
    *(_reserve_and_cancel, _reserve_and_forget),
)
"""What callers do; a start and a stop twice as often as the rest."""

pb_done = remote_command_pb2.RemoteCommand.STATE_DONE


async def _patiently(call: Callable[[], Awaitable[Any]]) -> Any:
    """The reply; None: there is no such thing."""
    while True:
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return None
            if error.code() not in _AGAIN:
                raise
        await asyncio.sleep(_RETRY_S)


def _works(seen: CommandSeen) -> bool:
    """Whether something goes on for it."""
    return not seen.done or seen.compensation == "PENDING"


def _seen(command: remote_command_pb2.RemoteCommand) -> CommandSeen:
    words = remote_command_pb2
    compensation = words.Compensation.State.Name(command.compensation.state)
    return CommandSeen(
        seen=datetime.now(UTC),
        revision=command.revision,
        state=words.RemoteCommand.State.Name(command.state).removeprefix("STATE_"),
        code=words.Outcome.Code.Name(command.outcome.code).removeprefix("CODE_")
        if command.HasField("outcome")
        else "",
        cause=command.outcome.cause,
        send_time=_time(command, "send_time"),
        answer_time=_time(command, "answer_time"),
        outcome_time=_time(command, "outcome_time"),
        transaction_id=command.outcome.session.transaction_id,
        reservation=command.outcome.reservation.reservation,
        compensation=compensation.removeprefix("STATE_").replace("UNSPECIFIED", ""),
    )


def _reservation_seen(reservation: reservation_pb2.Reservation) -> ReservationSeen:
    return ReservationSeen(
        datetime.now(UTC),
        reservation.revision,
        reservation_pb2.Reservation.State.Name(reservation.state).removeprefix("STATE_"),
        reservation.cause,
        _time(reservation, "end_time"),
    )


def _time(message: Any, field: str) -> datetime | None:
    if not message.HasField(field):
        return None
    moment: datetime = getattr(message, field).ToDatetime(UTC)
    return moment


def _timestamp(moment: datetime) -> timestamp_pb2.Timestamp:
    stamp = timestamp_pb2.Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def _id_token(value: str) -> id_token_pb2.IdToken:
    return id_token_pb2.IdToken(value=value)


def _name(station: RecordedStation) -> str:
    return f"stations/{station.id}"
