"""What ListAuditEntries asks for, and its entries as the contract shows them. Pure."""

from collections.abc import Sequence
from datetime import datetime

from evcommand.v1 import audit_service_pb2 as pb
from evcommand.v1 import remote_command_pb2 as command_pb

from broker.commands.table import EDGES
from broker.errors import FieldViolation
from broker.proto.fields import Findings, page_size_field, time_range_field
from broker.proto.names import command_name, station_name
from broker.proto.times import time_in, time_out
from domain.model.command import Command
from domain.model.states import ended_as
from fleet.log.audit import AuditRow
from fleet.log.event_log import Filter


def check_list(request: pb.ListAuditEntriesRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a ListAuditEntries."""
    findings = Findings()
    if request.HasField("create_time"):
        time_range_field(findings, request.create_time)
    page_size_field(findings, request.page_size)
    return findings.violations


def filter_in(request: pb.ListAuditEntriesRequest, tenant: str) -> Filter:
    """The filters of a ListAuditEntries."""
    span = request.create_time
    return Filter(
        tenant=tenant,
        created_from=time_in(span.start_time) if span.HasField("start_time") else None,
        created_to=time_in(span.end_time) if span.HasField("end_time") else None,
    )


def newest_first(rows: Sequence[AuditRow], commands: Sequence[Command]) -> list[pb.AuditEntry]:
    """Entries out of the audit log and out of the commands that were made, in one order."""
    placed = [((row.create_time, row.id), entry_out(row)) for row in rows]
    placed += [((each.create_time, each.name), entry_of_command(each)) for each in commands]
    return [entry for _, entry in sorted(placed, key=lambda each: each[0], reverse=True)]


def place_of(entry: pb.AuditEntry) -> tuple[datetime, str]:
    """Where an entry stands in the order of the list."""
    return time_in(entry.create_time), entry.id


def entry_out(row: AuditRow) -> pb.AuditEntry:
    """A row of the audit log."""
    return pb.AuditEntry(
        id=row.id,
        create_time=time_out(row.create_time),
        caller=row.caller,
        tenant=row.tenant,
        method=row.method,
        resource=row.resource,
        station=station_name(row.station) if row.station else "",
        code=row.code,
        reason=row.reason,
        request_id=row.request_id,
        trace_id=row.trace_id,
        times=row.times,
        last_time=time_out(row.last_time),
    )


def entry_of_command(command: Command) -> pb.AuditEntry:
    """The call that made a command."""
    outcome = ended_as(command.state, command.outcome)
    code = f"CODE_{outcome.code.value}" if outcome else "CODE_UNSPECIFIED"
    return pb.AuditEntry(
        id=command.name,
        create_time=time_out(command.create_time),
        caller=command.caller,
        tenant=command.tenant,
        method=EDGES[command.kind].method,
        resource=command_name(command.name),
        station=station_name(command.station),
        code="OK",
        request_id=command.name,
        trace_id=command.trace_id,
        outcome_code=command_pb.Outcome.Code.Value(code),
        times=1,
        last_time=time_out(command.create_time),
    )
