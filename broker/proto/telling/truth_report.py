"""A GetTruthReport, checked and read, and the report as the contract's message. Pure."""

from datetime import datetime, timedelta

from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as commands_pb
from evcommand.v1 import truth_report_pb2 as pb

from broker.access.caller import Caller
from broker.errors import FieldViolation
from broker.proto import fields
from broker.proto.fields import MAX_FILTER_VALUES, Findings
from broker.proto.names import command_name, station_in, station_name
from broker.proto.times import span, span_out, time_out
from domain.model.truth_report import (
    LONGEST_PERIOD,
    USUAL_PERIOD,
    CountedEnds,
    StandingOut,
    TheirCountedEnds,
    TimesToTruth,
    TruthReport,
    sentences,
    their_sentences,
)
from fleet.log.counting import Counted

_KIND = command_pb.RemoteCommand.Kind
_CODE = command_pb.Outcome.Code


def check_report(request: commands_pb.GetTruthReportRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a GetTruthReport."""
    findings = Findings()
    if request.HasField("period"):
        period = span(request.period)
        findings.expect(
            period is not None and timedelta(0) < period <= LONGEST_PERIOD,
            "period",
            f"must be more than 0 and at most {LONGEST_PERIOD.days} days",
        )
    fields.name_fields(findings, "stations", "station", request.stations, most=MAX_FILTER_VALUES)
    return findings.violations


def counted_in(
    request: commands_pb.GetTruthReportRequest, caller: Caller, now: datetime
) -> Counted:
    """The commands that a GetTruthReport asks about, as far as the caller may see them."""
    period = request.period.ToTimedelta() if request.HasField("period") else USUAL_PERIOD
    return Counted(
        tenant=caller.tenant,
        start=now - period,
        end=now,
        stations=[station_in(name) for name in request.stations],
        groups=caller.groups,
    )


def report_out(report: TruthReport) -> pb.TruthReport:
    """The report as the contract's message."""
    return pb.TruthReport(
        start_time=time_out(report.start),
        end_time=time_out(report.end),
        complete=report.complete,
        command_count=report.commands,
        sentences=sentences(report.ends),
        ends=[_end(each) for each in report.ends],
        times=[_time(each) for each in report.times],
        stations=[_station(each) for each in report.stations],
        back_end_ends=[_back_end_end(each) for each in report.theirs],
        back_end_sentences=their_sentences(report.theirs),
    )


def _end(ends: CountedEnds) -> pb.TruthReport.End:
    return pb.TruthReport.End(
        kind=_KIND.Value(f"KIND_{ends.kind}"),
        code=_CODE.Value(f"CODE_{ends.code}") if ends.code else _CODE.CODE_UNSPECIFIED,
        cause=ends.cause,
        command_count=ends.count,
        newest_command=command_name(ends.newest),
    )


def _back_end_end(ends: TheirCountedEnds) -> pb.TruthReport.BackEndEnd:
    return pb.TruthReport.BackEndEnd(
        kind=_KIND.Value(f"KIND_{ends.kind}"),
        code=_CODE.Value(f"CODE_{ends.code}") if ends.code else _CODE.CODE_UNSPECIFIED,
        cause=ends.cause,
        command_count=ends.count,
        newest_station=station_name(ends.station),
        newest_time=time_out(ends.time),
        explained_by=command_name(ends.command) if ends.command else "",
    )


def _time(times: TimesToTruth) -> pb.TruthReport.TimeToTruth:
    return pb.TruthReport.TimeToTruth(
        kind=_KIND.Value(f"KIND_{times.kind}"),
        command_count=times.count,
        median=span_out(times.median),
        percentile_99=span_out(times.percentile_99),
        slow_command=command_name(times.slow),
    )


def _station(station: StandingOut) -> pb.TruthReport.StationOfNote:
    return pb.TruthReport.StationOfNote(
        station=station_name(station.station),
        command_count=station.commands,
        unknown_count=station.unknown,
        no_effect_count=station.no_effect,
        slow_count=station.slow,
        mended_report_count=station.mended,
        notes=station.notes,
        newest_command=command_name(station.newest) if station.newest else "",
    )
