"""Reservations: requests about them checked and read, reservations shown. Pure.

Values of tokens never come this far. `end_field` and `end_in` serve ReserveNow, too. The limits of
a reservation's length stand in `domain.reservations.admission`.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from evcommand.v1 import reservation_pb2 as pb
from evcommand.v1 import reservation_service_pb2 as service_pb
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from broker.errors import FieldViolation
from broker.proto import fields, names
from broker.proto.fields import Findings
from broker.proto.id_token import token_out
from broker.proto.names import (
    command_in,
    request_id_in,
    reservation_in,
    station_in,
    transaction_out,
)
from broker.proto.times import moment, span, time_in, time_out
from contract.reservations import ChangeInput
from domain.reservations.admission import EndVerdict, end_of, judge_expire_time, judge_ttl
from domain.reservations.reservation import (
    ENDS,
    Reservation,
    ReservationChange,
    ReservationState,
)
from fleet.log.event_log import Entry, Filter
from journal.reservations.record import from_snapshot

_STATE = pb.Reservation.State
_CHANGE = pb.ReservationChange.State

OPEN_STATES = tuple(state.value for state in ReservationState if state not in ENDS)
"""The states of reservations that have not ended."""
_WRONG = {
    EndVerdict.NOT_IN_FUTURE: "must be a time in the future",
    EndVerdict.TOO_LATE: "must be within 30 days",
    EndVerdict.BAD_LENGTH: "must be 1 second to 30 days",
}


def check_list(request: service_pb.ListReservationsRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a ListReservations."""
    findings = Findings()
    fields.station_field(findings, request.station, required=False)
    fields.enum_values(findings, "states", request.states, _STATE)
    if request.command:
        fields.name_field(findings, "command", "command", request.command)
    if request.HasField("create_time"):
        fields.time_range_field(findings, request.create_time)
    fields.page_size_field(findings, request.page_size)
    return findings.violations


def check_watch(request: service_pb.WatchReservationsRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a WatchReservations."""
    findings = Findings()
    fields.watched_fields(findings, "reservation", request.names, request.station, all=request.all)
    return findings.violations


def check_update(
    request: service_pb.UpdateReservationRequest, now: datetime
) -> tuple[FieldViolation, ...]:
    """What is wrong with an UpdateReservation."""
    findings = Findings()
    fields.reservation_field(findings, request.name, "name")
    end = request.WhichOneof("end")
    fields.positive_field(findings, request, "evse_id")
    end_field(findings, end, request.expire_time, request.ttl, now)
    findings.expect(
        end is not None or request.HasField("evse_id"),
        "end",
        "nothing to change: give expire_time, ttl or evse_id",
    )
    fields.request_id_field(findings, request.request_id)
    return findings.violations


def end_field(
    findings: Findings, end: str | None, expire_time: Timestamp, ttl: Duration, now: datetime
) -> None:
    """Note what is wrong with the end. end: which of the two was given, if any."""
    if end == "expire_time":
        at = moment(expire_time)
        verdict = EndVerdict.NOT_IN_FUTURE if at is None else judge_expire_time(at, now)
    elif end == "ttl":
        length = span(ttl)
        verdict = EndVerdict.BAD_LENGTH if length is None else judge_ttl(length)
    else:
        return
    findings.expect(verdict is EndVerdict.FITS, end, _WRONG.get(verdict, ""))


def end_in(
    end: str | None, expire_time: Timestamp, ttl: Duration, now: datetime
) -> datetime | None:
    """The end that was asked for; None when none was given."""
    return end_of(
        time_in(expire_time) if end == "expire_time" else None,
        ttl.ToTimedelta() if end == "ttl" else None,
        now,
    )


def reservation_out(reservation: Reservation, history: Sequence[Entry] = ()) -> pb.Reservation:
    """A reservation as the contract shows it."""
    station = reservation.station
    return pb.Reservation(
        name=names.reservation_name(reservation.name),
        station=names.station_name(station),
        evse_id=reservation.evse_id,
        connector_id=reservation.connector_id,
        connector_type=reservation.connector_type,
        id_token=token_out(reservation.id_token),
        group_id_token=token_out(reservation.group_id_token),
        state=_state(reservation.state),
        cause=reservation.cause,
        message=reservation.message,
        progress=reservation.progress,
        create_time=time_out(reservation.create_time),
        start_time=time_out(reservation.start_time),
        expire_time=time_out(reservation.expire_time),
        end_time=time_out(reservation.end_time),
        transaction=transaction_out(station, reservation.transaction),
        command=names.command_name(reservation.command),
        wire_id=reservation.wire_id,
        change=_change(reservation.change),
        cancel_reason=reservation.cancel_reason,
        caller=reservation.caller,
        workflow_id=reservation.workflow_id,
        revision=reservation.revision,
        history=[_event(entry) for entry in history],
    )


def _state(state: ReservationState) -> pb.Reservation.State.ValueType:
    return _STATE.Value(f"STATE_{state.value}")


def _change(change: ReservationChange | None) -> pb.ReservationChange | None:
    if change is None:
        return None
    return pb.ReservationChange(
        request_id=change.request_id,
        state=_CHANGE.Value(f"STATE_{change.state.value}"),
        expire_time=time_out(change.expire_time),
        evse_id=change.evse_id,
        request_time=time_out(change.request_time),
        cause=change.cause,
        message=change.message,
    )


def _event(entry: Entry) -> pb.ReservationEvent:
    then = from_snapshot(entry.snapshot)
    return pb.ReservationEvent(
        time=time_out(entry.time),
        state=_state(then.state),
        cause=then.cause,
        progress=then.progress,
    )


def filter_in(request: service_pb.ListReservationsRequest, tenant: str) -> Filter:
    """The filters of a ListReservations."""
    created = request.create_time
    return Filter(
        tenant=tenant,
        station=station_in(request.station) if request.station else None,
        states=[_STATE.Name(state).removeprefix("STATE_") for state in request.states],
        created_from=time_in(created.start_time) if created.HasField("start_time") else None,
        created_to=time_in(created.end_time) if created.HasField("end_time") else None,
        where={"command": command_in(request.command)} if request.command else {},
    )


def watched_in(request: service_pb.WatchReservationsRequest, tenant: str) -> Filter:
    """The reservations that a WatchReservations selects."""
    return Filter(
        tenant=tenant,
        station=station_in(request.station) if request.station else None,
        names=[reservation_in(name) for name in request.names],
    )


def change_in(request: service_pb.UpdateReservationRequest, now: datetime) -> ChangeInput:
    """The change that an UpdateReservation asks for. Without a request id it gets one."""
    return ChangeInput(
        request_id=request_id_in(request.request_id) or str(uuid4()),
        expire_time=end_in(request.WhichOneof("end"), request.expire_time, request.ttl, now),
        evse_id=request.evse_id if request.HasField("evse_id") else None,
    )
