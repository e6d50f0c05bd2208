"""Waiting lists: requests checked and read, entries shown. Pure."""

from datetime import datetime

from evcommand.v1 import waitlist_pb2 as pb

from broker.errors import FieldViolation
from broker.proto import fields
from broker.proto.booking import names
from broker.proto.booking.bookings import (
    end_field,
    holder_fields,
    holder_out,
    needs_in,
    needs_out,
)
from broker.proto.booking.pools import needs_fields
from broker.proto.fields import Findings
from broker.proto.id_token import token_in
from broker.proto.times import moment, time_in, time_out
from domain.bookings.waiting import LineNow, Waiter
from domain.bookings.waitlist import WaitlistEntry
from fleet.bookings import WaitlistFilter
from fleet.keys import Sealer

_STATE = pb.WaitlistEntry.State


def check_join(request: pb.JoinWaitlistRequest, now: datetime) -> tuple[FieldViolation, ...]:
    """What is wrong with a JoinWaitlist."""
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
    return findings.violations


def check_entry_name(name: str) -> tuple[FieldViolation, ...]:
    """What is wrong with a request that names an entry."""
    findings = Findings()
    names.waitlist_entry_field(findings, "name", name)
    return findings.violations


def check_snooze(request: pb.SnoozeOfferRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a SnoozeOffer."""
    findings = Findings()
    names.waitlist_entry_field(findings, "name", request.name)
    fields.request_id_field(findings, request.request_id, required=True)
    return findings.violations


def check_list(request: pb.ListWaitlistEntriesRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a ListWaitlistEntries."""
    findings = Findings()
    if request.pool:
        names.pool_field(findings, "pool", request.pool)
    fields.enum_values(findings, "states", request.states, _STATE)
    fields.page_size_field(findings, request.page_size)
    return findings.violations


def waiter_in(
    request: pb.JoinWaitlistRequest, sealer: Sealer, tenant: str, caller: str, now: datetime
) -> Waiter:
    """Who waits by a checked request. How often it may put offers off is the policy's business."""
    return Waiter(
        entry=WaitlistEntry(
            request.request_id.lower(), now, time_in(request.start_time), time_in(request.end_time)
        ),
        tenant=tenant,
        pool=names.parse_pool(request.pool) or "",
        id_token=token_in(sealer, request.holder.id_token),
        account=request.holder.account,
        groups=frozenset(request.holder.groups),
        needs=needs_in(request.needs),
        caller=caller,
    )


def filter_in(request: pb.ListWaitlistEntriesRequest, tenant: str) -> WaitlistFilter:
    """What a checked ListWaitlistEntries selects."""
    return WaitlistFilter(
        tenant,
        names.parse_pool(request.pool) or "" if request.pool else "",
        tuple(_STATE.Name(state).removeprefix("STATE_") for state in request.states),
    )


def entry_out(waiter: Waiter, line: LineNow) -> pb.WaitlistEntry:
    """An entry as the contract shows it. line: of its pool, at the moment at which it is told."""
    entry = waiter.entry
    return pb.WaitlistEntry(
        name=names.waitlist_entry_name(waiter.name),
        pool=names.pool_name(waiter.pool),
        holder=holder_out(waiter.id_token, waiter.account, waiter.groups),
        needs=needs_out(waiter.needs),
        start_time=time_out(entry.start),
        end_time=time_out(entry.end),
        state=_STATE.Value(f"STATE_{entry.state}"),
        position=line.position(waiter),
        expected_time=time_out(line.expected_time(waiter)),
        offer_expire_time=time_out(entry.offer_expires),
        booking=names.booking_name(waiter.booking) if waiter.booking else "",
        displaced_booking=names.booking_name(waiter.instead_of) if waiter.instead_of else "",
        snoozes_left=entry.snoozes_left,
        create_time=time_out(entry.joined),
        caller=waiter.caller,
        revision=waiter.revision,
    )
