"""The callers of a run: each asks things of one station, and waits for the end of each command.

A caller asks a broker that the dice choose. When that says nothing, the same request goes to the
other one, as that of a client with a list of brokers does.
"""

import asyncio
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import grpc.aio
from evcommand.v1 import command_options_pb2, id_token_pb2, remote_command_pb2
from evcommand.v1 import remote_command_service_pb2 as pb
from google.protobuf import timestamp_pb2

from tests.chaos.hearing import AGAIN, CALL_S, RETRY_S, Hearing
from tests.chaos.record import CommandAsked
from tests.chaos.stations.chargers import RecordedStation

PLOTS = 4
"""How many plots each caller plays at least."""

_SHORT, _LONGER = timedelta(seconds=4), timedelta(seconds=15)
"""How long a reservation lasts that nobody cancels; how much longer than the patience another."""
_POLICIES = (
    command_options_pb2.OFFLINE_POLICY_WAIT,
    command_options_pb2.OFFLINE_POLICY_FAIL_FAST,
)
_CALLS: dict[str, tuple[str, Any]] = {
    "START_SESSION": ("StartSession", pb.StartSessionRequest),
    "STOP_SESSION": ("StopSession", pb.StopSessionRequest),
    "UNLOCK_CONNECTOR": ("UnlockConnector", pb.UnlockConnectorRequest),
    "RESET": ("Reset", pb.ResetRequest),
    "RESERVE_NOW": ("ReserveNow", pb.ReserveNowRequest),
    "CANCEL_RESERVATION": ("CancelReservation", pb.CancelReservationRequest),
}


class Caller:
    """The caller of one station. What he asks for, and when, comes from the seed.

    patience: how long a command may wait for its station.
    """

    def __init__(
        self, seed: int, station: RecordedStation, hearing: Hearing, patience: timedelta
    ) -> None:
        self._dice = random.Random(f"caller/{seed}/{station.id}")
        self._station = station
        self._hearing = hearing
        self._patience = patience
        self._tokens = 0

    async def keep_asking(self, over: asyncio.Event) -> None:
        """Plays one plot after the other, until it is over. The driver leaves after each.

        The first `PLOTS` are played in any case, however soon it is over on a fast machine.
        """
        plots = (
            *(self._start_and_stop, self._start_and_stop, self._start_and_regret),
            *(self._unlock, self._reset),
            *(self._reserve_and_cancel, self._reserve_and_forget, self._reserve_and_regret),
        )
        played = 0
        while played < PLOTS or not over.is_set():
            await self._dice.choice(plots)()
            played += 1
            if self._station.station.active_sessions:
                self._station.station.unplug()
            await asyncio.sleep(self._dice.uniform(0.2, 1.0))

    # --- plots

    async def _start_and_stop(self) -> None:
        start = await self._start()
        if start.last and start.last.code == "SUCCEEDED":
            await asyncio.sleep(self._dice.random())
            target = {"start_command": f"commands/{start.request_id}"}
            await self._ask("STOP_SESSION", target, started=start.token)

    async def _start_and_regret(self) -> None:
        await self._start(regrets_s=self._dice.random())

    async def _unlock(self) -> None:
        connector = {"station": self._name, "evse_id": 1, "connector_id": 1}
        await self._ask("UNLOCK_CONNECTOR", connector)

    async def _reset(self) -> None:
        mode = remote_command_pb2.RESET_MODE_SOFT
        await self._ask("RESET", {"station": self._name, "mode": mode})

    async def _reserve_and_cancel(self) -> None:
        await self._cancel(await self._reserve(self._patience + _LONGER))

    async def _reserve_and_forget(self) -> None:
        await self._reserve(_SHORT)

    async def _reserve_and_regret(self) -> None:
        await self._cancel(
            await self._reserve(self._patience + _LONGER, regrets_s=self._dice.random())
        )

    async def _cancel(self, reserve: CommandAsked) -> None:
        """Ends the reservation that was made, if one was."""
        if reserve.last and reserve.last.code == "SUCCEEDED":
            await asyncio.sleep(self._dice.random())
            name = reserve.last.reservation
            await self._ask("CANCEL_RESERVATION", {"reservation": name}, reservation=name)

    # --- what is asked for

    @property
    def _name(self) -> str:
        return f"stations/{self._station.id}"

    async def _start(self, regrets_s: float | None = None) -> CommandAsked:
        token = self._new_token()
        fields = {"station": self._name, "evse_id": 1, "id_token": _id_token(token)}
        return await self._ask("START_SESSION", fields, regrets_s, token=token)

    async def _reserve(self, lasts: timedelta, regrets_s: float | None = None) -> CommandAsked:
        token, end = self._new_token(), datetime.now(UTC) + lasts
        fields = {
            "station": self._name,
            "evse_id": 1,
            "id_token": _id_token(token),
            "expire_time": _timestamp(end),
        }
        return await self._ask("RESERVE_NOW", fields, regrets_s, token=token, expire_time=end)

    def _new_token(self) -> str:
        """One that nobody else uses: by it the frames at the station are recognised."""
        self._tokens += 1
        return f"{self._station.id}-{self._tokens}"

    async def _ask(
        self, kind: str, fields: dict[str, Any], regrets_s: float | None = None, **known: Any
    ) -> CommandAsked:
        """Asks for a command and follows it to its end. regrets_s: cancels it after this time."""
        now, request_id = datetime.now(UTC), str(uuid.UUID(int=self._dice.getrandbits(128)))
        asked = CommandAsked(request_id, self._station.id, kind, now, now + self._patience, **known)
        self._hearing.commands[request_id] = asked
        name, request = _CALLS[kind]
        options = command_options_pb2.CommandOptions(
            wait_for=command_options_pb2.WAIT_FOR_OUTCOME,
            not_after=_timestamp(asked.not_after),
            offline_policy=self._dice.choice(_POLICIES),
        )
        filled = request(**fields, request_id=request_id, options=options)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(asked, name, filled))
            if regrets_s is not None:
                group.create_task(self._regret(asked, regrets_s))
        return asked

    async def _follow(self, asked: CommandAsked, name: str, request: Any) -> None:
        brokers = self._dice.sample(self._hearing.brokers, len(self._hearing.brokers))
        while asked.last is None or not asked.last.done:
            brokers.append(brokers.pop(0))
            try:
                reply = await getattr(brokers[0].commands, name)(request, timeout=CALL_S)
            except grpc.aio.AioRpcError as error:
                if error.code() not in AGAIN:
                    asked.refused = error.code().name
                    return
                await asyncio.sleep(RETRY_S)
            else:
                self._hearing.hear(reply.command)
        asked.returned = datetime.now(UTC)

    async def _regret(self, asked: CommandAsked, after_s: float) -> None:
        """Takes it back. One that no broker has taken by then is not known, which is fine."""
        await asyncio.sleep(after_s)
        request = pb.CancelCommandRequest(name=f"commands/{asked.request_id}", reason="regret")
        for broker in self._dice.sample(self._hearing.brokers, len(self._hearing.brokers)):
            try:
                reply = await broker.commands.CancelCommand(request, timeout=CALL_S)
            except grpc.aio.AioRpcError:
                continue
            self._hearing.hear(reply.command)
            return


def _timestamp(moment: datetime) -> timestamp_pb2.Timestamp:
    stamp = timestamp_pb2.Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def _id_token(value: str) -> id_token_pb2.IdToken:
    return id_token_pb2.IdToken(value=value)
