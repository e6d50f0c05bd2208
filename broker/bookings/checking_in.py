"""Drivers who say that they are there, and what they are told of their place."""

from dataclasses import replace
from datetime import UTC, datetime

from evcommand.v1 import booking_service_pb2 as pb

from broker.audit.changes import record_change
from broker.backend import Backend
from broker.bookings.lookups import booking_of_caller
from broker.errors import Reason, Refusal, check
from broker.proto.booking import bookings as messages
from broker.proto.names import station_name
from domain.bookings.booking import Booking
from domain.bookings.enforcement import CheckInVerdict, judge_check_in
from domain.bookings.policies.policy import BookingPolicy
from domain.bookings.pool import evse_of
from domain.bookings.states import IN_USE
from fleet import transactions
from fleet.engine.statements import Tx
from journal.bookings import admitting, places
from journal.bookings.arrivals import there_before
from journal.bookings.rows import known_pool, own_policy
from journal.bookings.sessions.succession import booking_before
from journal.bookings.waking import wake_booking

_PLACE = pb.CheckInResponse.PlaceState

_SENTENCES: dict["_PLACE.ValueType", str] = {
    _PLACE.PLACE_STATE_READY: "{place} is ready.",
    _PLACE.PLACE_STATE_OCCUPIED: "Somebody still charges at {place}. It is kept until {start}, and "
    "another EVSE is looked for when it is not free by then.",
    _PLACE.PLACE_STATE_OUT_OF_ORDER: "{place} is out of order. Another EVSE is being looked for.",
    _PLACE.PLACE_STATE_UNKNOWN: "{place} is not connected, so that nothing is known of it.",
    _PLACE.PLACE_STATE_IN_USE: "The session at {place} runs.",
}


async def check_in(backend: Backend, request: pb.CheckInRequest) -> pb.CheckInResponse:
    """Notes that the driver is there; the first time counts."""
    check(messages.check_booking_name(request.name))
    now = backend.now()
    async with backend.db.write() as tx:
        booking = await booking_of_caller(tx, request.name, lock=True)
        policy = await own_policy(tx, booking)
        _check_fits(request.name, booking, policy, now)
        if booking.check_in_time is None and booking.state not in IN_USE:
            booking = await admitting.change(tx, replace(booking, check_in_time=now))
            await wake_booking(tx, booking, "its driver has checked in", now)
            await record_change(tx, "CheckIn", request.name, now)
        state = await _state_of(tx, booking, now)
    sentence = _SENTENCES[state].format(place=_place(booking), start=_written(booking.start_time))
    return pb.CheckInResponse(
        booking=messages.booking_out(booking), place_state=state, message=sentence
    )


def _check_fits(name: str, booking: Booking, policy: BookingPolicy, now: datetime) -> None:
    match judge_check_in(booking, policy, now):
        case CheckInVerdict.ENDED:
            raise Refusal(
                Reason.BOOKING_ENDED, f"{name} has ended as {booking.state}: {booking.message}"
            )
        case CheckInVerdict.NOT_CONFIRMED:
            raise Refusal(
                Reason.BOOKING_NOT_CONFIRMED, f"{name} waits for ConfirmBooking. Confirm it first."
            )
        case CheckInVerdict.TOO_EARLY:
            opens = booking.start_time - max(policy.bind_lead, policy.early_start)
            raise Refusal(
                Reason.CHECK_IN_TOO_EARLY,
                f"The EVSE of {name} is chosen at {_written(opens)}. Check in then.",
            )


async def _state_of(tx: Tx, booking: Booking, now: datetime) -> "_PLACE.ValueType":
    if booking.state in IN_USE:
        return _PLACE.PLACE_STATE_IN_USE
    usable = await places.usable(tx, booking.place, now, await _own_car(tx, booking))
    if usable is None:
        return _PLACE.PLACE_STATE_UNKNOWN
    if usable:
        return _PLACE.PLACE_STATE_READY
    station, evse_id = evse_of(booking.place)
    running = await transactions.active(tx, station, evse_id=evse_id)
    return _PLACE.PLACE_STATE_OCCUPIED if running else _PLACE.PLACE_STATE_OUT_OF_ORDER


async def _own_car(tx: Tx, booking: Booking) -> str:
    """The session of the driver himself that runs already, which is not in his way; "": none."""
    known = await known_pool(tx, booking.tenant, booking.pool)
    prior = await booking_before(tx, known, booking) if known else None
    if known is None or (prior is not None and prior.of_same_driver):
        return prior.session.name if prior else ""
    early = await there_before(tx, known, booking)
    return early.name if early else ""


def _place(booking: Booking) -> str:
    station, evse_id = evse_of(booking.place)
    return f"EVSE {evse_id} of {station_name(station)}"


def _written(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
