"""What commands asked for, out: dataclasses to the contract's specs. Pure; tokens are masked."""

from datetime import timedelta

from evcommand.v1 import remote_command_pb2 as command_pb
from google.protobuf.duration_pb2 import Duration

from broker.proto import names
from broker.proto.values import masked_out, profile_out, token_out
from domain.model.specs import (
    CancelReservationSpec,
    ReserveSpec,
    ResetSpec,
    StartSpec,
    StopSpec,
    UnlockSpec,
)

_NAMED_TARGETS = ("transaction", "start_command", "reservation", "transaction_id")
_MODE = command_pb.ResetMode


def start_out(spec: StartSpec | None) -> command_pb.StartSessionSpec | None:
    """What a StartSession asked for; None stays None, and an absent field."""
    if spec is None:
        return None
    return command_pb.StartSessionSpec(
        evse_id=spec.evse_id,
        connector_id=spec.connector_id,
        id_token=token_out(spec.id_token),
        group_id_token=token_out(spec.group_id_token),
        reservation=spec.reservation or "",
        charging_profile=profile_out(spec.charging_profile),
    )


def stop_out(spec: StopSpec | None, station: str) -> command_pb.StopSessionSpec | None:
    """What a StopSession asked for; None stays None, and an absent field."""
    if spec is None:
        return None
    shown = command_pb.StopSessionSpec(
        resolved_transaction=transaction_out(station, spec.resolved_transaction),
        resolved_transaction_id=spec.wire_id,
    )
    if spec.id_token is not None:
        shown.id_token.CopyFrom(masked_out(spec.id_token))
    elif spec.evse_id is not None:
        shown.evse_id = spec.evse_id
    else:
        for field in _NAMED_TARGETS:
            value = getattr(spec, field)
            if value is not None:
                setattr(shown, field, value)
    return shown


def unlock_out(spec: UnlockSpec | None) -> command_pb.UnlockConnectorSpec | None:
    """What an UnlockConnector asked for; None stays None, and an absent field."""
    if spec is None:
        return None
    return command_pb.UnlockConnectorSpec(
        evse_id=spec.evse_id, connector_id=spec.connector_id, stop_first=spec.stop_first
    )


def reset_out(spec: ResetSpec | None) -> command_pb.ResetSpec | None:
    """What a Reset asked for; None stays None, and an absent field."""
    if spec is None:
        return None
    return command_pb.ResetSpec(
        evse_id=spec.evse_id, mode=_MODE.Value(f"RESET_MODE_{spec.mode.value}")
    )


def reserve_out(spec: ReserveSpec | None) -> command_pb.ReserveNowSpec | None:
    """What a ReserveNow asked for; None stays None, and an absent field."""
    if spec is None:
        return None
    shown = command_pb.ReserveNowSpec(
        evse_id=spec.evse_id,
        connector_id=spec.connector_id,
        connector_type=spec.connector_type,
        id_token=token_out(spec.id_token),
        group_id_token=token_out(spec.group_id_token),
        reservation=reservation_out(spec.reservation),
        wire_id=spec.wire_id,
    )
    if spec.ttl_s is None:
        shown.expire_time.FromDatetime(spec.expire_time)
    else:
        shown.ttl.CopyFrom(_duration(spec.ttl_s))
    return shown


def _duration(seconds: float) -> Duration:
    length = Duration()
    length.FromTimedelta(timedelta(seconds=seconds))
    return length


def cancel_reservation_out(
    spec: CancelReservationSpec | None, station: str
) -> command_pb.CancelReservationSpec | None:
    """What a CancelReservation asked for; None stays None, and an absent field."""
    if spec is None:
        return None
    shown = command_pb.CancelReservationSpec(
        reason=spec.reason,
        resolved_reservation=reservation_out(spec.resolved_reservation),
        resolved_wire_id=spec.wire_id,
    )
    if spec.reservation is not None:
        shown.reservation = spec.reservation
    else:
        shown.wire_reservation.station = names.station_name(station)
        shown.wire_reservation.wire_id = spec.wire_id
    return shown


def transaction_out(station: str, transaction: str | None) -> str:
    """A transaction's resource name; empty for None."""
    return names.transaction_name(station, transaction) if transaction else ""


def reservation_out(reservation: str | None) -> str:
    """A reservation's resource name; empty for None."""
    return names.reservation_name(reservation) if reservation else ""
