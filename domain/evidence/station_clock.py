"""How far a station's clock is ahead of ours, learned from its live messages.

A live message tells the time at which it is written, so the difference of its time to ours is the
clock's offset, less the time that the message took. A message about something old can only look
older. So of several differences that agree the largest is the offset, or a larger one that is near:
slow messages may agree, too. A single one that is far from the rest proves nothing.

A station keeps two clocks in its messages: times with an offset from UTC, and bare local times.
They are learned apart. A bare local time that lies a whole number of quarters of an hour from ours,
within the world's time zones, is taken for a live one before anything was learned.

A clock that was set ahead, or goes over to summer time, is followed at the second message: nothing
old can look newer. One that was set back looks like a replay of old messages. It is followed when
its messages agree while time goes by, which the messages of a replay do not.

Some stations have no clock at all: they write one instant into all that they say. Two messages of
one breath tell an offset all the same. Until a wrong clock was seen to run, a message that tells
the same instant later may be late, or the clock may stand still: its time proves nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from domain.limits import CLOCK_SLIP, CLOCK_TOLERANCE

AGREEMENT_S = 5.0
"""How far the differences of two live messages lie apart at most: the network's delay."""

LATE_S = 10.0
"""By how much several messages may be late that agree, and so look older than a better one."""

SAMPLES = 8
"""How many messages are kept: enough to see a jump, few enough to forget it."""

FIRST_SAMPLES = 2
"""How many messages must agree before the clock counts as known, or as set ahead."""

BACK_SAMPLES = 3
BACK_SPAN_S = 10.0
"""How many messages must agree, and over how long, before a clock counts as set back."""

SAME_S = 0.5
"""How far two told times lie apart at most that are one instant."""

BREATH_S = 2.0
"""Within which time several messages may tell one instant. Later it is one message, repeated."""

QUARTER_S = 900.0
FARTHEST_WEST_S, FARTHEST_EAST_S = -12 * 3600.0, 14 * 3600.0
"""The time zones of the world: whole quarters of an hour from UTC-12 to UTC+14."""

_FARTHEST_S = 100 * 366 * 86_400.0
"""No clock is farther off: it bounds what is stored."""


@dataclass(frozen=True)
class Sample:
    """One message: its time minus ours, and when we got it."""

    skew_s: float
    received: datetime


@dataclass(frozen=True)
class Clock:
    """What is known of one clock of a station.

    offset_s: the station's time minus ours; None while it is not known. spread_s: how far the
    messages that told it lie apart.
    only_s: the one instant that all messages which told the offset have told, in seconds since 1970
    by the station's clock; None: the clock was seen to run, or it is right.
    """

    offset_s: float | None = None
    spread_s: float = 0.0
    samples: tuple[Sample, ...] = ()
    only_s: float | None = None

    def heard(self, skew_s: float, received: datetime) -> "Clock":
        """The clock after a message that was live, as far as the station said."""
        if self._has_told(skew_s, received):
            return self
        samples = (*self.samples, Sample(skew_s, received))[-SAMPLES:]
        agreeing = _agreeing(samples)
        if not self._is_proven(skew_s, agreeing):
            return replace(self, samples=samples)
        if self._is_back(skew_s):
            samples = tuple(agreeing)  # what it told before it was set back counts no longer
        skews = [sample.skew_s for sample in agreeing]
        offset_s = _least_late(max(skews), samples)
        only_s = self._only_instant(offset_s, agreeing)
        return Clock(offset_s, max(skews) - min(skews), samples, only_s)

    def may_stand(self, skew_s: float, received: datetime) -> bool:
        """Whether a message tells again, later, the one instant that told the offset."""
        if self.offset_s is None or self.only_s is None:
            return False
        is_same = abs(_told_s(skew_s, received) - self.only_s) < SAME_S
        return is_same and skew_s < self.offset_s - AGREEMENT_S

    def _only_instant(self, offset_s: float, agreeing: list[Sample]) -> float | None:
        """The one instant that told this offset; None when several did, or the clock is right."""
        told = [_told_s(sample.skew_s, sample.received) for sample in agreeing]
        if self.offset_s is not None and abs(offset_s - self.offset_s) <= AGREEMENT_S:
            if self.only_s is None:
                return None
            told.append(self.only_s)
        is_right = abs(offset_s) <= CLOCK_TOLERANCE.total_seconds()
        return None if is_right or max(told) - min(told) >= SAME_S else told[-1]

    def _is_proven(self, skew_s: float, agreeing: list[Sample]) -> bool:
        """Whether the messages that agree with the newest one tell the offset."""
        if self._is_back(skew_s):
            span = agreeing[-1].received - agreeing[0].received
            return len(agreeing) >= BACK_SAMPLES and span.total_seconds() >= BACK_SPAN_S
        known = self.offset_s is not None and skew_s <= self.offset_s + AGREEMENT_S
        return known or len(agreeing) >= FIRST_SAMPLES

    def _has_told(self, skew_s: float, received: datetime) -> bool:
        """Whether a message told this very instant before: it is repeated, or the clock stands."""
        told_s = _told_s(skew_s, received)
        return any(
            abs(_told_s(sample.skew_s, sample.received) - told_s) < SAME_S
            and (received - sample.received).total_seconds() > BREATH_S
            for sample in self.samples
        )

    def _is_back(self, skew_s: float) -> bool:
        """Whether a message tells an older time than the known clock: set back, late or old."""
        return self.offset_s is not None and skew_s < self.offset_s - AGREEMENT_S


