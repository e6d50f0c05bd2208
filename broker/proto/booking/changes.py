"""UpdateBooking: requests checked and read. Pure."""

from datetime import datetime

from evcommand.v1 import booking_service_pb2 as pb

from broker.errors import FieldViolation
from broker.proto import fields
from broker.proto.booking import names
from broker.proto.booking.bookings import end_field, needs_in
from broker.proto.booking.pools import needs_fields
from broker.proto.fields import Findings
from broker.proto.times import moment, time_in
from domain.bookings.booking import Booking
from domain.bookings.changes import BookingWish


def check_update(request: pb.UpdateBookingRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with an UpdateBooking, whatever the booking is."""
    findings = Findings()
    names.booking_field(findings, "name", request.name)
    fields.request_id_field(findings, request.request_id)
    for field in ("start_time", "end_time"):
        findings.expect(moment(getattr(request, field)) is not None, field, "is not a valid time")
    needs_fields(findings, "needs", request.needs)
    given = {name: value for name, value in request.labels.items() if value}
    fields.label_map(findings, "labels", given)
    timed = any(request.HasField(field) for field in ("start_time", "end_time", "needs"))
    findings.expect(timed or bool(request.labels), "start_time", "nothing to change is given")
    return findings.violations


def check_wished(before: Booking, after: Booking, now: datetime) -> tuple[FieldViolation, ...]:
    """What is wrong with a booking as it is wished."""
    findings = Findings()
    if after.start_time != before.start_time:
        findings.expect(after.start_time > now, "start_time", "must be in the future")
    if (after.start_time, after.end_time) != (before.start_time, before.end_time):
        end_field(findings, after.start_time, after.end_time)
        findings.expect(after.end_time > now, "end_time", "must be in the future")
    findings.expect(
        len(after.labels) <= fields.MAX_LABELS, "labels", f"at most {fields.MAX_LABELS}"
    )
    return findings.violations


def wish_in(request: pb.UpdateBookingRequest) -> BookingWish:
    """What a checked request wishes."""
    return BookingWish(
        time_in(request.start_time) if request.HasField("start_time") else None,
        time_in(request.end_time) if request.HasField("end_time") else None,
        needs_in(request.needs) if request.HasField("needs") else None,
        dict(request.labels) if request.labels else None,
    )
