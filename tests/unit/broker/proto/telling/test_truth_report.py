"""What a client may ask of a report, and the report as it is told."""

from datetime import UTC, datetime, timedelta

import pytest
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1.remote_command_service_pb2 import GetTruthReportRequest
from google.protobuf.duration_pb2 import Duration

from broker.access.caller import Caller
from broker.proto.telling.truth_report import check_report, counted_in, report_out
from domain.model.command import Code
from domain.model.specs import Kind
from domain.model.truth_report import (
    CountedEnds,
    StandingOut,
    TheirCountedEnds,
    TimesToTruth,
    TruthReport,
)
from fleet.log.counting import Counted

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("request_", "bad"),
    [
        (GetTruthReportRequest(), []),
        (GetTruthReportRequest(period=Duration(seconds=31 * 86_400), stations=["stations/A"]), []),
        (GetTruthReportRequest(period=Duration(seconds=31 * 86_400, nanos=1_000)), ["period"]),
        (GetTruthReportRequest(period=Duration()), ["period"]),
        (GetTruthReportRequest(period=Duration(seconds=-1)), ["period"]),
        (GetTruthReportRequest(period=Duration(seconds=2**62)), ["period"]),
        (GetTruthReportRequest(stations=["stations/A", "B"]), ["stations[1]"]),
        (GetTruthReportRequest(stations=["stations/A"] * 51), ["stations"]),
    ],
)
def test_every_bad_field_is_named(request_: GetTruthReportRequest, bad: list[str]) -> None:
    assert [each.field for each in check_report(request_)] == bad


def test_a_report_counts_what_the_caller_may_see() -> None:
    caller = Caller(name="desk", tenant="acme", groups=("NORTH-",))
    asked = GetTruthReportRequest(period=Duration(seconds=60), stations=["stations/A%201"])
    begin = NOON - timedelta(minutes=1)
    assert counted_in(asked, caller, NOON) == Counted("acme", begin, NOON, ["A 1"], ("NORTH-",))
    assert counted_in(GetTruthReportRequest(), caller, NOON).start == NOON - DAY


def test_a_report_is_told_as_it_is() -> None:
    second = timedelta(seconds=1)
    told = report_out(
        TruthReport(
            *(NOON - DAY, NOON, True),
            ends=(CountedEnds("RESET", "", "", 2, "c-1"),),
            times=(TimesToTruth("RESET", 1, second, second, "c-2"),),
            stations=(StandingOut("A 1", 3, 1, 1, 1, 0, "", ("Odd.",)),),
        )
    )
    assert (told.command_count, told.complete, list(told.sentences)) == (
        *(2, True),
        ["RESET: of 2, 2 not decided yet."],
    )
    assert told.ends[0].newest_command == "commands/c-1"
    assert told.ends[0].code == command_pb.Outcome.CODE_UNSPECIFIED
    assert told.times[0].percentile_99.seconds == 1
    station = told.stations[0]
    assert (station.station, station.newest_command, list(station.notes)) == (
        *("stations/A%201", ""),
        ["Odd."],
    )


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("code", Code)
def test_every_kind_and_code_can_be_told(kind: Kind, code: Code) -> None:
    ends = (CountedEnds(kind.value, code.value, "CAUSE", 1, "c-1"),)
    (end,) = report_out(TruthReport(NOON, NOON, True, ends, (), ())).ends
    assert command_pb.Outcome.Code.Name(end.code) == f"CODE_{code.value}"
    assert command_pb.RemoteCommand.Kind.Name(end.kind) == f"KIND_{kind.value}"


def test_the_commands_of_another_back_end_are_told_with_what_explains_them() -> None:
    theirs = (
        TheirCountedEnds("RESET", "UNKNOWN", "WHY", 2, "A 1", NOON, "c-1"),
        TheirCountedEnds("RESET", "", "", 1, "A 1", NOON),
    )
    told = report_out(TruthReport(NOON - DAY, NOON, True, (), (), (), theirs))
    known, open_ = told.back_end_ends
    assert (known.newest_station, known.explained_by) == ("stations/A%201", "commands/c-1")
    assert (known.command_count, known.cause) == (2, "WHY")
    assert (open_.code, open_.explained_by) == (command_pb.Outcome.CODE_UNSPECIFIED, "")
    assert list(told.back_end_sentences) == [
        "The back end's RESET: of 3, 2 UNKNOWN (2 WHY), 1 not decided yet."
    ]
