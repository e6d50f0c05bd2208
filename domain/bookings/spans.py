"""Spans of time: from a moment on, and up to another one that is not part of it.

A span keeps both moments in UTC. Python compares and adds two times of one time zone by what the
clock on the wall shows, so that an hour is lost or counted twice when the clocks change.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `start` (part of it) to `end` (not part of it).

    Raises: ValueError: a time without a time zone, or an end that is not after the start.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.utcoffset() is None or self.end.utcoffset() is None:
            raise ValueError("a span needs times with a time zone")
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))
        if self.end <= self.start:
            raise ValueError("a span ends after it starts")

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


def ticks(time: datetime) -> int:
    """Microseconds since 1970: what the planning computes with."""
    return (time - _EPOCH) // _TICK


def ticks_of(length: timedelta) -> int:
    """The length in microseconds."""
    return length // _TICK


def time_of(tick: int) -> datetime:
    """The time in UTC of what `ticks` gave."""
    return _EPOCH + tick * _TICK
