"""Reservations in and out: protobuf and dataclasses. Pure. Token values never come this far."""

from collections.abc import Sequence

from evcommand.v1 import reservation_pb2 as pb
from evcommand.v1 import reservation_service_pb2 as service_pb

from broker.proto import names
from broker.proto.asks import command_in, station_in
from broker.proto.specs import transaction_out
from broker.proto.values import time_in, time_out, token_out
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
    span = request.create_time
    return Filter(
        tenant=tenant,
        station=station_in(request.station) if request.station else None,
        states=[_STATE.Name(state).removeprefix("STATE_") for state in request.states],
        created_from=time_in(span.start_time) if span.HasField("start_time") else None,
        created_to=time_in(span.end_time) if span.HasField("end_time") else None,
        where={"command": command_in(request.command)} if request.command else {},
    )


def watched_in(request: service_pb.WatchReservationsRequest, tenant: str) -> Filter:
    """The reservations that a WatchReservations selects."""
    return Filter(
        tenant=tenant,
        station=station_in(request.station) if request.station else None,
        names=[reservation_in(name) for name in request.names],
    )


def reservation_in(name: str) -> str:
    """The reservation's id in a valid name."""
    parsed = names.parse_reservation(name)
    if parsed is None:
        raise ValueError("the name was not validated")
    return parsed
