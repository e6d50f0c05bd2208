"""Requests in: protobuf to what was asked for. Pure; the request was validated before."""

from typing import TypeVar

from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as commands_pb

from broker.commands.asks import (
    CancelReservationAsk,
    ReserveAsk,
    ResetAsk,
    StartAsk,
    StopAsk,
    UnlockAsk,
)
from broker.proto import names
from broker.proto.values import options_in, profile_in, time_in, token_in
from domain.model.command import Code, State
from domain.model.specs import Kind, ResetMode
from fleet.log.event_log import Filter

_KIND = command_pb.RemoteCommand.Kind
_STATE = command_pb.RemoteCommand.State
_CODE = command_pb.Outcome.Code
_T = TypeVar("_T")

UNFINISHED = tuple(state.value for state in State if state is not State.DONE)


def start_in(request: commands_pb.StartSessionRequest) -> StartAsk:
    """What a StartSession asks for."""
    has_group, has_profile = (request.HasField(f) for f in ("group_id_token", "charging_profile"))
    return StartAsk(
        station=station_in(request.station),
        evse_id=request.evse_id if request.HasField("evse_id") else None,
        connector_id=request.connector_id if request.HasField("connector_id") else None,
        id_token=token_in(request.id_token),
        group_id_token=token_in(request.group_id_token) if has_group else None,
        reservation=request.reservation or None,
        charging_profile=profile_in(request.charging_profile) if has_profile else None,
        request_id=request_id_in(request.request_id),
        options=options_in(request.options),
    )


def stop_in(request: commands_pb.StopSessionRequest) -> StopAsk:
    """What a StopSession asks for."""
    target = request.WhichOneof("target")
    return StopAsk(
        station=station_in(request.station) if request.station else None,
        transaction=request.transaction if target == "transaction" else None,
        start_command=request.start_command if target == "start_command" else None,
        evse_id=request.evse_id if target == "evse_id" else None,
        id_token=token_in(request.id_token) if target == "id_token" else None,
        reservation=request.reservation if target == "reservation" else None,
        transaction_id=request.transaction_id if target == "transaction_id" else None,
        request_id=request_id_in(request.request_id),
        options=options_in(request.options),
    )


def unlock_in(request: commands_pb.UnlockConnectorRequest) -> UnlockAsk:
    """What an UnlockConnector asks for."""
    return UnlockAsk(
        station=station_in(request.station),
        connector_id=request.connector_id,
        evse_id=request.evse_id if request.HasField("evse_id") else None,
        stop_first=request.stop_first,
        request_id=request_id_in(request.request_id),
        options=options_in(request.options),
    )


def reset_in(request: commands_pb.ResetRequest) -> ResetAsk:
    """What a Reset asks for."""
    return ResetAsk(
        station=station_in(request.station),
        mode=ResetMode(_word(command_pb.ResetMode.Name(request.mode), "RESET_MODE_")),
        evse_id=request.evse_id if request.HasField("evse_id") else None,
        request_id=request_id_in(request.request_id),
        options=options_in(request.options),
    )


def reserve_in(request: commands_pb.ReserveNowRequest) -> ReserveAsk:
    """What a ReserveNow asks for."""
    end, has_group = request.WhichOneof("end"), request.HasField("group_id_token")
    return ReserveAsk(
        station=station_in(request.station),
        id_token=token_in(request.id_token),
        expire_time=time_in(request.expire_time) if end == "expire_time" else None,
        ttl=request.ttl.ToTimedelta() if end == "ttl" else None,
        evse_id=request.evse_id if request.HasField("evse_id") else None,
        connector_id=request.connector_id if request.HasField("connector_id") else None,
        connector_type=request.connector_type,
        group_id_token=token_in(request.group_id_token) if has_group else None,
        request_id=request_id_in(request.request_id),
        options=options_in(request.options),
    )


def cancel_reservation_in(request: commands_pb.CancelReservationRequest) -> CancelReservationAsk:
    """What a CancelReservation asks for."""
    by_wire = request.WhichOneof("target") == "wire_reservation"
    wire = request.wire_reservation
    return CancelReservationAsk(
        reservation=None if by_wire else request.reservation,
        station=station_in(wire.station) if by_wire else None,
        wire_id=wire.wire_id,
        reason=request.reason,
        request_id=request_id_in(request.request_id),
        options=options_in(request.options),
    )


def filter_in(request: commands_pb.ListCommandsRequest, tenant: str) -> Filter:
    """The filters of a ListCommands."""
    span = request.create_time
    return Filter(
        tenant=tenant,
        station=station_in(request.station) if request.station else None,
        kinds=[_word(_KIND.Name(kind), "KIND_") for kind in request.kinds],
        states=[_word(_STATE.Name(state), "STATE_") for state in request.states],
        outcome_codes=[_word(_CODE.Name(code), "CODE_") for code in request.outcome_codes],
        created_from=time_in(span.start_time) if span.HasField("start_time") else None,
        created_to=time_in(span.end_time) if span.HasField("end_time") else None,
        labels=dict(request.labels),
    )


def watched_in(request: commands_pb.WatchCommandsRequest, tenant: str) -> Filter:
    """The commands that a WatchCommands selects."""
    return Filter(
        tenant=tenant,
        station=station_in(request.station) if request.station else None,
        names=[command_in(name) for name in request.names],
    )


def station_in(name: str) -> str:
    """The station's identity in a valid name."""
    return _valid(names.parse_station(name))


def command_in(name: str) -> str:
    """The request id in a valid name."""
    return _valid(names.parse_command(name))


def transaction_in(name: str) -> tuple[str, str]:
    """(station, transaction) of a valid name."""
    return _valid(names.parse_transaction(name))


def request_id_in(text: str) -> str | None:
    """The canonical request id; None when there is none."""
    return names.parse_uuid(text) if text else None


def kind_out(kind: Kind) -> command_pb.RemoteCommand.Kind.ValueType:
    """A command's kind as the contract's enum."""
    return _KIND.Value(f"KIND_{kind.value}")


def state_out(state: State) -> command_pb.RemoteCommand.State.ValueType:
    """A command's state as the contract's enum."""
    return _STATE.Value(f"STATE_{state.value}")


def code_out(code: Code) -> command_pb.Outcome.Code.ValueType:
    """An outcome's code as the contract's enum."""
    return _CODE.Value(f"CODE_{code.value}")


def _word(name: str, prefix: str) -> str:
    return name.removeprefix(prefix)


def _valid(parsed: _T | None) -> _T:
    if parsed is None:
        raise ValueError("the name was not validated")
    return parsed
