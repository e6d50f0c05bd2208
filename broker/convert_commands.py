"""Commands out: dataclasses to RemoteCommand. Pure. Token values never come this far."""

from evcommand.v1 import remote_command_pb2 as command_pb

from broker import names
from broker.convert_asks import code_out, kind_out, state_out
from broker.convert_values import masked_out, policy_out, profile_out, time_out, token_out
from workflows.domain.model import (
    Command,
    Compensation,
    CompensationState,
    Outcome,
    SessionFacts,
    StartSpec,
    StationAnswer,
    StopSpec,
)

_NAMED_TARGETS = ("transaction", "start_command", "reservation", "transaction_id")
_COMPENSATION = command_pb.Compensation.State


def command_out(command: Command) -> command_pb.RemoteCommand:
    """A command as the contract shows it."""
    station = command.station
    return command_pb.RemoteCommand(
        name=names.command_name(command.name),
        kind=kind_out(command.kind),
        station=names.station_name(station),
        state=state_out(command.state),
        outcome=_outcome(command.outcome, station),
        station_answer=_answer(command.station_answer),
        compensation=_compensation(command.compensation, station),
        start_session=_start(command.start),
        stop_session=_stop(command.stop, station),
        request_id=command.name,
        labels=command.labels,
        caller=command.caller,
        workflow_id=command.workflow_id,
        trace_id=command.trace_id,
        create_time=time_out(command.create_time),
        send_time=time_out(command.send_time),
        answer_time=time_out(command.answer_time),
        outcome_time=time_out(command.outcome_time),
        not_after=time_out(command.not_after),
        offline_policy=policy_out(command.offline_policy),
        progress=command.progress,
        revision=command.revision,
        cancel_reason=command.cancel_reason,
    )


def _outcome(outcome: Outcome | None, station: str) -> command_pb.Outcome | None:
    if outcome is None:
        return None
    return command_pb.Outcome(
        code=code_out(outcome.code),
        cause=outcome.cause,
        message=outcome.message,
        session=_session(outcome.session, station),
    )


def _session(facts: SessionFacts | None, station: str) -> command_pb.SessionFacts | None:
    if facts is None:
        return None
    return command_pb.SessionFacts(
        transaction=_transaction(station, facts.transaction),
        transaction_id=facts.transaction_id,
        evse_id=facts.evse_id,
        start_time=time_out(facts.start_time),
        stop_time=time_out(facts.stop_time),
        meter_start_wh=facts.meter_start_wh,
        meter_stop_wh=facts.meter_stop_wh,
        stop_reason=facts.stop_reason,
    )


def _answer(answer: StationAnswer | None) -> command_pb.StationAnswer | None:
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


def _compensation(compensation: Compensation, station: str) -> command_pb.Compensation | None:
    if compensation.state is CompensationState.NONE:
        return None
    return command_pb.Compensation(
        state=_COMPENSATION.Value(f"STATE_{compensation.state.value}"),
        reason=compensation.reason,
        transaction=_transaction(station, compensation.transaction),
        transaction_id=compensation.transaction_id or "",
        update_time=time_out(compensation.update_time),
    )


def _start(spec: StartSpec | None) -> command_pb.StartSessionSpec | None:
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


def _stop(spec: StopSpec | None, station: str) -> command_pb.StopSessionSpec | None:
    if spec is None:
        return None
    shown = command_pb.StopSessionSpec(
        resolved_transaction=_transaction(station, spec.resolved_transaction),
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


def _transaction(station: str, transaction: str | None) -> str:
    return names.transaction_name(station, transaction) if transaction else ""
