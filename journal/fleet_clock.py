"""One time for all processes of a fleet: that of the database.

Leases, deadlines and facts are written by one process and compared by another. With the clocks of
their machines a process that is two hours slow would let a start end before it began. So a process
reads the database's clock when it starts, and every ten seconds, and counts on from there with a
clock that nobody sets (monotonic). The wall clock of its machine does not matter, however wrong it
is and however it jumps. That it is wrong is told: other programs believe it.

SQLite is on the machine of its one process, so that there is nothing to compare.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from fleet.engine.unavailable import DatabaseUnavailable
from journal.clock import Clock, system_clock
from telemetry import metrics

MEASURED_EVERY_S = 10.0
LONGEST_ROUND_TRIP_S = 1.0
"""An answer that took longer says too little: it may be wrong by half of that."""

WORTH_AN_ALARM_S = 2.0
"""By how much the wall clock may differ from the database's before an operator has to look."""

SURE_S = 0.005
"""Differences below this are noise, or the drift of ten seconds."""

_WAKES_EVERY_S = 1.0
"""How often it is checked whether the machine was asleep: then it is measured at once."""

_log = structlog.get_logger(__name__)


def elapsed_s() -> float:
    """Seconds by a clock that nobody sets. Where there is one, it counts the machine's sleep."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@dataclass(frozen=True)
class Reading:
    """What the database's clock said. begun_s, ended_s: of the reading, by `elapsed_s`."""

    said: datetime
    begun_s: float
    ended_s: float

    @property
    def round_trip_s(self) -> float:
        """How long the reading took."""
        return self.ended_s - self.begun_s

    @property
    def doubt_s(self) -> float:
        """By how much its time may be wrong."""
        return self.round_trip_s / 2 + SURE_S

    def at(self, now_s: float) -> datetime:
        """The database's time then: it was read in the middle of the round trip."""
        return self.said + timedelta(seconds=now_s - (self.begun_s + self.ended_s) / 2)


def better(known: Reading | None, new: Reading) -> Reading | None:
    """The reading to go on with. A new one that agrees with the known one tells nothing new."""
    if new.round_trip_s > LONGEST_ROUND_TRIP_S:
        return known
    if known is None:
        return new
    differs_s = abs((new.at(new.ended_s) - known.at(new.ended_s)).total_seconds())
    return new if differs_s > new.doubt_s else known


class ClockNotMeasured(Exception):
    """The database answered too slowly to tell the time."""


class FleetClock:
    """The time of the fleet, in this process.

    read: reads the database's clock; None: there is none, and the wall clock is right.
    wall: the clock of this machine. elapsed: see `elapsed_s`.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[datetime]] | None,
        *,
        wall: Clock = system_clock,
        elapsed: Callable[[], float] = elapsed_s,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sleep = sleep
        self._read = read
        self._wall = wall
        self._elapsed = elapsed
        self._reading: Reading | None = None
        self._is_off = False

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        if self._reading is None:
            return self._wall()
        return self._reading.at(self._elapsed())

    async def measure(self) -> None:
        """Compare with the database's clock.

        Raises: DatabaseUnavailable; ClockNotMeasured: nothing is known of it yet.
        """
        if self._read is None:
            return
        begun_s = self._elapsed()
        said = await self._read()
        new = Reading(said, begun_s, self._elapsed())
        self._reading = better(self._reading, new)
        if self._reading is None:
            raise ClockNotMeasured(f"it took {new.round_trip_s:.1f} s to tell the time")
        self._tell(self._ahead_s())

    async def run(self) -> None:
        """Measure regularly, until cancelled."""
        while self._read is not None:
            await self._pause()
            try:
                await self.measure()
            except (DatabaseUnavailable, ClockNotMeasured):
                _log.warning("clock_not_measured")

    async def _pause(self) -> None:
        """Return when it is time to measure, or when wall clock and time have come apart."""
        before_s, due_s = self._ahead_s(), self._elapsed() + MEASURED_EVERY_S
        while self._elapsed() < due_s:
            await self._sleep(_WAKES_EVERY_S)
            if abs(self._ahead_s() - before_s) > WORTH_AN_ALARM_S / 2:
                return

    def _ahead_s(self) -> float:
        """By how much the wall clock is ahead; negative: behind."""
        return (self._wall() - self.now()).total_seconds()

    def _tell(self, ahead_s: float) -> None:
        metrics.CLOCK_OFFSET.set(ahead_s)
        is_off = abs(ahead_s) > WORTH_AN_ALARM_S
        if is_off and not self._is_off:
            _log.error("clock_is_off", ahead_s=round(ahead_s, 3))
        elif self._is_off and not is_off:
            _log.info("clock_is_right", ahead_s=round(ahead_s, 3))
        self._is_off = is_off
