"""What is wrong with a request to unlock, restart, reserve or let go: every bad field. Pure."""

from datetime import datetime

from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as commands_pb

from broker.errors import Violation
from broker.proto import fields
from broker.proto.fields import INT32_MAX, MAX_TEXT, Findings

MAX_CONNECTOR_TYPE = 20


def check_unlock(
    request: commands_pb.UnlockConnectorRequest, now: datetime
) -> tuple[Violation, ...]:
    """What is wrong with an UnlockConnector."""
    findings = Findings()
    fields.station_field(findings, request.station, required=True)
    fields.positive_field(findings, request, "evse_id")
    findings.expect(request.connector_id >= 1, "connector_id", "is required: 1 or more")
    fields.request_fields(findings, request.request_id, request.options, now)
    return findings.violations


def check_reset(request: commands_pb.ResetRequest, now: datetime) -> tuple[Violation, ...]:
    """What is wrong with a Reset."""
    findings = Findings()
    fields.station_field(findings, request.station, required=True)
    fields.positive_field(findings, request, "evse_id")
    fields.enum_value(findings, "mode", request.mode, command_pb.ResetMode)
    findings.expect(request.mode != 0, "mode", "is required")
    fields.request_fields(findings, request.request_id, request.options, now)
    return findings.violations


def check_reserve(request: commands_pb.ReserveNowRequest, now: datetime) -> tuple[Violation, ...]:
    """What is wrong with a ReserveNow."""
    findings = Findings()
    fields.station_field(findings, request.station, required=True)
    fields.positive_field(findings, request, "evse_id")
    fields.positive_field(findings, request, "connector_id")
    findings.expect(
        not request.HasField("connector_id") or request.HasField("evse_id"),
        "connector_id",
        "needs evse_id: connectors are numbered within their EVSE",
    )
    findings.expect(
        len(request.connector_type) <= MAX_CONNECTOR_TYPE
        and fields.is_printable(request.connector_type),
        "connector_type",
        f"must be at most {MAX_CONNECTOR_TYPE} printable characters",
    )
    fields.id_token_field(
        findings, "id_token", request.id_token, present=request.HasField("id_token")
    )
    if request.HasField("group_id_token"):
        fields.id_token_field(findings, "group_id_token", request.group_id_token, present=True)
    end = request.WhichOneof("end")
    findings.expect(end is not None, "end", "is required: expire_time or ttl")
    fields.end_field(findings, end, request.expire_time, request.ttl, now)
    fields.request_fields(findings, request.request_id, request.options, now)
    return findings.violations


def check_cancel_reservation(
    request: commands_pb.CancelReservationRequest, now: datetime
) -> tuple[Violation, ...]:
    """What is wrong with a CancelReservation."""
    findings = Findings()
    target = request.WhichOneof("target")
    findings.expect(
        target is not None, "target", "name the reservation: reservation or wire_reservation"
    )
    if target == "reservation":
        fields.reservation_field(findings, request.reservation)
    elif target == "wire_reservation":
        wire = request.wire_reservation
        fields.station_field(findings, wire.station, required=True)
        findings.expect(
            0 <= wire.wire_id <= INT32_MAX, "wire_reservation.wire_id", "must be 0 or more"
        )
    findings.expect(len(request.reason) <= MAX_TEXT, "reason", f"at most {MAX_TEXT} characters")
    fields.request_fields(findings, request.request_id, request.options, now)
    return findings.violations
