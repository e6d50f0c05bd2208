"""Bookings: made, got, listed, confirmed, cancelled."""

from dataclasses import replace
from datetime import datetime

from evcommand.v1 import booking_service_pb2 as pb

from broker.access.rights import RUNS_POOLS
from broker.audit.changes import record_change
from broker.auth import check_one_of, current_caller
from broker.backend import Backend
from broker.bookings.availability import alternatives, room_refusal
from broker.bookings.lookups import (
    booking_of_caller,
    pool_is_covered,
    pool_not_found,
    pool_of_caller,
    readable,
)
from broker.bookings.repeats import check_repeat
from broker.errors import Reason, Refusal, check
from broker.proto.booking import bookings as messages
from broker.proto.booking import names
from broker.proto.selection import list_selection
from broker.reading.paging import Pager, cut_page, limit_of
from domain.bookings.admission import BookingDecision
from domain.bookings.booking import Booking
from domain.bookings.carrying import ended
from domain.bookings.policies.policy import Occasion
from domain.bookings.policies.rules import charges, too_late_to_cancel
from domain.bookings.states import IN_USE, BookingCause, BookingState
from fleet import bookings
from fleet.engine.statements import Tx
from journal.bookings import admitting
from journal.bookings.changing import as_made
from journal.bookings.offering import serve
from journal.bookings.rows import KnownPool, booking_from, own_policy
from journal.bookings.waking import wake_booking


async def create(backend: Backend, request: pb.CreateBookingRequest) -> pb.CreateBookingResponse:
    """Takes a booking, or says why not and what else would do."""
    known_before = await made_before(backend, request)
    if known_before is not None:
        return pb.CreateBookingResponse(booking=messages.booking_out(known_before))
    now, caller = backend.now(), current_caller()
    check(messages.check_create(request, now))
    new = messages.booking_in(request, backend.sealer, caller.tenant, caller.name, now)
    if request.validate_only:
        with readable():
            return await _dry_run(backend, request, new)
    with readable():
        made = await _taken(backend, request, new)
    return made if made is not None else await create(backend, request)


async def _taken(
    backend: Backend, request: pb.CreateBookingRequest, new: Booking
) -> pb.CreateBookingResponse | None:
    """The booking that is taken. None: a call at the same moment has made one by this id."""
    now = new.create_time
    async with backend.db.write() as tx:
        known = await pool_of_caller(tx, request.pool, lock=True)
        new = replace(new, policy=known.pool.policy)
        if await bookings.booking(tx, new.tenant, new.name) is not None:
            return None
        await serve(tx, known, now)  # who waits is asked before who comes now
        admitted = await admitting.admit(tx, known, new)
        made = admitted.booking
        if made is not None:
            await record_change(
                tx, "CreateBooking", names.booking_name(made.name), now, request_id=made.name
            )
    if made is None:  # what else would do is looked for without the lock of the pool
        async with backend.db.read() as tx:
            raise await refusal(tx, known, new, admitted.decision, now)
    return pb.CreateBookingResponse(
        booking=messages.booking_out(made),
        verdicts=[messages.verdict_out(each) for each in admitted.decision.verdicts],
    )


async def get(backend: Backend, request: pb.GetBookingRequest) -> pb.GetBookingResponse:
    """Tells a booking."""
    check(messages.check_booking_name(request.name))
    async with backend.db.read() as tx:
        booking = await booking_of_caller(tx, request.name)
    return pb.GetBookingResponse(booking=messages.booking_out(booking))


async def list_page(backend: Backend, request: pb.ListBookingsRequest) -> pb.ListBookingsResponse:
    """Lists bookings by their start."""
    check(messages.check_list(request))
    caller, limit = current_caller(), limit_of(request.page_size)
    if caller.groups and not request.pool:
        raise Refusal(
            Reason.OUTSIDE_STATION_GROUP,
            "This credential is for a group of stations: name the pool whose bookings it lists.",
        )
    pager = Pager(list_selection(caller.tenant, request))
    after = pager.time_position(request.page_token)
    async with backend.db.read() as tx:
        if request.pool:
            await pool_of_caller(tx, request.pool)
        which = messages.filter_in(request, caller.tenant)
        found = await bookings.bookings_page(tx, which, after, limit + 1)
    page, last = cut_page(found, limit)
    return pb.ListBookingsResponse(
        bookings=[messages.booking_out(booking_from(row)) for row in page],
        next_page_token=pager.time_token((last.start_time, last.name) if last else None),
    )


async def confirm(backend: Backend, request: pb.ConfirmBookingRequest) -> pb.ConfirmBookingResponse:
    """Confirms a booking that waits for it."""
    check(messages.check_booking_name(request.name))
    now = backend.now()
    async with backend.db.write() as tx:
        booking = await booking_of_caller(tx, request.name, lock=True)
        if booking.ended:
            raise _ended(request.name, booking)
        if booking.state is BookingState.PENDING:
            if booking.confirm_by is not None and now >= booking.confirm_by:
                raise Refusal(
                    Reason.BOOKING_ENDED, f"{request.name} was to be confirmed before. Book anew."
                )
            confirmed = replace(booking, state=BookingState.CONFIRMED, progress="")
            booking = await admitting.change(tx, confirmed)
            await record_change(tx, "ConfirmBooking", request.name, now)
    return pb.ConfirmBookingResponse(booking=messages.booking_out(booking))


