"""Bookings: requests checked and read, and shown. Pure."""

from datetime import UTC, datetime, timedelta

from evcommand.v1 import booking_pb2 as pb
from evcommand.v1 import booking_policy_pb2 as policy_pb
from evcommand.v1 import booking_service_pb2 as service_pb

from broker.errors import FieldViolation
from broker.proto import fields
from broker.proto.booking import names
from broker.proto.booking.pools import needs_fields
from broker.proto.fields import Findings
from broker.proto.id_token import id_token_field, token_in, token_out
from broker.proto.names import reservation_name, station_name, transaction_name
from broker.proto.times import moment, span, time_in, time_out
from domain.bookings.blocking.blocked import Blocked
from domain.bookings.booking import Booking
from domain.bookings.places import Needs
from domain.bookings.policies.rules import Charge, RuleVerdict
from domain.bookings.pool import evse_of
from domain.bookings.states import EVSE_CHOSEN, BookingState
from domain.model.specs import IdToken
from fleet.bookings import BookingFilter
from fleet.keys import Sealer

MOST_GROUPS = 20
LONGEST = timedelta(days=31)
LAST_END = datetime(9999, 1, 1, tzinfo=UTC)
"""Bookings end before it: no sum of a time and a term of a policy leaves the calendar."""
LONGEST_CONFIRM = timedelta(hours=24)
SHORTEST_STEP = timedelta(minutes=5)
MOST_STARTS = 3_000

_STATE = pb.Booking.State
_ACT = policy_pb.OverstayStep.Act
_OCCASION = pb.BookingCharge.Occasion


def check_create(
    request: service_pb.CreateBookingRequest, now: datetime
) -> tuple[FieldViolation, ...]:
    """What is wrong with a CreateBooking."""
    findings = Findings()
    fields.request_id_field(findings, request.request_id, required=True)
    names.pool_field(findings, "pool", request.pool)
    holder_fields(findings, request.holder, present=request.HasField("holder"))
    needs_fields(findings, "needs", request.needs)
    start, end = moment(request.start_time), moment(request.end_time)
    findings.expect(
        start is not None and request.HasField("start_time") and start > now,
        "start_time",
        "must be in the future",
    )
    end_field(findings, start, end)
    fields.label_map(findings, "labels", dict(request.labels))
    if request.HasField("confirm_by"):
        by = moment(request.confirm_by)
        findings.expect(
            by is not None and now < by <= now + LONGEST_CONFIRM and (start is None or by <= start),
            "confirm_by",
            "must be in the future, at most 24 hours from now, and not after start_time",
        )
    return findings.violations


def end_field(findings: Findings, start: datetime | None, end: datetime | None) -> None:
    """Expects an end that fits its start."""
    fits = start is not None and end is not None and start < end and end - start <= LONGEST
    findings.expect(fits, "end_time", f"must be after start_time, at most {LONGEST.days} days")
    findings.expect(end is None or end <= LAST_END, "end_time", "must be before the year 9999")


def check_search(
    request: service_pb.SearchAvailabilityRequest,
) -> tuple[FieldViolation, ...]:
    """What is wrong with a SearchAvailability."""
    findings = Findings()
    names.pool_field(findings, "pool", request.pool)
    holder_fields(findings, request.holder, present=request.HasField("holder"))
    needs_fields(findings, "needs", request.needs)
    start, end = moment(request.start_time), moment(request.end_time)
    findings.expect(start is not None, "start_time", "is not a valid time")
    end_field(findings, start, end)
    length = span(request.length)
    findings.expect(
        length is not None and timedelta(0) < length <= LONGEST, "length", "must be more than 0"
    )
    step = span(request.step)
    fits = step is not None and (not request.HasField("step") or step >= SHORTEST_STEP)
    findings.expect(fits, "step", "must be 5 minutes or more")
    if fits and step and start and end:
        findings.expect(
            (end - start) / step <= MOST_STARTS,
            "step",
            f"makes more than {MOST_STARTS} starts; take a longer step or a shorter span",
        )
    return findings.violations


