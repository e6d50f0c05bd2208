"""A reservation ends exactly once (I5), and in time (I3)."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from tests.chaos.judging.finding import Finding
from tests.chaos.judging.keeping import frames_of, number_of
from tests.chaos.judging.lateness import after_calm, outages
from tests.chaos.record import CommandAsked, Record, ReservationSeen, ReservationTold

ENDS = frozenset({"USED", "EXPIRED", "NO_SHOW", "CANCELLED", "LOST", "REFUSED"})
OVER = timedelta(seconds=5)
"""How long after its time is over a reservation may end when nothing is broken."""

SLIP = timedelta(seconds=0.5)
"""By how much the clocks of the processes differ: each measures that of the database."""


def ends_once(record: Record) -> Iterator[Finding]:
    """No end is followed by another one, but for the correction that a late session brings."""
    for one in record.reservations:
        ordered = sorted(one.told, key=lambda seen: seen.revision)
        for before, after in pairwise(ordered):
            if before.state in ENDS and not _may_follow(before, after):
                yield _about(one, f"{_words(before)} became {_words(after)}")


def kept(record: Record) -> Iterator[Finding]:
    """I1: what a broker has shown once exists for ever."""
    for one in record.reservations:
        if one.forgotten is not None:
            yield _about(one, f"a broker did not know it at {one.forgotten:%X}", "I1")


def ends_in_time(record: Record) -> Iterator[Finding]:
    """It has an end soon after its time is over, or after the command that asked for it."""
    for one in record.reservations:
        begin = _asking(record, one)
        over = max([one.expire_time, *([begin.first_end] if begin and begin.first_end else [])])
        limit = after_calm(over, OVER, outages(record.disturbances))
        last = max(one.told, key=lambda seen: seen.revision)
        if last.state not in ENDS:
            if record.ended > limit:
                yield _about(one, f"{last.state} at the end; it was due at {limit:%X}")
        elif last.end_time is not None and last.end_time > limit:
            late_s = (last.end_time - limit).total_seconds()
            yield _about(one, f"{_words(last)}, {late_s:.1f} s after {limit:%X}", "I3")


def expires_when_over(record: Record) -> Iterator[Finding]:
    """It is told as EXPIRED only when its time is over, or its station has let it go."""
    for one in record.reservations:
        let_go = record.station(one.station).let_go.get(one.wire_id, one.expire_time)
        over = min(let_go, one.expire_time)
        for seen in one.told:
            if seen.state == "EXPIRED" and seen.seen < over - SLIP:
                early_s = (over - seen.seen).total_seconds()
                yield _about(one, f"{_words(seen)}, {early_s:.3f} s before its time was over")
                break


def _asking(record: Record, one: ReservationTold) -> CommandAsked | None:
    """The ReserveNow whose frame carried its number."""
    asked = (each for each in record.commands if each.kind == "RESERVE_NOW")
    return next(
        (
            each
            for each in asked
            if each.station == one.station
            and any(number_of(frame) == one.wire_id for frame in frames_of(record, each))
        ),
        None,
    )


def _may_follow(before: ReservationSeen, after: ReservationSeen) -> bool:
    if before.end_time != after.end_time:
        return False
    same = (before.state, before.cause) == (after.state, after.cause)
    used = after.state == "USED" or after.cause == "USED_BY_ANOTHER"
    unsure = after.cause == "USE_NOT_KNOWN" and before.cause == "TIME_OVER"
    return same or (used and before.state != "REFUSED") or unsure


def _words(seen: ReservationSeen) -> str:
    return f"{seen.state} ({seen.cause})"


def _about(one: ReservationTold, says: str, invariant: str = "I5") -> Finding:
    return Finding(invariant, one.name, one.station, "RESERVATION", says)


RULES = (kept, ends_once, ends_in_time, expires_when_over)
