"""`evcommand report`: prints what became of the commands of the last hours or days.

It is a client like any other: it asks the broker over gRPC and knows nothing of the database.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import click
import grpc
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import remote_command_service_pb2_grpc as pb_grpc
from evcommand.v1 import truth_report_pb2 as report_pb
from google.protobuf.json_format import MessageToDict

from entrypoints.commands.broker_access import CALL_S, BrokerAccess, asking, printable
from entrypoints.commands.spans import span_in

_COLLECTION = "stations/"
_EXPLAIN = "evcommand.v1.RemoteCommandService/ExplainCommand"
_REMEDIES = {
    grpc.StatusCode.INVALID_ARGUMENT: "--since takes 90m, 24h or 7d, at most 31d.",
    grpc.StatusCode.PERMISSION_DENIED: "Use the API key of a caller who has the right `read`.",
}


def span_of(text: str) -> timedelta:
    """The span in "90m", "24h" or "7d". Raises: click.UsageError."""
    span = span_in(text)
    if span is None:
        raise click.UsageError("--since takes a number and m, h or d, as 90m, 24h or 7d.")
    return span


def report(
    period: timedelta, stations: Sequence[str], access: BrokerAccess, *, as_json: bool
) -> None:
    """Asks the broker for the truth report and prints it. stations: names or identities.

    Raises: CannotStart with the remedy when the broker cannot be asked or refuses.
    """
    request = pb.GetTruthReportRequest()
    request.period.FromTimedelta(period)
    request.stations.extend(
        name if name.startswith(_COLLECTION) else f"{_COLLECTION}{name}" for name in stations
    )
    with asking(access, _REMEDIES) as channel:
        stub: Any = pb_grpc.RemoteCommandServiceStub(channel)
        reply = stub.GetTruthReport(request, metadata=access.metadata, timeout=CALL_S)
    if as_json:
        shown = MessageToDict(reply.report, always_print_fields_with_no_presence=True)
        click.echo(json.dumps(shown, indent=2))
        return
    for line in rendered(reply.report, access.address):
        click.echo(line)


def rendered(told: report_pb.TruthReport, address: str) -> Iterator[str]:
    """The report as lines. address: of the broker, for the call that explains a command."""
    yield (
        f"{told.command_count} commands made from {told.start_time.ToDatetime():%Y-%m-%d %H:%M} "
        f"to {told.end_time.ToDatetime():%Y-%m-%d %H:%M} UTC"
    )
    if not told.complete:
        yield "There were more: only the newest are counted. Ask for a shorter time, or a station."
    yield from told.sentences
    yield from _table("How they ended, and the newest of each", [_end(each) for each in told.ends])
    yield from _table(
        "How long until it was known: half of them, 99 of 100, and one that took so long",
        [_time(each) for each in told.times],
    )
    yield from _of_back_end(told)
    if told.stations:
        yield from ("", "Stations that stand out")
    for station in told.stations:
        yield f"  {printable(station.station)}  {station.newest_command}".rstrip()
        yield from (f"    {printable(note)}" for note in station.notes)
    if told.ends:
        yield from _how_to_explain(told, address)


def _of_back_end(told: report_pb.TruthReport) -> Iterator[str]:
    """What the back end (CSMS) itself asked of its stations; nothing where there is none."""
    if told.back_end_ends:
        yield from ("", *told.back_end_sentences)
    yield from _table(
        "How the back end's own commands ended, the newest of each, and where it is explained",
        [_back_end_end(each) for each in told.back_end_ends],
    )


def _back_end_end(ends: report_pb.TruthReport.BackEndEnd) -> tuple[str, ...]:
    code = command_pb.Outcome.Code.Name(ends.code).removeprefix("CODE_")
    return (
        _kind(ends.kind),
        code if ends.code else "(no outcome yet)",
        ends.cause,
        str(ends.command_count),
        printable(ends.newest_station),
        f"{ends.newest_time.ToDatetime():%Y-%m-%d %H:%M:%S}",
        ends.explained_by,
    )


def _how_to_explain(told: report_pb.TruthReport, address: str) -> Iterator[str]:
    """How a command is explained, with one of those that somebody has to look at if there is."""
    marked = [each.newest_command for each in told.stations if each.newest_command]
    name = (marked or [told.ends[-1].newest_command])[0]
    yield from ("", "What happened to a command, for example")
    yield f"  evcommand explain {name}"
    yield f'  grpcurl -plaintext -d \'{{"name": "{name}"}}\' {address} {_EXPLAIN}'


def _end(ends: report_pb.TruthReport.End) -> tuple[str, ...]:
    code = command_pb.Outcome.Code.Name(ends.code).removeprefix("CODE_")
    shown = code if ends.code else "(no outcome yet)"
    return _kind(ends.kind), shown, ends.cause, str(ends.command_count), ends.newest_command


def _time(times: report_pb.TruthReport.TimeToTruth) -> tuple[str, ...]:
    spans = [each.ToTimedelta().total_seconds() for each in (times.median, times.percentile_99)]
    shown = (f"{seconds:.1f} s" for seconds in spans)
    return _kind(times.kind), str(times.command_count), *shown, times.slow_command


def _kind(kind: command_pb.RemoteCommand.Kind.ValueType) -> str:
    return command_pb.RemoteCommand.Kind.Name(kind).removeprefix("KIND_")


def _table(title: str, rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """The rows below their title, each column as wide as it needs to be; nothing without rows."""
    if not rows:
        return
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    yield from ("", title)
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()
