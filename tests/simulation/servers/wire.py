"""One TCP connection with a websocket on it, between a station and a gateway.

Messages arrive in order and a little late. A cut loses what is under way, and each side notices it
when it notices it: a half-open connection is one that one side believes in.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from station_gateway.stations.ports import SocketGone
from tests.simulation.repeatable.chance import Chance
from tests.simulation.repeatable.virtual_time import VirtualLoop
from tests.simulation.servers.processes import Process

_NEXT_S = 1e-6
"""What comes after another frame comes later: a loop keeps no order among timers of one time."""


class StationEnd(Protocol):
    """Whoever plugs its end of a wire in."""

    def heard(self, wire: "Wire", text: str) -> None:
        """A frame arrived."""

    def hung_up(self, wire: "Wire") -> None:
        """The connection ended, as this side sees it."""


@dataclass
class Carried:
    """One frame. up: to the gateway. arrived_s: None: it was lost."""

    text: str
    up: bool
    written_s: float
    arrived_s: float | None = None


class Wire:
    """The connection. `cut_s`: when it was cut, None while it holds. `carried`: all its frames.

    `unseen`: the gateway was not told that it was cut, and may believe in it for a while.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        chance: Chance,
        station: StationEnd,
        gateway: Process,
        *,
        latency_s: float,
    ) -> None:
        self.loop = loop
        self.gateway = gateway
        self.cut_s: float | None = None
        self.unseen = False
        self.carried: list[Carried] = []
        self.socket = GatewaySocket(self)
        self._chance = chance
        self._station = station
        self._latency_s = latency_s
        self._down_free_s = 0.0
        self._up_free_s = 0.0
        self._station_told = False

    @property
    def holds(self) -> bool:
        """Whether anything still gets through."""
        return self.cut_s is None

    def up(self, text: str) -> None:
        """A frame of the station."""
        if self.holds and not self._station_told:
            frame = self._carry(text, up=True)
            self._up_free_s = self._later(self._up_free_s, lambda: self._arrived_up(frame))

    def down(self, text: str) -> None:
        """A frame of the gateway."""
        if self.holds and self.gateway.alive:
            frame = self._carry(text, up=False)
            self._down_free_s = self._later(self._down_free_s, lambda: self._arrived_down(frame))

    def _carry(self, text: str, *, up: bool) -> Carried:
        frame = Carried(text, up, self.loop.time())
        self.carried.append(frame)
        return frame

    def cut(self, *, gateway_after_s: float | None, station_after_s: float | None) -> None:
        """Nothing gets through any more. None: that side does not notice."""
        if self.cut_s is None:
            self.cut_s = self.loop.time()
        self.unseen = gateway_after_s is None
        if gateway_after_s is not None:
            self.loop.call_later(gateway_after_s, self.socket.gone)
        if station_after_s is not None:
            self.loop.call_later(station_after_s, self._tell_station)

    def _later(self, free_s: float, deliver: Callable[[], None]) -> float:
        takes_s = self._latency_s * self._chance.between(0.5, 1.5)
        at_s = max(free_s + _NEXT_S, self.loop.time() + takes_s)
        self.loop.call_at(at_s, deliver)
        return at_s

    def _arrived_up(self, frame: Carried) -> None:
        if self.holds and self.gateway.alive:
            frame.arrived_s = self.loop.time()
            self.socket.take(frame.text)

    def _arrived_down(self, frame: Carried) -> None:
        if self.holds and not self._station_told:
            frame.arrived_s = self.loop.time()
            self._station.heard(self, frame.text)

    def _tell_station(self) -> None:
        if not self._station_told:
            self._station_told = True
            self._station.hung_up(self)


class GatewaySocket:
    """What a gateway holds of a wire, as `station_gateway.sockets.station_socket.StationSocket`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._frames: deque[str] = deque()
        self._news: asyncio.Future[None] | None = None
        self._gone = False
        self.heard_s = wire.loop.time()
        self.pinged = False
        self.served_s: float | None = None  # when a frame was first asked for
        self.close_code: int | None = None
        self.transport = self

    @property
    def backlog(self) -> int:
        """Frames that nobody has read yet."""
        return len(self._frames)

    async def read(self) -> str:
        """The next frame. Raises: SocketGone."""
        if self.served_s is None:
            self.served_s = self._wire.loop.time()
        while not self._frames:
            if self._gone:
                raise SocketGone("closed")
            self._news = self._wire.loop.create_future()
            await self._news
        return self._frames.popleft()

    def take(self, text: str) -> None:
        """A frame arrived."""
        if not self._gone:
            self.heard_s = self._wire.loop.time()
            self.pinged = False
            self._frames.append(text)
            self._tell()

    @property
    def alive(self) -> bool:
        """Whether this side believes in it."""
        return not self._gone

    def write(self, frame: str) -> None:
        """Hand a frame to TCP, which says nothing about its arrival."""
        if not self._gone:
            self._wire.down(frame)

    async def flowing(self) -> None:
        """TCP takes everything here."""

    def ping_now(self) -> None:
        """A living peer answers at once."""
        self.pinged = True
        if self._wire.holds:
            self._wire.loop.call_later(0.1, self._pong)

    def _pong(self) -> None:
        if self._wire.holds:
            self.heard_s = self._wire.loop.time()
            self.pinged = False

    async def answers(self, within_s: float) -> bool:
        """A living peer answers at once."""
        await asyncio.sleep(min(0.1, within_s))
        return self._wire.holds and not self._gone

    def hang_up(self, code: int, reason: str) -> None:
        """Close from the gateway's side."""
        del reason
        self.close_code = code
        self.abort()

    async def close(self, code: int, reason: str) -> None:
        """Close from the gateway's side."""
        self.hang_up(code, reason)

    def abort(self) -> None:
        """End TCP: the station sees it, if the line still holds."""
        held = self._wire.holds
        self.gone()
        self._wire.cut(gateway_after_s=None, station_after_s=0.05 if held else None)

    def gone(self) -> None:
        """The gateway's TCP says that the connection has ended."""
        self._gone = True
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, None
        if news is not None and not news.done():
            news.set_result(None)
