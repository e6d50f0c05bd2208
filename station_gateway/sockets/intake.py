"""How fast the bytes of one socket are taken: never faster than they may cost.

What came is parsed in small slices. Reading stops, and the rest of what came waits, while one of
these holds: too many messages wait, the station sent more than its rate, or it does not take what
we wrote (it would fill our memory with pongs). The station feels it as pressure in TCP.

An empty websocket frame costs about as much time as a kilobyte of text. So each frame counts as
`frame_cost` bytes beside its own. What the values of a message cost is charged by its reader.
"""

import asyncio
from collections.abc import Callable
from enum import Flag, auto

from domain.token_bucket import TokenBucket

SLICE_BYTES = 1024
"""Bytes that are parsed at once: 170 empty pings, which take some milliseconds."""


class Hold(Flag):
    """Why a socket is not read."""

    QUEUE = auto()  # messages wait for their reader
    RATE = auto()  # more bytes or frames than the rate
    WRITES = auto()  # the station does not take our bytes


_NONE = Hold(0)


class Intake:
    """The bytes of one socket on their way to its parser.

    take: parses a slice. It may call `count_frame` and `hold`.
    slowed: called when the station is above its rate.
    """

    __slots__ = (
        "_bucket",
        "_cost",
        "_frame_cost",
        "_holds",
        "_loop",
        "_over",
        "_rest",
        "_slowed",
        "_take",
        "_timer",
        "_transport",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        bucket: TokenBucket,
        take: Callable[[bytes], None],
        slowed: Callable[[], None],
        *,
        frame_cost: int,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._bucket = bucket
        self._take = take
        self._slowed = slowed
        self._frame_cost = frame_cost
        self._cost = 0
        self._holds = _NONE
        self._rest = b""
        self._timer: asyncio.TimerHandle | None = None
        self._over = False

    def received(self, data: bytes) -> None:
        """Parse what came, as far as nothing holds it up."""
        self._rest = self._rest + data if self._rest else data
        self._parse()

    def count_frame(self) -> None:
        """Count one frame that the parser found."""
        self._cost += self._frame_cost

    def charge(self, cost: float) -> None:
        """Count bytes. Above the rate nothing more is taken until they are paid."""
        wait_s = self._bucket.take(self._loop.time(), cost)
        if wait_s <= 0.0:
            return
        self._slowed()
        self.hold(Hold.RATE)
        if self._timer is not None:
            self._timer.cancel()
        if not self._over:
            self._timer = self._loop.call_later(wait_s, self.release, Hold.RATE)

    def hold(self, why: Hold) -> None:
        """Read and parse nothing more for now."""
        if not self._holds and not self._transport.is_closing():
            self._transport.pause_reading()
        self._holds |= why

    def release(self, why: Hold) -> None:
        """Take back one reason; when none is left, go on soon."""
        if why not in self._holds:
            return
        self._holds &= ~why
        if not self._holds:
            self._loop.call_soon(self._go_on)

    def finish(self) -> None:
        """The station sends nothing more. What its rate allows of the rest is parsed now."""
        self._over = True
        self._holds &= Hold.RATE
        self._parse()
        self._rest = b""
        if self._timer is not None:
            self._timer.cancel()

    def _go_on(self) -> None:
        if self._holds or self._over:
            return
        self._parse()
        if not self._holds and not self._transport.is_closing():
            self._transport.resume_reading()

    def _parse(self) -> None:
        rest, begin = self._rest, 0
        view = memoryview(rest)
        while begin < len(rest) and (not self._holds or self._only_over()):
            part = bytes(view[begin : begin + SLICE_BYTES])
            begin += len(part)
            self._cost = len(part)
            self._take(part)
            self.charge(self._cost)
        self._rest = rest[begin:]

    def _only_over(self) -> bool:
        """Whether the end of the station's bytes overrules what holds them up."""
        return self._over and Hold.RATE not in self._holds
