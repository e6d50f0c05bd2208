"""Keeps one station connected: opens the socket, boots, delivers the outbox in order.

Transaction messages stay in the outbox until the back end answered them, over any loss of the
network; the others are said again after it.
"""

import asyncio
from collections import Counter
from datetime import datetime
from typing import Protocol

from websockets.exceptions import InvalidHandshake, InvalidStatus

from simulator.config import StationConfig
from simulator.connection.socket import CallRefused, Frames, Link, LinkLost, opened_link
from simulator.dialects.messages import Dialect, Outgoing, Payload, Refusal
from simulator.charger.model import Event
from simulator.connection.outbox import Outbox

_ATTEMPTS = 3
_RETRY_S = 1.0


class Owner(Protocol):
    """The station behind the line."""

    config: StationConfig
    dialect: Dialect

    def now(self) -> datetime:
        """What its clock shows."""

    def tell(self, line: str) -> None:
        """Says a line to whoever watches."""

    def perform(self, events: list[Event]) -> None:
        """Lets events happen."""

    def statuses(self) -> list[Outgoing]:
        """How every outlet stands."""

    def ready(self) -> None:
        """Connected, and booted."""

    def written(self, frame: list[object]) -> Frames:
        """What is written instead of a frame."""

    async def on_call(self, action: str, payload: Payload) -> Payload | Refusal | None:
        """Answers the back end."""


class Line:
    """The connection of one station. `news` is set whenever something here has changed."""

    def __init__(self, owner: Owner, news: asyncio.Event) -> None:
        self.outbox = Outbox()
        self.said: Counter[str] = Counter()
        self.connected = self.booted = False
        self.connections = 0
        self.refused_with: int | None = None
        self.boot_reason = "PowerUp"
        self._owner = owner
        self._news = news
        self._link: Link | None = None
        self._may_connect = asyncio.Event()
        self._may_connect.set()

    def post(self, outgoing: Outgoing) -> None:
        """Says something as soon as it is its turn."""
        self.outbox.post(outgoing)
        self._news.set()

    def drop(self) -> None:
        """Cuts the network; it is tried again after a while."""
        if self._link is not None:
            self._link.drop()

    def go_offline(self) -> None:
        """Cuts the network and keeps it cut until `go_online`."""
        self._may_connect.clear()
        self.connected = False
        self.drop()

    def go_online(self) -> None:
        """Lets it connect again."""
        self._may_connect.set()

    async def close(self) -> None:
        """Closes the connection in order, for good."""
        self._may_connect.clear()
        if self._link is not None:
            await self._link.close()

    async def stay_connected(self) -> None:
        """Connects, again and again."""
        while True:
            await self._may_connect.wait()
            try:
                await self._connect_once()
            except InvalidStatus as refusal:
                self.refused_with = refusal.response.status_code
                self._owner.tell(f"refused with HTTP {self.refused_with}")
            except (OSError, InvalidHandshake, LinkLost, CallRefused) as error:
                self._owner.tell(f"no connection: {error}")
            finally:
                self.connected, self._link = False, None
                self._news.set()
            await asyncio.sleep(self._owner.config.reconnect_s)

    async def _connect_once(self) -> None:
        config = self._owner.config
        async with opened_link(
            config.address(),
            subprotocol=self._owner.dialect.subprotocol,
            user=config.id,
            password=config.password,
            timeout_s=config.connect_timeout_s,
            on_call=self._owner.on_call,
            written=self._owner.written,
        ) as link:
            self._link, self.connected, self.refused_with = link, True, None
            self.connections += 1
            self._news.set()
            self._owner.tell(f"connected to {config.address()}")
            talking = asyncio.create_task(self._talk(link))
            talking.add_done_callback(lambda _ended: link.drop())
            try:
                await link.read()
            finally:
                talking.cancel()
                self._owner.tell("disconnected")
            await asyncio.wait([talking])
            if not talking.cancelled() and (error := talking.exception()) is not None:
                raise error

    async def _talk(self, link: Link) -> None:
        """Everything that the station says on one connection, in order."""
        interval_s = 300.0
        if not self.booted or self._owner.config.boot_on_reconnect:
            interval_s = await self._boot(link)
        self.outbox.begin_with(self._owner.statuses())
        self._owner.ready()
        heartbeat_s = self._owner.config.heartbeat_s or max(interval_s, 1.0)
        while True:
            if not self.outbox:
                self._news.clear()
                try:
                    async with asyncio.timeout(heartbeat_s):
                        await self._news.wait()
                except TimeoutError:
                    await self._deliver(link, Outgoing("Heartbeat", dict))
                continue
            await self._deliver(link, self.outbox.first)
            self.outbox.done()
            self._news.set()

    async def _boot(self, link: Link) -> float:
        """Says BootNotification until it is accepted. Returns the heartbeat interval in seconds."""
        while True:
            outgoing = self._owner.dialect.boot(self.boot_reason)
            result = await self._call(link, outgoing.action, outgoing.payload() or {})
            interval_s = float(result.get("interval") or 60)
            self._owner.tell(f"boot {result.get('status')}, heartbeat every {interval_s:.0f} s")
            if result.get("status") == "Accepted":
                self.booted = True
                self._news.set()
                return interval_s
            await asyncio.sleep(interval_s)

    async def _deliver(self, link: Link, outgoing: Outgoing) -> None:
        """Sends one message; a refused or unanswered one is tried again a few times.

        Raises: LinkLost; the message is then still in the outbox.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            payload = outgoing.payload()
            if payload is None:
                return
            try:
                result = await self._call(link, outgoing.action, payload)
            except (CallRefused, TimeoutError) as error:
                self._owner.tell(f"{outgoing.action} failed: {error!r}")
                if not outgoing.keep:
                    return
                await asyncio.sleep(_RETRY_S * attempt)
                continue
            if outgoing.heard is not None:
                self._owner.perform(outgoing.heard(result, self._owner.now()))
            return

    async def _call(self, link: Link, action: str, payload: Payload) -> Payload:
        self.said[action] += 1
        self._news.set()
        return await link.call(action, payload, self._owner.config.call_timeout_s)
