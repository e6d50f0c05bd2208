"""Books the occurrences of a series, each beside those before it, in one transaction."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta, tzinfo

import msgspec

from domain.bookings.admission import BookingDecision, Room, decide, span_planned
from domain.bookings.blocking.known_now import KnownNow
from domain.bookings.booking import Booking
from domain.bookings.plan import Planned
from domain.bookings.policies.policy import Per
from domain.bookings.series.recurrence import Occurrence
from domain.bookings.series.series import BookingSeries, SeriesResult, occurrence_booking
from domain.bookings.spans import Span
from domain.bookings.standing import StandingBooking, standing_of
from fleet import bookings
from fleet.bookings import SeriesRow
from fleet.engine.statements import Tx
from journal.bookings.admitting import taken
from journal.bookings.beside import read_standing, standing_beside
from journal.bookings.places import known_now, moved
from journal.bookings.rows import KnownPool, booking_row, due_time
from journal.bookings.story import details_content
from journal.explain.bookings import BookingDetails

RoomRefusal = Callable[[Room | None, tzinfo], tuple[str, str]]
"""The reason and the sentence of a refusal for want of room."""

_TOGETHER = timedelta(days=14)
"""Occurrences of so many days are booked together: what is in their way is read once."""

SKIPPED = "START_IS_SKIPPED"


def series_from(row: SeriesRow) -> BookingSeries:
    """The series of a row."""
    return msgspec.convert(row.snapshot, BookingSeries)


async def put_series(tx: Tx, series: BookingSeries) -> None:
    """Writes a series."""
    row = SeriesRow(series.tenant, series.name, series.pool, msgspec.to_builtins(series))
    await bookings.put_series(tx, row)


async def book(
    tx: Tx,
    known: KnownPool,
    series: BookingSeries,
    times: Sequence[Occurrence],
    refusal: RoomRefusal,
) -> BookingSeries:
    """The series with a result of each of its times, which are booked where they can be.

    known: locked. refusal: how a want of room is said.
    """
    results: list[SeriesResult] = []
    for part in _parts(times):
        results += await _book_part(tx, known, series, part, refusal)
    return replace(series, results=tuple(results))


def _parts(times: Sequence[Occurrence]) -> Iterator[Sequence[Occurrence]]:
    """The times, so many together that what is in their way is no more than some weeks."""
    part: list[Occurrence] = []
    for one in times:
        if part and one.end - part[0].start > _TOGETHER:
            yield part
            part = []
        part.append(one)
    if part:
        yield part


async def _book_part(
    tx: Tx,
    known: KnownPool,
    series: BookingSeries,
    times: Sequence[Occurrence],
    refusal: RoomRefusal,
) -> list[SeriesResult]:
    first = occurrence_booking(series, times[0], known.pool.policy)
    asked = Span(times[0].start, max(one.end for one in times))
    try:
        rows = await standing_beside(tx, known, first, asked, times[-1].start)
    except bookings.TooManyBookings:
        if len(times) == 1:
            raise
        half = len(times) // 2
        done = await _book_part(tx, known, series, times[:half], refusal)
        return done + await _book_part(tx, known, series, times[half:], refusal)
    evses = await known_now(tx, known, times[0].start, series.create_time)
    taking = _Taking(known, {each.name: each for each in read_standing(rows)}, evses)
    results = [_taken(taking, series, one, refusal) for one in times]
    await taking.write(tx, series.tenant)
    return results


def _taken(
    taking: "_Taking", series: BookingSeries, one: Occurrence, refusal: RoomRefusal
) -> SeriesResult:
    shown = SeriesResult(one.local_start.isoformat(), one.start, one.end)
    if not one.starts:
        message = f"On that day the clock skips {one.local_start:%H:%M}."
        return replace(shown, reason=SKIPPED, message=message)
    new = occurrence_booking(series, one, taking.known.pool.policy)
    decision = taking.take(new)
    if isinstance(decision.room, Planned):
        return replace(shown, booking=new.name)
    return _refused(shown, decision, taking.known.venue.zone, refusal)


@dataclass
class _Taking:
    """Takes bookings one after the other, and writes them together.

    standing: the bookings that are in their way or count for their quotas, those that were taken
    here among them. evses: what is known of these now. made: what was taken, with what was decided.
    moved: who is elsewhere now.
    """

    known: KnownPool
    standing: dict[str, StandingBooking]
    evses: KnownNow
    made: dict[str, tuple[Booking, BookingDetails]] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)

    def take(self, new: Booking) -> BookingDecision:
        """What the rules and the plan say of a booking beside all others; it is one, if they do."""
        others = list(self._beside(new))
        decision = decide(self.known.venue, new, others, known=self.evses)
        if isinstance(decision.room, Planned):
            plan = decision.room.plan.places
            elsewhere = moved(plan, others)
            made = taken(self.known, new, decision, plan[new.name])
            self.made[new.name] = made, BookingDetails(decision.verdicts, len(elsewhere))
            self.moved |= elsewhere
            self.standing[new.name] = standing_of(made)
            for name, place in elsewhere.items():
                self.standing[name] = self.standing[name]._replace(place=place)
        return decision

    def _beside(self, new: Booking) -> Iterator[StandingBooking]:
        """Those near to it, and those of its holder, wherever they are."""
        start, end = span_planned(self.known.venue, new.start_time, new.end_time)
        for one in self.standing.values():
            near = one.start_time < end and one.end_time > start
            if near or any(new.holder.counts_with(one.request.holder, per) for per in Per):
                yield one

    async def write(self, tx: Tx, tenant: str) -> None:
        """Writes what was taken, and who was moved."""
        policy = self.known.venue.policy
        rows = [
            (booking_row(made, due_time(made, policy)), details_content(details))
            for made, details in self.made.values()
        ]
        await bookings.put_bookings(tx, rows)
        await bookings.place_bookings(tx, tenant, self.moved)


def _refused(
    shown: SeriesResult, decision: BookingDecision, zone: tzinfo, refusal: RoomRefusal
) -> SeriesResult:
    rule = decision.refusing
    if rule is not None:
        message = f"{rule.sentence} {rule.says}".strip()
        return replace(shown, reason="BOOKING_RULE", message=message, rule=rule.rule)
    reason, message = refusal(decision.room, zone)
    return replace(shown, reason=reason, message=message)