def check_list(request: service_pb.ListBookingsRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a ListBookings."""
    findings = Findings()
    if request.pool:
        names.pool_field(findings, "pool", request.pool)
    fields.enum_values(findings, "states", request.states, _STATE)
    for field in ("start_time", "end_time"):
        findings.expect(moment(getattr(request, field)) is not None, field, "is not a valid time")
    fields.page_size_field(findings, request.page_size)
    return findings.violations


def check_booking_name(name: str) -> tuple[FieldViolation, ...]:
    """What is wrong with a request that names a booking."""
    findings = Findings()
    names.booking_field(findings, "name", name)
    return findings.violations


def check_cancel(request: service_pb.CancelBookingRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a CancelBooking."""
    findings = Findings()
    names.booking_field(findings, "name", request.name)
    fields.text_field(findings, "reason", request.reason)
    return findings.violations


def booking_in(
    request: service_pb.CreateBookingRequest,
    sealer: Sealer,
    tenant: str,
    caller: str,
    now: datetime,
) -> Booking:
    """The booking that a checked request asks for. Its place and its policy are to be found."""
    by = time_in(request.confirm_by) if request.HasField("confirm_by") else None
    return Booking(
        name=request.request_id.lower(),
        tenant=tenant,
        pool=names.parse_pool(request.pool) or "",
        id_token=token_in(sealer, request.holder.id_token),
        start_time=time_in(request.start_time),
        end_time=time_in(request.end_time),
        state=BookingState.CONFIRMED if by is None else BookingState.PENDING,
        create_time=now,
        policy="",
        policy_revision=0,
        group_id_token=(
            token_in(sealer, request.holder.group_id_token)
            if request.holder.HasField("group_id_token")
            else None
        ),
        account=request.holder.account,
        groups=frozenset(request.holder.groups),
        needs=needs_in(request.needs),
        confirm_by=by,
        caller=caller,
        labels=dict(request.labels),
    )


def needs_in(needs: pb.BookingNeeds) -> Needs:
    """What a place has to offer."""
    types = frozenset({needs.connector_type}) if needs.connector_type else frozenset[str]()
    return Needs(types, needs.min_power_w, frozenset(needs.features))


def filter_in(request: service_pb.ListBookingsRequest, tenant: str) -> BookingFilter:
    """What a checked ListBookings selects."""
    return BookingFilter(
        tenant,
        names.parse_pool(request.pool) or "" if request.pool else "",
        tuple(_STATE.Name(state).removeprefix("STATE_") for state in request.states),
        time_in(request.start_time) if request.HasField("start_time") else None,
        time_in(request.end_time) if request.HasField("end_time") else None,
    )


def booking_out(booking: Booking) -> pb.Booking:
    """A booking as the contract shows it. Its EVSE is told when it is chosen."""
    told = bool(booking.place) and (booking.state in EVSE_CHOSEN or bool(booking.transaction))
    station, evse_id = evse_of(booking.place) if told else ("", 0)
    shown = pb.Booking(
        name=names.booking_name(booking.name),
        pool=names.pool_name(booking.pool),
        holder=holder_out(
            booking.id_token, booking.account, booking.groups, booking.group_id_token
        ),
        needs=needs_out(booking.needs),
        start_time=time_out(booking.start_time),
        end_time=time_out(booking.end_time),
        state=_STATE.Value(f"STATE_{booking.state}"),
        cause=booking.cause,
        message=booking.message,
        station=station_name(station) if station else "",
        evse_id=evse_id,
        reservation=reservation_name(booking.reservation) if booking.reservation else "",
        policy=names.policy_name(booking.policy),
        policy_revision=booking.policy_revision,
        charges=[charge_out(charge) for charge in booking.charges],
        confirm_by=time_out(booking.confirm_by),
        create_time=time_out(booking.create_time),
        end_of_life_time=time_out(booking.end_of_life_time),
        cancel_reason=booking.cancel_reason,
        caller=booking.caller,
        revision=booking.revision,
        progress=booking.progress,
        planned_member=names.member_name(booking.place) if _is_planned(booking) else "",
        labels=booking.labels,
        etag=etag_of(booking),
        check_in_time=time_out(booking.check_in_time),
        alternatives=[
            pb.BookingSpan(start_time=time_out(start), end_time=time_out(end))
            for start, end in booking.alternatives
        ],
    )
    if booking.series:
        shown.series = names.series_name(booking.series)
    if booking.waitlist_entry:
        shown.waitlist_entry = names.waitlist_entry_name(booking.waitlist_entry)
    if booking.blocked is not None:
        shown.blocked_by.CopyFrom(_blocker_out(booking.blocked))
    if booking.transaction and station:
        shown.transaction = transaction_name(station, booking.transaction)
    return shown


def _blocker_out(blocked: Blocked) -> pb.BookingBlocker:
    station, _ = evse_of(blocked.place)
    return pb.BookingBlocker(
        transaction=transaction_name(station, blocked.transaction),
        booking=names.booking_name(blocked.booking) if blocked.booking else "",
        since_time=time_out(blocked.since),
        done=[_ACT.Value(f"ACT_{act}") for act in blocked.done],
        charges=[charge_out(charge) for charge in blocked.charges],
    )


def _is_planned(booking: Booking) -> bool:
    return bool(booking.place) and not booking.ended


def holder_out(
    token: IdToken, account: str, groups: frozenset[str], group_token: IdToken | None = None
) -> pb.BookingHolder:
    """For whom a place is booked, as the contract shows it."""
    return pb.BookingHolder(
        id_token=token_out(token),
        group_id_token=token_out(group_token),
        account=account,
        groups=sorted(groups),
    )


def etag_of(booking: Booking) -> str:
    """What changes with every change of the booking."""
    return str(booking.revision)


def charge_out(charge: Charge) -> pb.BookingCharge:
    """A charge as the contract shows it."""
    return pb.BookingCharge(
        occasion=_OCCASION.Value(f"OCCASION_{charge.occasion}"),
        quantity=charge.quantity,
        unit=charge.unit,
        rule=charge.rule,
    )


def verdict_out(verdict: RuleVerdict) -> pb.RuleVerdict:
    """What a rule says, as the contract shows it."""
    return pb.RuleVerdict(
        rule=verdict.rule,
        allowed=verdict.allowed,
        sentence=verdict.sentence,
        says=verdict.says,
        charges=[charge_out(charge) for charge in verdict.charges],
    )


def needs_out(needs: Needs) -> pb.BookingNeeds:
    """What a place has to offer, as the contract shows it."""
    return pb.BookingNeeds(
        connector_type=min(needs.connector_types, default=""),
        min_power_w=needs.min_power_w,
        features=sorted(needs.features),
    )


def holder_fields(findings: Findings, holder: pb.BookingHolder, *, present: bool) -> None:
    """Note what is wrong with a holder."""
    id_token_field(
        findings,
        "holder.id_token",
        holder.id_token,
        present=present and holder.HasField("id_token"),
    )
    if holder.HasField("group_id_token"):
        id_token_field(findings, "holder.group_id_token", holder.group_id_token, present=True)
    fields.text_field(findings, "holder.account", holder.account)
    findings.expect(
        len(holder.groups) <= MOST_GROUPS
        and all(1 <= len(each) <= 64 and fields.is_printable(each) for each in holder.groups),
        "holder.groups",
        f"must be at most {MOST_GROUPS}, each of 1 to 64 printable characters",
    )
