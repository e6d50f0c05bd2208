"""What is wrong with a request about reservations: every bad field at once. Pure."""

from datetime import datetime

from evcommand.v1 import reservation_pb2 as reservation_pb
from evcommand.v1 import reservation_service_pb2 as pb

from broker.errors import Violation
from broker.proto import fields, names
from broker.proto.check_commands import MAX_WATCHED_NAMES, time_range_field
from broker.proto.fields import Findings


def check_get(name: str) -> tuple[Violation, ...]:
    """What is wrong with the name of a reservation."""
    findings = Findings()
    fields.reservation_field(findings, name, "name")
    return findings.violations


def check_list(request: pb.ListReservationsRequest) -> tuple[Violation, ...]:
    """What is wrong with a ListReservations."""
    findings = Findings()
    fields.station_field(findings, request.station, required=False)
    fields.enum_values(findings, "states", request.states, reservation_pb.Reservation.State)
    known = not request.command or names.parse_command(request.command) is not None
    findings.expect(known, "command", "must be commands/{command}, where {command} is a UUID")
    if request.HasField("create_time"):
        time_range_field(findings, request.create_time)
    fields.page_size_field(findings, request.page_size)
    return findings.violations


def check_watch(request: pb.WatchReservationsRequest) -> tuple[Violation, ...]:
    """What is wrong with a WatchReservations."""
    findings = Findings()
    chosen = (bool(request.names), bool(request.station), request.all)
    findings.expect(
        sum(chosen) == 1, "names", "give exactly one of names, station and all: what to watch"
    )
    findings.expect(
        len(request.names) <= MAX_WATCHED_NAMES, "names", f"at most {MAX_WATCHED_NAMES}"
    )
    for index, name in enumerate(request.names[:MAX_WATCHED_NAMES]):
        fields.reservation_field(findings, name, f"names[{index}]")
    fields.station_field(findings, request.station, required=False)
    return findings.violations


def check_update(request: pb.UpdateReservationRequest, now: datetime) -> tuple[Violation, ...]:
    """What is wrong with an UpdateReservation."""
    findings = Findings()
    fields.reservation_field(findings, request.name, "name")
    end = request.WhichOneof("end")
    fields.positive_field(findings, request, "evse_id")
    fields.end_field(findings, end, request.expire_time, request.ttl, now)
    findings.expect(
        end is not None or request.HasField("evse_id"),
        "end",
        "nothing to change: give expire_time, ttl or evse_id",
    )
    known = not request.request_id or names.parse_uuid(request.request_id) is not None
    findings.expect(known, "request_id", "must be a UUID of 36 characters, or absent")
    return findings.violations
