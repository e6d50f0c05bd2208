"""Which commands a client wants to see, and which one to take back: checked and read. Pure."""

from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as commands_pb

from broker.errors import FieldViolation
from broker.proto import fields
from broker.proto.fields import Findings
from broker.proto.names import command_in, station_in
from broker.proto.times import time_in
from domain.model.command import State
from fleet.log.event_log import Filter

_KIND = command_pb.RemoteCommand.Kind
_STATE = command_pb.RemoteCommand.State
_CODE = command_pb.Outcome.Code

UNFINISHED = tuple(state.value for state in State if state is not State.DONE)
"""The states of commands that go on."""


def check_cancel(request: commands_pb.CancelCommandRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a CancelCommand."""
    findings = Findings()
    fields.name_field(findings, "name", "command", request.name)
    fields.text_field(findings, "reason", request.reason)
    return findings.violations


def check_list(request: commands_pb.ListCommandsRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a ListCommands."""
    findings = Findings()
    fields.station_field(findings, request.station, required=False)
    fields.enum_values(findings, "kinds", request.kinds, _KIND)
    fields.enum_values(findings, "states", request.states, _STATE)
    fields.enum_values(findings, "outcome_codes", request.outcome_codes, _CODE)
    if request.HasField("create_time"):
        fields.time_range_field(findings, request.create_time)
    fields.label_map(findings, "labels", dict(request.labels))
    fields.page_size_field(findings, request.page_size)
    return findings.violations


def check_watch(request: commands_pb.WatchCommandsRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a WatchCommands."""
    findings = Findings()
    fields.watched_fields(findings, "command", request.names, request.station, all=request.all)
    return findings.violations


def filter_in(request: commands_pb.ListCommandsRequest, tenant: str) -> Filter:
    """The filters of a ListCommands."""
    span = request.create_time
    return Filter(
        tenant=tenant,
        station=station_in(request.station) if request.station else None,
        kinds=[_KIND.Name(kind).removeprefix("KIND_") for kind in request.kinds],
        states=[_STATE.Name(state).removeprefix("STATE_") for state in request.states],
        outcome_codes=[_CODE.Name(code).removeprefix("CODE_") for code in request.outcome_codes],
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
