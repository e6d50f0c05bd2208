"""Spans of time: from a moment on, and up to another one that is not part of it.

A span keeps both moments in UTC. Python compares and adds two times of one time zone by what the
clock on the wall shows, so that an hour is lost or counted twice when the clocks change.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `start` (part of it) to `end` (not part of it).

    from_tick, to_tick: the same in microseconds since 1970, with which the planning computes.
    Raises: ValueError: a time without a time zone, or an end that is not after the start.
    """

    start: datetime
    end: datetime
    from_tick: int = field(init=False, repr=False, compare=False)
    to_tick: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.start.tzinfo is not UTC or self.end.tzinfo is not UTC:  # rows are in UTC already
            if self.start.utcoffset() is None or self.end.utcoffset() is None:
                raise ValueError("a span needs times with a time zone")
            object.__setattr__(self, "start", self.start.astimezone(UTC))
            object.__setattr__(self, "end", self.end.astimezone(UTC))
        if self.end <= self.start:
            raise ValueError("a span ends after it starts")
        object.__setattr__(self, "from_tick", (self.start - _EPOCH) // _TICK)
        object.__setattr__(self, "to_tick", (self.end - _EPOCH) // _TICK)

    @property
    def length(self) -> timedelta:
        """How long it takes."""
        return self.end - self.start

    def overlaps(self, other: "Span", buffer: timedelta = timedelta()) -> bool:
        """Whether both have a moment in common, or less than `buffer` lies between them."""
        return self.start < other.end + buffer and other.start < self.end + buffer

    def moved(self, by: timedelta) -> "Span":
        """The same length, so much later; earlier if `by` is negative."""
        return Span(self.start + by, self.end + by)


def ticks_of(length: timedelta) -> int:
    """The length in microseconds: what ticks are counted in."""
    return length // _TICK


def time_of(tick: int) -> datetime:
    """The time in UTC of a tick."""
    return _EPOCH + tick * _TICK


NAMED_STEP = timedelta(minutes=15)
"""The distance of the other times that are looked at for one that has no room."""

NAMED_NEAR = timedelta(hours=12)
"""How far from it they are at most."""

MOST_NAMED = 3
"""How many of them are named."""


def other_times(asked: Span, now: datetime) -> list[Span]:
    """Spans of the same length around one, by their start: those that are still to come."""
    most = NAMED_NEAR // NAMED_STEP
    around = [asked.moved(NAMED_STEP * steps) for steps in range(-most, most + 1)]
    return [one for one in around if one.start > now]


def nearest_first(asked: Span, found: Iterable[Span]) -> list[Span]:
    """The nearest ones, and no more than are named. Of two that are equally near the later one."""

    def distance(one: Span) -> tuple[timedelta, bool]:
        return abs(one.start - asked.start), one.start < asked.start

    return sorted(found, key=distance)[:MOST_NAMED]
