"""Series of bookings: made and cancelled."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from evcommand.v1 import booking_series_pb2 as pb
from evcommand.v1 import booking_service_pb2 as service_pb

from broker.audit.changes import record_change
from broker.auth import current_caller
from broker.backend import Backend
from broker.bookings.availability import room_refusal
from broker.bookings.bookings import cancelled
from broker.bookings.lookups import pool_is_covered, pool_of_caller, readable
from broker.bookings.repeats import check_repeat
from broker.errors import Reason, Refusal, bad_field, check
from broker.proto.booking import names
from broker.proto.booking import series as messages
from broker.proto.times import time_in
from domain.bookings.series.recurrence import (
    LONGEST_SERIES,
    Occurrence,
    RecurrenceError,
    occurrences,
)
from domain.bookings.series.series import BookingSeries, SeriesResult
from domain.bookings.states import BookingCause, BookingState
from fleet import bookings
from fleet.engine.statements import Tx
from journal.bookings.offering import serve
from journal.bookings.rows import KnownPool, booking_from
from journal.bookings.series import book, put_series, series_from

_MOST_TOLD = 3


class _OnlyAsked(Exception):
    """Nothing is to be written: the results of a series that was only asked about."""

    def __init__(self, series: BookingSeries) -> None:
        self.series = series


async def create(
    backend: Backend, request: pb.CreateBookingSeriesRequest
) -> pb.CreateBookingSeriesResponse:
    """Books what can be booked of a series, or all of it or nothing."""
    check(messages.check_create(request))
    now, caller = backend.now(), current_caller()
    new = messages.series_in(request, backend.sealer, caller.tenant, caller.name, now)
    try:
        with readable():
            async with backend.db.write() as tx:
                made = await _made(tx, request, new, now)
    except _OnlyAsked as asked:
        made = asked.series
        told = [replace(each, booking="") for each in made.results]
        return pb.CreateBookingSeriesResponse(series=messages.series_out(made, told))
    return pb.CreateBookingSeriesResponse(series=messages.series_out(made, made.results))


async def cancel(
    backend: Backend, request: pb.CancelBookingSeriesRequest
) -> pb.CancelBookingSeriesResponse:
    """Cancels each booking of a series that is still to come; tells which could not be."""
    check(messages.check_cancel(request))
    now = backend.now()
    since = time_in(request.start_time) if request.HasField("start_time") else None
    async with backend.db.write() as tx:
        series = await _of_caller(tx, request.name)
        await bookings.lock_pool(tx, series.tenant, series.pool)
        series = await _of_caller(tx, request.name)
        meant = [
            each
            for each in series.results
            if each.booking and (since is None or each.start_time >= since)
        ]
        told = [await _cancelled(tx, request, series, each, now) for each in meant]
        if series.cancel_time is None and since is None:
            series = replace(series, cancel_time=now)
            await put_series(tx, series)
        await record_change(tx, "CancelBookingSeries", request.name, now)
    shown = [each for each in told if each is not None]
    return pb.CancelBookingSeriesResponse(series=messages.series_out(series, shown))


async def _made(
    tx: Tx, request: pb.CreateBookingSeriesRequest, new: BookingSeries, now: datetime
) -> BookingSeries:
    known = await pool_of_caller(tx, request.pool, lock=True)
    row = None if request.validate_only else await bookings.series_row(tx, new.tenant, new.name)
    if row is not None:
        before = series_from(row)
        check_repeat(f"{names.series_name(new.name)} is of another request.", before.said, new.said)
        return before
    times = _times(request, known, now)
    new = replace(new, time_zone=known.pool.time_zone)
    if not request.validate_only:
        await serve(tx, known, now)  # who waits is asked before who comes now
    made = await book(tx, known, new, times, room_refusal)
    if request.validate_only:
        raise _OnlyAsked(made)
    refused = [each for each in made.results if each.reason]
    if request.all_or_nothing and refused:
        raise _refusal(refused, len(made.results))
    await put_series(tx, made)
    name = names.series_name(new.name)
    await record_change(tx, "CreateBookingSeries", name, now, request_id=new.name)
    return made


def _times(
    request: pb.CreateBookingSeriesRequest, known: KnownPool, now: datetime
) -> tuple[Occurrence, ...]:
    first, last = messages.local_in(request.first_start), messages.local_in(request.first_end)
    here = now.astimezone(known.venue.zone).replace(tzinfo=None)
    if first is None or last is None or first > here + LONGEST_SERIES:
        raise _bad_start()
    try:
        found = occurrences(request.recurrence, first, last, known.venue.zone)
    except RecurrenceError as error:
        why = str(error).removesuffix(".")
        raise bad_field(Reason.INVALID_REQUEST, "recurrence", why) from error
    if found[0].start <= now:
        raise _bad_start()
    return found


def _bad_start() -> Refusal:
    return bad_field(
        Reason.INVALID_REQUEST,
        "first_start",
        f"must be in the future, at most {LONGEST_SERIES.days} days from now",
    )


def _refusal(refused: Sequence[SeriesResult], asked: int) -> Refusal:
    facts = {
        f"refused_{at}": f"{one.local_start} {one.reason}"
        for at, one in enumerate(refused[:_MOST_TOLD], 1)
    }
    first = refused[0]
    return Refusal(
        Reason.SERIES_REFUSED,
        f"{len(refused)} of {asked} occurrences are not possible. {first.local_start}: "
        f"{first.message}",
        facts=facts,
    )


async def _of_caller(tx: Tx, name: str) -> BookingSeries:
    """The caller's series by its resource name. Raises: Refusal (BOOKING_SERIES_NOT_FOUND)."""
    id, tenant = names.parse_series(name) or "", current_caller().tenant
    row = await bookings.series_row(tx, tenant, id)
    if row is None or not await pool_is_covered(tx, tenant, row.pool):
        raise Refusal(Reason.BOOKING_SERIES_NOT_FOUND, f"{name} is not known.")
    return series_from(row)


async def _cancelled(
    tx: Tx,
    request: pb.CancelBookingSeriesRequest,
    series: BookingSeries,
    one: SeriesResult,
    now: datetime,
) -> SeriesResult | None:
    """The occurrence, cancelled; or with the reason why it is not. None: it had ended before."""
    row = await bookings.booking(tx, series.tenant, one.booking)
    if row is None:  # it was over for so long that it was deleted
        return None
    booking = booking_from(row)
    asked = service_pb.CancelBookingRequest(
        name=names.booking_name(one.booking), reason=request.reason
    )
    if booking.ended:
        return one if booking.state is BookingState.CANCELLED else None
    try:
        await cancelled(tx, asked, booking, now, BookingCause.SERIES_CANCELLED)
    except Refusal as error:
        return replace(
            one, reason=error.reason.value, message=error.message, rule=error.facts.get("rule", "")
        )
    return one
