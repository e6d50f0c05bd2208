"""Series of bookings: requests checked and read, and shown. Pure."""

from collections.abc import Sequence
from datetime import datetime

from evcommand.v1 import booking_series_pb2 as pb

from broker.errors import FieldViolation
from broker.proto import fields
from broker.proto.booking import names
from broker.proto.booking.bookings import holder_fields, holder_out, needs_in, needs_out
from broker.proto.booking.pools import needs_fields
from broker.proto.fields import Findings
from broker.proto.id_token import token_in
from broker.proto.times import moment, time_out
from domain.bookings.series.series import BookingSeries, SeriesResult
from fleet.keys import Sealer

_LONGEST_RULE = 255


def check_create(request: pb.CreateBookingSeriesRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a CreateBookingSeries, apart from its rule."""
    findings = Findings()
    fields.request_id_field(findings, request.request_id, required=True)
    names.pool_field(findings, "pool", request.pool)
    holder_fields(findings, request.holder, present=request.HasField("holder"))
    needs_fields(findings, "needs", request.needs)
    findings.expect(
        1 <= len(request.recurrence) <= _LONGEST_RULE and request.recurrence.isascii(),
        "recurrence",
        f"must be a rule of 1 to {_LONGEST_RULE} characters",
    )
    for field in ("first_start", "first_end"):
        findings.expect(
            local_in(getattr(request, field)) is not None,
            field,
            "must be a local time without a zone, as `2026-12-01T07:00`",
        )
    return findings.violations


def check_cancel(request: pb.CancelBookingSeriesRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a CancelBookingSeries."""
    findings = Findings()
    names.series_field(findings, "name", request.name)
    fields.text_field(findings, "reason", request.reason)
    findings.expect(moment(request.start_time) is not None, "start_time", "is not a valid time")
    return findings.violations


def local_in(text: str) -> datetime | None:
    """A local time, to the second; None when it is none, or has a zone."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        return None
    plain = "T" in text and local.tzinfo is None and not local.microsecond
    return local if plain else None


def series_in(
    request: pb.CreateBookingSeriesRequest,
    sealer: Sealer,
    tenant: str,
    caller: str,
    now: datetime,
) -> BookingSeries:
    """The series that a checked request asks for."""
    return BookingSeries(
        name=request.request_id.lower(),
        tenant=tenant,
        pool=names.parse_pool(request.pool) or "",
        id_token=token_in(sealer, request.holder.id_token),
        recurrence=request.recurrence,
        first_start=request.first_start,
        first_end=request.first_end,
        create_time=now,
        account=request.holder.account,
        groups=frozenset(request.holder.groups),
        needs=needs_in(request.needs),
        all_or_nothing=request.all_or_nothing,
        caller=caller,
    )


def series_out(series: BookingSeries, results: Sequence[SeriesResult]) -> pb.BookingSeries:
    """A series as the contract shows it, with these results."""
    return pb.BookingSeries(
        name=names.series_name(series.name),
        pool=names.pool_name(series.pool),
        holder=holder_out(series.id_token, series.account, series.groups),
        needs=needs_out(series.needs),
        recurrence=series.recurrence,
        first_start=series.first_start,
        first_end=series.first_end,
        time_zone=series.time_zone,
        occurrences=[_occurrence_out(each) for each in results],
        create_time=time_out(series.create_time),
        cancel_time=time_out(series.cancel_time),
        caller=series.caller,
    )


def _occurrence_out(one: SeriesResult) -> pb.SeriesOccurrence:
    return pb.SeriesOccurrence(
        local_start=one.local_start,
        start_time=time_out(one.start_time),
        end_time=time_out(one.end_time),
        booking=names.booking_name(one.booking) if one.booking else "",
        reason=one.reason,
        message=one.message,
        rule=one.rule,
    )
