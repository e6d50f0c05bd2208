"""UpdateBooking: a booking gets another time, other needs or labels, or stays what it was."""

from dataclasses import replace
from datetime import datetime

from evcommand.v1 import booking_service_pb2 as pb

from broker.audit.changes import record_change
from broker.auth import current_caller
from broker.backend import Backend
from broker.bookings.availability import alternatives, room_refusal
from broker.bookings.bookings import refusal
from broker.bookings.lookups import booking_of_caller, readable
from broker.bookings.repeats import check_repeat
from broker.errors import Reason, Refusal, check
from broker.proto.booking import bookings as messages
from broker.proto.booking import names
from broker.proto.booking.changes import check_update, check_wished, wish_in
from domain.bookings.booking import Booking
from domain.bookings.changes import ChangeBar, asks_anew, change_bar, said_of, wished
from domain.bookings.policies.rules import too_late_to_change
from fleet.engine.statements import Tx
from journal.bookings.changing import (
    change_booking,
    change_made,
    weigh_change,
    write_change,
)
from journal.bookings.rows import KnownPool, known_pool, own_policy
from journal.explain.bookings import BookingDetails


async def update(backend: Backend, request: pb.UpdateBookingRequest) -> pb.UpdateBookingResponse:
    """Changes a booking when its rules allow it and there is room; else it stays as it was."""
    check(check_update(request))
    with readable():
        if request.validate_only:
            return await _dry_run(backend, request)
        return await _changed(backend, request)


async def _changed(backend: Backend, request: pb.UpdateBookingRequest) -> pb.UpdateBookingResponse:
    now = backend.now()
    async with backend.db.write() as tx:
        before = await booking_of_caller(tx, request.name, lock=True)
        if await _is_repeat(tx, request, before):
            return pb.UpdateBookingResponse(booking=messages.booking_out(before))
        after = await _wished(tx, request, before, now)
        if after == before:
            return pb.UpdateBookingResponse(booking=messages.booking_out(before))
        after = replace(after, change_id=request.request_id.lower())
        if not asks_anew(before, after):
            details = BookingDetails(change=said_of(before, after))
            made = await write_change(tx, after, details)
            await record_change(tx, "UpdateBooking", request.name, now)
            return pb.UpdateBookingResponse(booking=messages.booking_out(made))
        known = await _pool(tx, before)
        admitted = await change_booking(tx, known, before, after, now)
        if admitted.booking is not None:
            await record_change(tx, "UpdateBooking", request.name, now)
    if admitted.booking is None:  # what else would do is looked for without the lock of the pool
        async with backend.db.read() as tx:
            raise await refusal(tx, known, after, admitted.decision, now)
    return pb.UpdateBookingResponse(
        booking=messages.booking_out(admitted.booking),
        verdicts=[messages.verdict_out(each) for each in admitted.decision.verdicts],
    )


async def _dry_run(backend: Backend, request: pb.UpdateBookingRequest) -> pb.UpdateBookingResponse:
    now = backend.now()
    async with backend.db.read() as tx:
        before = await booking_of_caller(tx, request.name)
        after = await _wished(tx, request, before, now)
        if not asks_anew(before, after):
            return pb.UpdateBookingResponse()
        known = await _pool(tx, before)
        decision, _ = await weigh_change(tx, known, before, after, now)
        reason, message = room_refusal(decision.room, known.venue.zone)
        others = await alternatives(tx, known, after, now) if reason else []
    return pb.UpdateBookingResponse(
        verdicts=[messages.verdict_out(each) for each in decision.verdicts],
        room_reason=reason,
        room_message=message,
        alternatives=others,
    )


async def _wished(
    tx: Tx, request: pb.UpdateBookingRequest, before: Booking, now: datetime
) -> Booking:
    """The booking as it is wished, when it may become that. Raises: Refusal."""
    if request.etag and request.etag != messages.etag_of(before):
        raise Refusal(
            Reason.ETAG_MISMATCH,
            f"{request.name} has changed since it was read. Get it, and decide again.",
        )
    after = wished(before, wish_in(request))
    bar = change_bar(before, after)
    if bar is not None:
        raise _barred(request.name, before, bar)
    check(check_wished(before, after, now))
    if asks_anew(before, after):
        late = too_late_to_change(await own_policy(tx, before), before.request, now)
        if late is not None:
            raise Refusal(
                Reason.BOOKING_RULE,
                f"{late.sentence} {late.says}".strip(),
                facts={"rule": late.rule},
            )
    return after


async def _is_repeat(tx: Tx, request: pb.UpdateBookingRequest, now: Booking) -> bool:
    """Whether this request was carried out before. Raises: Refusal (REQUEST_ID_REUSED)."""
    if not request.request_id:
        return False
    then = await change_made(tx, now.tenant, now.name, request.request_id.lower())
    if then is None:
        return False
    what = f"The request_id {request.request_id} is of another change of {request.name}."
    check_repeat(what, _asked(then), _asked(wished(then, wish_in(request))))
    return True


def _asked(booking: Booking) -> dict[str, object]:
    """What a change may be about, by its field."""
    return {
        "start_time": booking.start_time,
        "end_time": booking.end_time,
        "needs": booking.needs,
        "labels": dict(booking.labels),
    }


async def _pool(tx: Tx, booking: Booking) -> KnownPool:
    known = await known_pool(tx, current_caller().tenant, booking.pool)
    if known is None:
        raise Refusal(Reason.POOL_NOT_FOUND, "The pool of this booking was deleted.")
    return known


def _barred(name: str, booking: Booking, bar: ChangeBar) -> Refusal:
    match bar:
        case ChangeBar.ENDED:
            said = f"{name} has ended as {booking.state}: {booking.message}"
            return Refusal(Reason.BOOKING_ENDED, said)
        case ChangeBar.OFFER:
            entry = names.waitlist_entry_name(booking.waitlist_entry)
            return Refusal(
                Reason.BOOKING_NOT_CONFIRMED,
                f"{name} is an offer of the waiting list. Take it with AcceptOffer of {entry}, and "
                "change it then; or leave the list, and wait for another time.",
                facts={"waitlist_entry": entry},
            )
        case ChangeBar.OVERSTAYED:
            return Refusal(Reason.BOOKING_IN_USE, f"{name} is over, and its driver is still there.")
    return Refusal(
        Reason.BOOKING_BOUND,
        f"The EVSE of {name} is chosen: its end can be changed, and nothing else. Cancel it, and "
        "book anew.",
    )
