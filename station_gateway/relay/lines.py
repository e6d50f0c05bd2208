"""The line from one station to its back end (CSMS): until it is lost, or held through an outage.

    mirror    the line ends with its socket, and the station's socket with the line
    hold      the back end is dialled again, as the same station, for a named time. What the station
              says meanwhile waits in an `StationOutbox`; nothing is answered, nothing is invented

A hold ends as a mirror does: when its time is over, when no more may be kept, or when the back end
refuses the station. The station got no answer for what is dropped then, so it has it still: but for
what asks for no answer. All that is dropped is counted and told.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from station_gateway.relay_settings import RelaySettings
from station_gateway.session import frames
from station_gateway.session.copies import Allowance
from station_gateway.session.outbox import Frame, NoRoom, StationOutbox
from station_gateway.session.pairing import head_of
from station_gateway.stations.ports import BackEndAway, Redial, SocketGone, TextSocket
from telemetry import metrics

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.5
"""Within which a lost back end is dialled first; the pause doubles with each try."""

LONGEST_PAUSE_S = 10.0


class BackEndLine(Protocol):
    """The way to the back end of one station."""

    @property
    def sockets(self) -> tuple[TextSocket, ...]:
        """The websockets to the back end that have to live."""

    @property
    def outlives_its_socket(self) -> bool:
        """Whether the line goes on when its socket is gone."""

    @property
    def idle(self) -> bool:
        """Whether nothing waits for the back end."""

    def say(self, frame: Frame) -> None:
        """Pass on what the station says. Raises: SocketGone when it cannot, nor keep it."""

    def drop_answer(self) -> None:
        """Count an answer to a CALL of a back end that is gone."""

    async def flowing(self) -> None:
        """Return when the back end takes our bytes, or is away. Raises: SocketGone."""

    async def read(self) -> Frame:
        """The next message of the back end. Raises: SocketGone when the line is over."""

    def hang_up(self, code: int, reason: str) -> None:
        """End the line."""


class MirrorLine:
    """A line that ends with its socket."""

    __slots__ = ("_socket",)

    outlives_its_socket = False
    idle = True

    def __init__(self, socket: TextSocket) -> None:
        self._socket = socket

    @property
    def sockets(self) -> tuple[TextSocket, ...]:
        """See `BackEndLine.sockets`."""
        return (self._socket,)

    def say(self, frame: Frame) -> None:
        """See `BackEndLine.say`."""
        self._socket.write(frame)

    def drop_answer(self) -> None:
        """See `BackEndLine.drop_answer`: no asker of such a line is ever gone."""

    async def flowing(self) -> None:
        """See `BackEndLine.flowing`."""
        await self._socket.flowing()

    async def read(self) -> Frame:
        """See `BackEndLine.read`."""
        return await self._socket.read()

    def hang_up(self, code: int, reason: str) -> None:
        """See `BackEndLine.hang_up`."""
        self._socket.hang_up(code, reason)


@dataclass(frozen=True, slots=True)
class Holding:
    """How a line is held. on_lost: called with the loop time until which it is, each time."""

    station: str
    settings: RelaySettings
    allowance: Allowance
    redial: Redial
    on_lost: Callable[[float], None]


class HeldLine:
    """A line that is held while the back end is away."""

    __slots__ = (
        "_away",
        "_held",
        "_loop",
        "_outbox",
        "_over",
        "_since_s",
        "_socket",
        "_stood_s",
        "_tries",
        "_turn",
    )

    outlives_its_socket = True

    def __init__(self, socket: TextSocket, held: Holding) -> None:
        settings = held.settings
        self._held = held
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._outbox = StationOutbox(
            frames_limit=settings.upstream_lost_frames,
            bytes_limit=settings.upstream_lost_bytes,
            allowance=held.allowance,
        )
        self._away = self._over = False
        self._since_s = self._stood_s = self._loop.time()
        self._tries = 0
        self._turn: asyncio.TimerHandle | None = None

    @property
    def sockets(self) -> tuple[TextSocket, ...]:
        """See `BackEndLine.sockets`."""
        return () if self._away else (self._socket,)

    @property
    def idle(self) -> bool:
        """See `BackEndLine.idle`."""
        return not (self._away or self._outbox.replays)

    # --- what the station says

    def say(self, frame: Frame) -> None:
        """See `BackEndLine.say`."""
        if not self._socket.alive:
            self._lose("closed")
        try:
            self._write(self._outbox.say(frame))
        except NoRoom:
            metrics.RELAY_HELD_FRAMES.labels(end="given_up").inc()
            raise SocketGone("hold_full") from None
        self._count()

    def drop_answer(self) -> None:
        """See `BackEndLine.drop_answer`."""
        metrics.RELAY_HELD_FRAMES.labels(end="unasked").inc()

    async def flowing(self) -> None:
        """See `BackEndLine.flowing`."""
        if self._away:
            return
        try:
            await self._socket.flowing()
        except SocketGone:
            self._lose("stuck")

    def _write(self, going: list[Frame]) -> None:
        for frame in going:
            self._socket.write(frame)

    def _replay(self, going: list[Frame]) -> None:
        """Write what waited, and give its CALL time to be answered."""
        metrics.RELAY_HELD_FRAMES.labels(end="replayed").inc(len(going))
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        self._write(going)
        if self._outbox.out is not None:
            self._turn = self._loop.call_later(self._held.settings.upstream_turn_s, self._turn_over)

    def _turn_over(self) -> None:
        if not self._away:
            self._replay(self._outbox.turn_over())

    def _count(self) -> None:
        outbox = self._outbox
        if outbox.unasked:
            metrics.RELAY_HELD_FRAMES.labels(end="unasked").inc(outbox.unasked)
        if outbox.repeated:
            metrics.RELAY_HELD_FRAMES.labels(end="repeated").inc(outbox.repeated)
        outbox.unasked = outbox.repeated = 0

    # --- what the back end says

    async def read(self) -> Frame:
        """See `BackEndLine.read`."""
        while True:
            try:
                frame = await self._socket.read()
            except SocketGone as gone:
                await self._come_back(str(gone))
                continue
            if self._heard(frame):
                return frame

    def _heard(self, frame: Frame) -> bool:
        """Whether the station is to hear this: a CALL only while its asker is there."""
        head = head_of(frame)
        if head.is_answer:
            out = self._outbox.out
            going = self._outbox.answered(head.message_id)
            if out is not None and out == head.message_id:
                self._replay(going)
        if self._away and head.type_number == frames.CALL:
            metrics.RELAY_HELD_FRAMES.labels(end="not_asked").inc()
            return False
        if not self._away:
            self._tries = 0
        return True

    # --- while it is away

    def _lose(self, why: str) -> None:
        if self._away or self._over:
            return
        self._away = True
        now_s = self._loop.time()
        if self._tries == 0 or now_s - self._stood_s > self._held.settings.upstream_lost_s:
            self._tries, self._since_s = 0, now_s  # one that said nothing goes on with its outage
        self._outbox.lose()
        self._socket.abort()
        metrics.RELAY_HELD.inc()
        log.warning("upstream_held", station=self._held.station, why=why)
        self._held.on_lost(self._until_s)

    @property
    def _until_s(self) -> float:
        return self._since_s + self._held.settings.upstream_lost_s

    async def _come_back(self, why: str) -> None:
        """Dial the back end until it is there. Raises: SocketGone."""
        self._lose(why)
        if self._over:
            raise SocketGone(why)
        try:
            async with asyncio.timeout_at(self._until_s):
                socket = await self._dialled()
        except TimeoutError:
            raise SocketGone("hold_over") from None
        if self._over:  # the station left in this very moment
            socket.abort()
            raise SocketGone(why)
        self._socket, self._stood_s = socket, self._loop.time()
        self._away = False
        metrics.RELAY_HELD.dec()
        log.info("upstream_back", station=self._held.station, waiting=len(self._outbox))
        self._replay(self._outbox.connect())

    async def _dialled(self) -> TextSocket:
        least_s = 0.0
        while True:
            longest_s = min(FIRST_PAUSE_S * 2.0**self._tries, LONGEST_PAUSE_S)
            self._tries = min(self._tries + 1, 10)
            await asyncio.sleep(least_s + random.uniform(0.0, longest_s))  # noqa: S311
            try:
                return await self._held.redial()
            except BackEndAway as away:
                if away.final:
                    log.warning("upstream_refuses", station=self._held.station, why=str(away))
                    raise SocketGone("upstream_refused") from away
                least_s = float(away.retry_after_s)

    def hang_up(self, code: int, reason: str) -> None:
        """See `BackEndLine.hang_up`."""
        if self._over:
            return
        self._over = True
        if self._turn is not None:
            self._turn.cancel()
        if self._away:
            metrics.RELAY_HELD.dec()
        self._count()
        if given_up := self._outbox.end():
            metrics.RELAY_HELD_FRAMES.labels(end="given_up").inc(given_up)
            log.warning("held_frames_given_up", station=self._held.station, frames=given_up)
        self._socket.hang_up(code, reason)
