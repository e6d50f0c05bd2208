"""Commands out: the domain's Command as the contract's RemoteCommand. Pure.

Values of tokens never come this far. The spec is shown by the command's own edge.
"""

from evcommand.v1 import remote_command_pb2 as command_pb

from broker.commands.edge import spec_in
from broker.commands.options import policy_out
from broker.commands.table import EDGES
from broker.proto import names
from broker.proto.outcomes import answer_out, compensation_out, outcome_out
from broker.proto.times import time_out
from domain.model.command import Command, State
from domain.model.specs import Kind

_KIND = command_pb.RemoteCommand.Kind
_STATE = command_pb.RemoteCommand.State


def command_out(command: Command) -> command_pb.RemoteCommand:
    """A command as the contract shows it."""
    station = command.station
    shown = command_pb.RemoteCommand(
        name=names.command_name(command.name),
        kind=kind_out(command.kind),
        station=names.station_name(station),
        state=state_out(command.state),
        outcome=outcome_out(command.outcome, station),
        station_answer=answer_out(command.station_answer),
        compensation=compensation_out(command.compensation, station),
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
    spec = spec_in(command)
    if spec is not None:
        EDGES[command.kind].show(shown, spec, station)
    return shown


def kind_out(kind: Kind) -> command_pb.RemoteCommand.Kind.ValueType:
    """A command's kind as the contract's enum."""
    return _KIND.Value(f"KIND_{kind.value}")


def state_out(state: State) -> command_pb.RemoteCommand.State.ValueType:
    """A command's state as the contract's enum."""
    return _STATE.Value(f"STATE_{state.value}")
