"""Keeps one station connected: opens the socket, boots, delivers the outbox in order.

Messages with `keep` stay in the outbox until the back end has answered them, also over a loss of
the network. After a reconnection the station sends the present statuses first, then these messages.
"""

import asyncio
from collections import Counter
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from websockets.exceptions import InvalidHandshake, InvalidStatus

from simulator.behaviour import Behaviour
from simulator.charger.model import Event
from simulator.config import StationConfig
from simulator.connection.outbox import Outbox
from simulator.connection.socket import (
    CallErrorReceived,
    OcppSocket,
    SocketLost,
    Writing,
    opened_socket,
)
from simulator.dialects.messages import CallErrorReply, Outgoing, Payload, StationDialect

_ATTEMPTS = 3
_RETRY_S = 1.0


class ConnectionOwner(Protocol):
    """The station that the connection belongs to."""

    config: StationConfig
    dialect: StationDialect
    behaviour: Behaviour

    def now(self) -> datetime:
        """The time that its clock shows."""

    def tell(self, text: str) -> None:
        """Reports what happens, for a human."""

    def perform(self, events: list[Event]) -> None:
        """Carries out events of the charger."""

    def statuses(self) -> list[Outgoing]:
        """A StatusNotification of every EVSE."""

    def ready(self) -> None:
        """It is connected and booted."""

    async def on_call(self, action: str, payload: Payload) -> Payload | CallErrorReply | None:
        """The answer to a CALL of the back end. None: the CALL stays without an answer."""


class CsmsConnection:
    """The connection of one station to its back end (CSMS).

    sent: the number of CALLs by action. changed (argument): is set after every change here.
    """

    def __init__(self, owner: ConnectionOwner, changed: asyncio.Event) -> None:
        self.outbox = Outbox()
        self.sent: Counter[str] = Counter()
        self.connected = self.booted = False
        self.connections = 0
        self.refused_with: int | None = None
        self.boot_reason = "PowerUp"
        self._password: str | None = None
        self._owner = owner
        self._changed = changed
        self._socket: OcppSocket | None = None
        self._may_connect = asyncio.Event()
        self._may_connect.set()

    def post(self, outgoing: Outgoing) -> None:
        """Sends a message when it is its turn."""
        self.outbox.post(outgoing)
        self._changed.set()

    def drop(self) -> None:
        """Cuts the network; it connects again after `reconnect_s`."""
        if self._socket is not None:
            self._socket.drop()

    def go_offline(self) -> None:
        """Cuts the network and keeps it cut until `go_online`."""
        self._may_connect.clear()
        self.connected = False
        self.drop()

    def go_online(self) -> None:
        """Lets it connect again."""
        self._may_connect.set()

    async def use_password(self, password: str) -> None:
        """Connects again with another password than the configured one."""
        self._password = password
        if self._socket is not None:
            await self._socket.close()

    async def close(self) -> None:
        """Closes the connection in order and does not connect again."""
        self._may_connect.clear()
        if self._socket is not None:
            await self._socket.close()

    async def stay_connected(self) -> None:
        """Connects, and connects again after every loss."""
        while True:
            await self._may_connect.wait()
            try:
                await self._connect_once()
            except InvalidStatus as refusal:
                self.refused_with = refusal.response.status_code
                self._owner.tell(f"refused with HTTP {self.refused_with}")
            except (OSError, InvalidHandshake, SocketLost, CallErrorReceived) as error:
                self._owner.tell(f"no connection: {error}")
            finally:
                self.connected, self._socket = False, None
                self._changed.set()
            await asyncio.sleep(self._owner.config.reconnect_s)

    def opened_socket(self) -> AbstractAsyncContextManager[OcppSocket]:
        """Opens a socket with the station's identity and password."""
        owner, config = self._owner, self._owner.config
        return opened_socket(
            config.address(),
            subprotocol=self._owner.dialect.subprotocol,
            user=config.id,
            password=config.password if self._password is None else self._password,
            timeout_s=config.connect_timeout_s,
            on_call=self._owner.on_call,
            writing=Writing(lambda: owner.behaviour),
        )

    async def _connect_once(self) -> None:
        async with self.opened_socket() as socket:
            self._socket, self.connected, self.refused_with = socket, True, None
            self.connections += 1
            self._changed.set()
            self._owner.tell(f"connected to {self._owner.config.address()}")
            talking = asyncio.create_task(self._talk(socket))
            talking.add_done_callback(lambda _ended: socket.drop())
            try:
                await socket.read()
            finally:
                talking.cancel()
                self._owner.tell("disconnected")
            await asyncio.wait([talking])
            if not talking.cancelled() and (error := talking.exception()) is not None:
                raise error

    async def _talk(self, socket: OcppSocket) -> None:
        """Sends everything on one connection, in order: boot, statuses, outbox, heartbeats."""
        interval_s = 300.0
        if self._must_boot():
            interval_s = await self._boot(socket)
        self.outbox.begin_with(self._owner.statuses())
        self._owner.ready()
        heartbeat_s = self._owner.config.heartbeat_s or max(interval_s, 1.0)
        while True:
            if not self.outbox:
                self._changed.clear()
                try:
                    async with asyncio.timeout(heartbeat_s):
                        await self._changed.wait()
                except TimeoutError:
                    await self._deliver(socket, Outgoing("Heartbeat", dict))
                continue
            await self._deliver(socket, self.outbox.first)
            self.outbox.done()
            self._changed.set()

    def _must_boot(self) -> bool:
        if not self.booted and not self._owner.behaviour.boots and self.boot_reason == "PowerUp":
            self.booted = True
            return False
        return not self.booted or self._owner.config.boot_on_reconnect

    async def _boot(self, socket: OcppSocket) -> float:
        """Sends BootNotification until it is accepted. Returns the heartbeat interval, in s."""
        while True:
            outgoing = self._owner.dialect.boot(self.boot_reason)
            result = await self._call(socket, outgoing.action, outgoing.payload() or {})
            interval_s = float(result.get("interval") or 60)
            self._owner.tell(f"boot {result.get('status')}, heartbeat every {interval_s:.0f} s")
            if result.get("status") == "Accepted":
                self.booted = True
                self._changed.set()
                return interval_s
            await asyncio.sleep(interval_s)

    async def _deliver(self, socket: OcppSocket, outgoing: Outgoing) -> None:
        """Sends one message. One with `keep` is tried again when it is refused or not answered.

        Raises: SocketLost. The message then stays in the outbox.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            payload = outgoing.payload()
            if payload is None:
                return
            try:
                result = await self._call(socket, outgoing.action, payload)
            except (CallErrorReceived, TimeoutError) as error:
                self._owner.tell(f"{outgoing.action} failed: {error!r}")
                if not outgoing.keep:
                    return
                await asyncio.sleep(_RETRY_S * attempt)
                continue
            taken = self._owner.behaviour.takes_answer(self.connections, outgoing.action, payload)
            if not taken:
                socket.drop()
                raise SocketLost("the connection was lost with the answer")
            if outgoing.on_answer is not None:
                self._owner.perform(outgoing.on_answer(result, self._owner.now()))
            return

    async def _call(self, socket: OcppSocket, action: str, payload: Payload) -> Payload:
        self.sent[action] += 1
        self._changed.set()
        return await socket.call(action, payload, self._owner.config.call_timeout_s)
