"""What became of a command, out: outcome, answer and compensation as the contract's. Pure."""

from evcommand.v1 import remote_command_pb2 as command_pb

from broker.proto.names import reservation_out, transaction_out
from broker.proto.times import time_out
from domain.model.answers import StationAnswer
from domain.model.command import (
    Compensation,
    CompensationState,
    Outcome,
    ReservationFacts,
    ResetFacts,
    SessionFacts,
)
from domain.ocpp_words import told_id

_CODE = command_pb.Outcome.Code
_COMPENSATION = command_pb.Compensation.State


def outcome_out(outcome: Outcome | None, station: str) -> command_pb.Outcome | None:
    if outcome is None:
        return None
    return command_pb.Outcome(
        code=_CODE.Value(f"CODE_{outcome.code.value}"),
        cause=outcome.cause,
        message=outcome.message,
        session=_session(outcome.session, station),
        reset=_reset(outcome.reset, station),
        reservation=_reservation(outcome.reservation, station),
    )


def _session(facts: SessionFacts | None, station: str) -> command_pb.SessionFacts | None:
    if facts is None:
        return None
    return command_pb.SessionFacts(
        transaction=transaction_out(station, facts.transaction),
        transaction_id=told_id(facts.ocpp_transaction_id),
        evse_id=facts.evse_id,
        start_time=time_out(facts.start_time),
        stop_time=time_out(facts.stop_time),
        meter_start_wh=facts.meter_start_wh,
        meter_stop_wh=facts.meter_stop_wh,
        stop_reason=facts.stop_reason,
        end_not_reported=not facts.end_reported,
    )


def _reset(facts: ResetFacts | None, station: str) -> command_pb.ResetFacts | None:
    if facts is None:
        return None
    return command_pb.ResetFacts(
        evse_id=facts.evse_id,
        scheduled=facts.scheduled,
        down_time=time_out(facts.down_time),
        boot_time=time_out(facts.boot_time),
        boot_reason=facts.boot_reason,
        running_transactions=[transaction_out(station, one) for one in facts.running],
        ended_transactions=[transaction_out(station, one) for one in facts.ended],
    )


def _reservation(
    facts: ReservationFacts | None, station: str
) -> command_pb.ReservationFacts | None:
    if facts is None:
        return None
    return command_pb.ReservationFacts(
        reservation=reservation_out(facts.reservation),
        wire_id=facts.wire_id,
        evse_id=facts.evse_id,
        expire_time=time_out(facts.expire_time),
        transaction=transaction_out(station, facts.transaction),
    )


def answer_out(answer: StationAnswer | None) -> command_pb.StationAnswer | None:
    if answer is None:
        return None
    error = answer.call_error
    return command_pb.StationAnswer(
        status=answer.status,
        reason_code=answer.reason_code,
        additional_info=answer.additional_info,
        call_error=(
            None
            if error is None
            else command_pb.CallError(code=error.code, description=error.description)
        ),
    )


def compensation_out(compensation: Compensation, station: str) -> command_pb.Compensation | None:
    if compensation.state is CompensationState.NONE:
        return None
    return command_pb.Compensation(
        state=_COMPENSATION.Value(f"STATE_{compensation.state.value}"),
        reason=compensation.reason,
        transaction=transaction_out(station, compensation.transaction),
        transaction_id=told_id(compensation.ocpp_transaction_id or ""),
        update_time=time_out(compensation.update_time),
        reservation=reservation_out(compensation.reservation),
        wire_id=compensation.wire_id or 0,
    )