async def cancel(backend: Backend, request: pb.CancelBookingRequest) -> pb.CancelBookingResponse:
    """Cancels a booking, and gives its place back."""
    check(messages.check_cancel(request))
    if request.by_operator:
        check_one_of(RUNS_POOLS)
    now = backend.now()
    async with backend.db.write() as tx:
        booking = await booking_of_caller(tx, request.name, lock=True)
        if booking.state is not BookingState.CANCELLED:
            booking = await cancelled(tx, request, booking, now)
            await record_change(tx, "CancelBooking", request.name, now)
    return pb.CancelBookingResponse(booking=messages.booking_out(booking))


async def cancelled(
    tx: Tx,
    request: pb.CancelBookingRequest,
    booking: Booking,
    now: datetime,
    cause: BookingCause = BookingCause.CANCELLED_BY_HOLDER,
) -> Booking:
    """Writes a booking that is cancelled. cause: when it is not the operator who does it.

    Raises: Refusal: it has ended, it is in use, or its cutoff is over.
    """
    if booking.ended:
        raise _ended(request.name, booking)
    if booking.state in IN_USE:
        raise Refusal(
            Reason.BOOKING_IN_USE, f"{request.name} is in use. Stop its session with StopSession."
        )
    policy = await own_policy(tx, booking)
    late = too_late_to_cancel(policy, booking.request, now)
    due = charges(policy, booking.request, Occasion.LATE_CANCEL) if late else ()
    if late is not None and not due and not request.by_operator:
        raise Refusal(
            Reason.BOOKING_RULE,
            f"{late.sentence} {late.says}".strip(),
            facts={"rule": late.rule},
        )
    by_operator = request.by_operator
    after = replace(
        ended(booking, BookingCause.CANCELLED_BY_OPERATOR if by_operator else cause, now),
        cancel_reason=request.reason,
        charges=booking.charges if by_operator else (*booking.charges, *due),
    )
    if booking.reservation:
        await wake_booking(tx, after, "it was cancelled", now)
    return await admitting.change(tx, after)


async def made_before(backend: Backend, request: pb.CreateBookingRequest) -> Booking | None:
    """The booking of an earlier call with this request id. Raises: Refusal when it is another."""
    id = names.parse_booking(f"bookings/{request.request_id}")
    if id is None or request.validate_only:
        return None
    caller = current_caller()
    async with backend.db.read() as tx:
        row = await bookings.booking(tx, caller.tenant, id)
        if row is None:
            return None
        known = booking_from(row)
        made = await as_made(tx, known)
        seen = await pool_is_covered(tx, caller.tenant, row.pool)
    check(messages.check_create(request, known.create_time))
    asked = messages.booking_in(
        request, backend.sealer, caller.tenant, caller.name, known.create_time
    )
    check_repeat(_of_another(request), _said(made), _said(asked))
    if not seen:
        raise pool_not_found(request.pool)
    return known


def _said(booking: Booking) -> dict[str, object]:
    """What a repeat has to say again, by its field. A repeat may reckon `confirm_by` anew."""
    return {
        "pool": booking.pool,
        "holder": (booking.holder, booking.digests),
        "needs": booking.needs,
        "start_time": booking.start_time,
        "end_time": booking.end_time,
        "confirm_by": booking.confirm_by is None,
        "labels": dict(booking.labels),
    }


async def _dry_run(
    backend: Backend, request: pb.CreateBookingRequest, new: Booking
) -> pb.CreateBookingResponse:
    async with backend.db.read() as tx:
        known = await pool_of_caller(tx, request.pool)
        decision, _ = await admitting.weigh(tx, known, new)
        reason, message = room_refusal(decision.room, known.venue.zone)
        others = await alternatives(tx, known, new, new.create_time) if reason else []
    return pb.CreateBookingResponse(
        verdicts=[messages.verdict_out(each) for each in decision.verdicts],
        room_reason=reason,
        room_message=message,
        alternatives=others,
    )


async def refusal(
    tx: Tx, known: KnownPool, new: Booking, decision: BookingDecision, now: datetime
) -> Refusal:
    """Why a booking is not taken: the rule, or the moment, and the nearest spans that would do."""
    refusing = decision.refusing
    if refusing is not None:
        return Refusal(
            Reason.BOOKING_RULE,
            f"{refusing.sentence} {refusing.says}".strip(),
            facts={"rule": refusing.rule},
        )
    reason, message = room_refusal(decision.room, known.venue.zone)
    near = await alternatives(tx, known, new, now)
    facts = {
        f"alternative_{at}": f"{one.start_time.ToJsonString()}/{one.end_time.ToJsonString()}"
        for at, one in enumerate(near, 1)
    }
    return Refusal(Reason(reason), message, facts=facts)


def _ended(name: str, booking: Booking) -> Refusal:
    return Refusal(Reason.BOOKING_ENDED, f"{name} has ended as {booking.state}: {booking.message}")


def _of_another(request: pb.CreateBookingRequest) -> str:
    return f"bookings/{request.request_id} is of another request."
