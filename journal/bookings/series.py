"""Books the occurrences of a series, each beside those before it, in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import tzinfo

import msgspec

from domain.bookings.admission import BookingDecision, Room
from domain.bookings.series.recurrence import Occurrence
from domain.bookings.series.series import BookingSeries, SeriesResult, occurrence_booking
from fleet import bookings
from fleet.bookings import SeriesRow
from fleet.engine.statements import Tx
from journal.bookings.admitting import admit
from journal.bookings.rows import KnownPool

RoomRefusal = Callable[[Room | None, tzinfo], tuple[str, str]]
"""The reason and the sentence of a refusal for want of room."""

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
    results = []
    for one in times:
        shown = SeriesResult(one.local_start.isoformat(), one.start, one.end)
        if not one.starts:
            message = f"On that day the clock skips {one.local_start:%H:%M}."
            results.append(replace(shown, reason=SKIPPED, message=message))
            continue
        new = occurrence_booking(series, one, known.pool.policy)
        admitted = await admit(tx, known, new)
        if admitted.booking is not None:
            results.append(replace(shown, booking=new.name))
        else:
            results.append(_refused(shown, admitted.decision, known.venue.zone, refusal))
    return replace(series, results=tuple(results))


def _refused(
    shown: SeriesResult, decision: BookingDecision, zone: tzinfo, refusal: RoomRefusal
) -> SeriesResult:
    rule = decision.refusing
    if rule is not None:
        message = f"{rule.sentence} {rule.says}".strip()
        return replace(shown, reason="BOOKING_RULE", message=message, rule=rule.rule)
    reason, message = refusal(decision.room, zone)
    return replace(shown, reason=reason, message=message)
