"""The truth report as lines for a terminal."""

from datetime import UTC, datetime, timedelta

import click
import pytest
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import truth_report_pb2 as pb

from entrypoints.commands.report import rendered, span_of

START, CODE = command_pb.RemoteCommand.KIND_START_SESSION, command_pb.Outcome.Code
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def report(**changes: object) -> pb.TruthReport:
    made = pb.TruthReport(complete=True, **changes)  # type: ignore[arg-type]
    made.start_time.FromDatetime(NOON - timedelta(days=1))
    made.end_time.FromDatetime(NOON)
    return made


def end(
    code: command_pb.Outcome.Code.ValueType, cause: str, count: int, newest: str
) -> pb.TruthReport.End:
    return pb.TruthReport.End(
        kind=START, code=code, cause=cause, command_count=count, newest_command=newest
    )


ENDS = [
    end(CODE.CODE_SUCCEEDED, "SESSION_STARTED", 371, "commands/a"),
    end(CODE.CODE_UNSPECIFIED, "", 2, "commands/b"),
]


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90m", timedelta(minutes=90)),
        ("24h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
    ],
)
def test_a_span_is_a_number_and_a_unit(text: str, span: timedelta) -> None:
    assert span_of(text) == span


@pytest.mark.parametrize("text", ["", "24", "h", "-1h", "1.5h", "7w", "999999d"])
def test_any_other_span_is_refused(text: str) -> None:
    with pytest.raises(click.UsageError, match="90m, 24h or 7d"):
        span_of(text)


def test_ends_stand_in_columns_below_the_sentences() -> None:
    lines = list(rendered(report(command_count=373, ends=ENDS, sentences=["Of 373."]), "b:1"))
    assert lines[:6] == [
        "373 commands made from 2026-05-03 12:00 to 2026-05-04 12:00 UTC",
        "Of 373.",
        "",
        "How they ended, and the newest of each",
        "  START_SESSION  SUCCEEDED         SESSION_STARTED  371  commands/a",
        "  START_SESSION  (no outcome yet)                   2    commands/b",
    ]


def test_a_report_says_how_its_commands_are_explained() -> None:
    station = pb.TruthReport.StationOfNote(
        station="stations/CP-1", notes=["Three \x1b[2J."], newest_command="commands/c"
    )
    lines = list(rendered(report(ends=ENDS, stations=[station]), "b:1"))
    assert lines[-3:] == [
        "What happened to a command, for example",
        "  evcommand explain commands/c",
        '  grpcurl -plaintext -d \'{"name": "commands/c"}\' b:1 '
        "evcommand.v1.RemoteCommandService/ExplainCommand",
    ]
    assert "    Three \ufffd[2J." in lines


def test_times_are_told_in_seconds() -> None:
    times = pb.TruthReport.TimeToTruth(kind=START, command_count=20, slow_command="commands/s")
    times.median.FromTimedelta(timedelta(milliseconds=1_450))
    times.percentile_99.FromTimedelta(timedelta(seconds=70))
    lines = list(rendered(report(times=[times]), "b:1"))
    assert lines[-1] == "  START_SESSION  20  1.4 s  70.0 s  commands/s"


def test_a_report_of_nothing_is_one_line_and_one_that_is_cut_says_so() -> None:
    assert len(list(rendered(report(), "b:1"))) == 1
    cut = report()
    cut.complete = False
    assert "only the newest" in list(rendered(cut, "b:1"))[1]


def test_what_the_back_end_asked_for_stands_below_the_commands_of_ours() -> None:
    theirs = pb.TruthReport.BackEndEnd(
        kind=command_pb.RemoteCommand.KIND_RESET,
        code=CODE.CODE_SUCCEEDED,
        cause="STATION_RESTARTED",
        command_count=4,
        newest_station="stations/CP-1",
        explained_by="commands/a",
    )
    theirs.newest_time.FromDatetime(NOON)
    lines = list(rendered(report(back_end_ends=[theirs], back_end_sentences=["Of 4."]), "b:1"))
    assert lines[1:3] == ["", "Of 4."]
    assert lines[-1] == (
        "  RESET  SUCCEEDED  STATION_RESTARTED  4  stations/CP-1  2026-05-04 12:00:00  commands/a"
    )