def _least_late(offset_s: float, samples: tuple[Sample, ...]) -> float:
    """The offset as the least late message tells it: several may be late by as much."""
    near = [sample.skew_s for sample in samples if sample.skew_s <= offset_s + LATE_S]
    return max(near)


def _told_s(skew_s: float, received: datetime) -> float:
    """The time that a message told, in seconds since 1970."""
    return received.timestamp() + skew_s


def _agreeing(samples: tuple[Sample, ...]) -> list[Sample]:
    """The newest messages, back to the first one that does not agree with the newest."""
    newest, found = samples[-1], []
    for sample in reversed(samples):
        if abs(sample.skew_s - newest.skew_s) > AGREEMENT_S:
            break
        found.append(sample)
    return found[::-1]


@dataclass(frozen=True)
class StationClock:
    """Both clocks of a station: of times with an offset from UTC, and of bare local times."""

    zoned: Clock = Clock()
    bare: Clock = Clock()

    def heard(self, skew_s: float, received: datetime, *, zoned: bool) -> "StationClock":
        """The clocks after a message that was live, as far as the station said."""
        if abs(skew_s) > _FARTHEST_S:
            return self
        if zoned:
            return StationClock(self.zoned.heard(skew_s, received), self.bare)
        return StationClock(self.zoned, self.bare.heard(skew_s, received))

    def offset_of(self, skew_s: float, *, zoned: bool) -> float:
        """By how much a message's time is to be corrected, in seconds; 0: it stays as it is.

        skew_s: the message's time minus ours.
        """
        tolerance_s = CLOCK_TOLERANCE.total_seconds()
        known = (self.zoned if zoned else self.bare).offset_s
        if known is not None and skew_s <= known + tolerance_s:
            return known if abs(known) > tolerance_s else 0.0
        return 0.0 if zoned else _zone_of(skew_s)

    def may_stand(self, skew_s: float, received: datetime, *, zoned: bool) -> bool:
        """Whether this clock may stand still: a message tells again the one instant it ever told.

        skew_s: the message's time minus ours. received: when we got it.
        """
        return (self.zoned if zoned else self.bare).may_stand(skew_s, received)

    def is_known(self, *, zoned: bool) -> bool:
        """Whether messages have told what this clock shows."""
        return (self.zoned if zoned else self.bare).offset_s is not None

    def slack_of(self, corrected_s: float, *, zoned: bool) -> float | None:
        """By how much later than told something came about at most, in seconds.

        Less than 0 for a clock that is ahead; None: the clock is not known.
        corrected_s: the offset by which the told time was corrected already.
        """
        clock = self.zoned if zoned else self.bare
        if clock.offset_s is None:
            return None
        return corrected_s - clock.offset_s + max(CLOCK_SLIP.total_seconds(), clock.spread_s)

    def lead_of(self, corrected_s: float, *, zoned: bool) -> float | None:
        """How far a told time is still ahead of ours, in seconds; None: the clock is not known.

        Less than 0 for a clock that is behind. corrected_s: as in `slack_of`.
        """
        offset_s = (self.zoned if zoned else self.bare).offset_s
        return None if offset_s is None else offset_s - corrected_s

    def differs(self, other: "StationClock") -> bool:
        """Whether what is known differs so much that it is worth storing."""
        return _differ(self.zoned, other.zoned) or _differ(self.bare, other.bare)

    def stored(self) -> dict[str, dict[str, float]]:
        """What is known, as plain values."""
        clocks = {"zoned": self.zoned, "bare": self.bare}
        return {
            name: {"offset_s": clock.offset_s, "spread_s": clock.spread_s}
            | ({} if clock.only_s is None else {"only_s": clock.only_s})
            for name, clock in clocks.items()
            if clock.offset_s is not None
        }


def read_clock(stored: Mapping[str, Mapping[str, float]] | None) -> StationClock:
    """The clocks as `StationClock.stored` wrote them."""
    known = {
        name: Clock(values["offset_s"], values["spread_s"], only_s=values.get("only_s"))
        for name, values in (stored or {}).items()
        if name in {"zoned", "bare"}
    }
    return StationClock(known.get("zoned", Clock()), known.get("bare", Clock()))


def _differ(one: Clock, other: Clock) -> bool:
    if one.offset_s is None or other.offset_s is None:
        return one.offset_s is not other.offset_s
    if (one.only_s is None) is not (other.only_s is None):
        return True
    return abs(one.offset_s - other.offset_s) > AGREEMENT_S


def _zone_of(skew_s: float) -> float:
    """The time zone that makes a bare local time one of now; 0 when none does."""
    zone_s = round(skew_s / QUARTER_S) * QUARTER_S
    near = abs(skew_s - zone_s) <= CLOCK_TOLERANCE.total_seconds()
    return zone_s if near and FARTHEST_WEST_S <= zone_s <= FARTHEST_EAST_S else 0.0
