"""Waiting lists: joined, offers taken and put off, left, got, listed."""

from dataclasses import replace
from datetime import datetime

from evcommand.v1 import waitlist_pb2 as pb

from broker.audit.changes import record_change
from broker.auth import current_caller
from broker.backend import Backend
from broker.bookings.lookups import entry_of_caller, pool_of_caller, readable
from broker.bookings.repeats import check_repeat
from broker.errors import Reason, Refusal, check
from broker.proto.booking import bookings as booking_messages
from broker.proto.booking import names
from broker.proto.booking import waitlist as messages
from broker.proto.selection import list_selection
from broker.reading.paging import Pager, cut_page, limit_of
from domain.bookings.booking import Booking
from domain.bookings.states import BookingCause
from domain.bookings.waiting import (
    MOST_WAITING,
    Waiter,
    due_time,
    ended_as,
    not_taken,
    put_off,
    stands_against,
    taken,
    wanted,
)
from domain.bookings.waitlist import WAIT_TRANSITIONS, WaitState, accepted
from fleet import bookings
from fleet.engine.statements import Tx
from journal.bookings.admitting import change, weigh
from journal.bookings.offering import offered_booking, serve
from journal.bookings.rows import KnownPool, booking_from, locked_pool
from journal.bookings.waitlist import line_now, lines_now, record, waiter_from


async def join(backend: Backend, request: pb.JoinWaitlistRequest) -> pb.JoinWaitlistResponse:
    """Has somebody wait, with an offer at once where there is room."""
    now, caller = backend.now(), current_caller()
    id = names.parse_waitlist_entry(f"waitlistEntries/{request.request_id}") or ""
    async with backend.db.write() as tx:
        row = await bookings.waitlist_entry(tx, caller.tenant, id)
        known_before = waiter_from(row) if row else None
        joined = known_before.entry.joined if known_before else now
        check(messages.check_join(request, joined))
        new = messages.waiter_in(request, backend.sealer, caller.tenant, caller.name, joined)
        known = await pool_of_caller(tx, request.pool, lock=True)
        if known_before is None:
            with readable():
                await _joined(tx, known, new, now)
            await record_change(
                tx,
                "JoinWaitlist",
                names.waitlist_entry_name(id),
                now,
                request_id=id,
            )
        else:
            what = f"waitlistEntries/{id} is of another request."
            check_repeat(what, _said(known_before), _said(new))
        entry = await _shown(tx, await _entry(tx, caller.tenant, id), now)
    return pb.JoinWaitlistResponse(entry=entry)


async def accept(backend: Backend, request: pb.AcceptOfferRequest) -> pb.AcceptOfferResponse:
    """Books what was offered."""
    check(messages.check_entry_name(request.name))
    now = backend.now()
    async with backend.db.write() as tx:
        waiter, _ = await _locked(tx, request.name)
        if waiter.entry.state is not WaitState.ACCEPTED:
            kept = await offered_booking(tx, waiter)
            if kept is None or accepted(waiter.entry, now) is None:
                raise _no_offer(waiter)
            await change(tx, taken(kept, now))  # which takes the entry along
            await record_change(tx, "AcceptOffer", request.name, now)
            waiter = await _entry(tx, waiter.tenant, waiter.name)
        booking = await _booking(tx, waiter)
        entry = await _shown(tx, waiter, now)
    return pb.AcceptOfferResponse(entry=entry, booking=booking_messages.booking_out(booking))


async def snooze(backend: Backend, request: pb.SnoozeOfferRequest) -> pb.SnoozeOfferResponse:
    """Puts an offer off, and offers its place to the next one."""
    check(messages.check_snooze(request))
    now = backend.now()
    async with backend.db.write() as tx:
        before, known = await _locked(tx, request.name)
        if request.request_id.lower() not in before.snoozed_by:
            policy = known.venue.policy
            after = put_off(before, request.request_id.lower(), policy, now)
            if after is None:
                raise _no_snooze(before, now)
            await _give_back(tx, before, after, known, now)
            await record_change(
                tx, "SnoozeOffer", request.name, now, request_id=request.request_id.lower()
            )
        waiter = await _entry(tx, before.tenant, before.name)
        entry = await _shown(tx, waiter, now)
    return pb.SnoozeOfferResponse(entry=entry)


async def leave(backend: Backend, request: pb.LeaveWaitlistRequest) -> pb.LeaveWaitlistResponse:
    """Has somebody wait no longer."""
    check(messages.check_entry_name(request.name))
    now = backend.now()
    async with backend.db.write() as tx:
        before, known = await _locked(tx, request.name)
        if before.entry.state is not WaitState.LEFT:
            if not WAIT_TRANSITIONS[before.entry.state]:
                raise Refusal(
                    Reason.WAITLIST_ENTRY_ENDED,
                    f"{request.name} has ended as {before.entry.state}.",
                )
            await _give_back(tx, before, ended_as(before, WaitState.LEFT), known, now)
            await record_change(tx, "LeaveWaitlist", request.name, now)
        waiter = await _entry(tx, before.tenant, before.name)
        entry = await _shown(tx, waiter, now)
    return pb.LeaveWaitlistResponse(entry=entry)


async def get(backend: Backend, request: pb.GetWaitlistEntryRequest) -> pb.GetWaitlistEntryResponse:
    """Tells an entry."""
    check(messages.check_entry_name(request.name))
    async with backend.db.read() as tx:
        waiter = await entry_of_caller(tx, request.name)
        entry = await _shown(tx, waiter, backend.now())
    return pb.GetWaitlistEntryResponse(entry=entry)


async def list_page(
    backend: Backend, request: pb.ListWaitlistEntriesRequest
) -> pb.ListWaitlistEntriesResponse:
    """Lists entries by their start."""
    check(messages.check_list(request))
    caller, limit = current_caller(), limit_of(request.page_size)
    if caller.groups and not request.pool:
        raise Refusal(
            Reason.OUTSIDE_STATION_GROUP,
            "This credential is for a group of stations: name the pool whose list it reads.",
        )
    pager = Pager(list_selection(caller.tenant, request))
    after, now = pager.time_position(request.page_token), backend.now()
    async with backend.db.read() as tx:
        if request.pool:
            await pool_of_caller(tx, request.pool)
        which = messages.filter_in(request, caller.tenant)
        found = await bookings.waitlist_page(tx, which, after, limit + 1)
        page, last = cut_page(found, limit)
        waiters = [waiter_from(row) for row in page]
        lines = await lines_now(tx, waiters, now)
    return pb.ListWaitlistEntriesResponse(
        entries=[messages.entry_out(each, lines[each.pool]) for each in waiters],
        next_page_token=pager.time_token((last.start_time, last.name) if last else None),
    )


async def _joined(tx: Tx, known: KnownPool, new: Waiter, now: datetime) -> None:
    """Writes who waits, when it is not in vain, and looks for room at once."""
    if await bookings.count_waiting(tx, new.tenant, new.pool) >= MOST_WAITING:
        raise Refusal(
            Reason.WAITLIST_FULL, f"{MOST_WAITING} wait in {names.pool_name(new.pool)} already."
        )
    policy = known.venue.policy
    decision, _ = await weigh(tx, known, wanted(new, known.pool.policy, now))
    refusing = stands_against(decision.verdicts, policy)
    if refusing is not None:
        raise Refusal(
            Reason.BOOKING_RULE,
            f"{refusing.sentence} {refusing.says}".strip(),
            facts={"rule": refusing.rule},
        )
    entry = replace(new.entry, snoozes_left=policy.waitlist.snoozes)
    await record(tx, replace(new, entry=entry), now)
    await serve(tx, known, now)


async def _give_back(
    tx: Tx, before: Waiter, after: Waiter, known: KnownPool, now: datetime
) -> None:
    """Writes an entry that does not want its offer (now), and offers the place to the next one."""
    kept = await offered_booking(tx, before)
    await record(tx, after, due_time(after, known.venue.policy, now), before)
    if kept is not None:
        await change(tx, not_taken(kept, BookingCause.CANCELLED_BY_HOLDER, now))
        await serve(tx, known, now)


def _said(waiter: Waiter) -> dict[str, object]:
    """What a repeat has to say again, by its field."""
    return {
        "pool": waiter.pool,
        "holder": (waiter.id_token.digest, waiter.account, waiter.groups),
        "needs": waiter.needs,
        "start_time": waiter.span.start,
        "end_time": waiter.span.end,
    }


async def _locked(tx: Tx, name: str) -> tuple[Waiter, KnownPool]:
    """The same; nobody else plans in its pool until the transaction ends."""
    pool = (await entry_of_caller(tx, name)).pool
    known = await locked_pool(tx, current_caller().tenant, pool)
    if known is None:
        raise Refusal(Reason.POOL_NOT_FOUND, f"{names.pool_name(pool)} is not known any more.")
    return await entry_of_caller(tx, name), known


async def _entry(tx: Tx, tenant: str, id: str) -> Waiter:
    """The entry as it is now, in this transaction."""
    row = await bookings.waitlist_entry(tx, tenant, id)
    if row is None:
        raise LookupError(f"waiting list entry {id} of tenant {tenant!r} is not in this database")
    return waiter_from(row)


async def _booking(tx: Tx, waiter: Waiter) -> Booking:
    row = await bookings.booking(tx, waiter.tenant, waiter.booking)
    if row is None:
        raise LookupError(f"booking {waiter.booking} is not in this database")
    return booking_from(row)


async def _shown(tx: Tx, waiter: Waiter, now: datetime) -> pb.WaitlistEntry:
    return messages.entry_out(waiter, await line_now(tx, waiter.tenant, waiter.pool, now))


def _no_offer(waiter: Waiter) -> Refusal:
    name = names.waitlist_entry_name(waiter.name)
    return Refusal(Reason.NO_OFFER, f"{name} is {waiter.entry.state}: there is no offer to take.")


def _no_snooze(waiter: Waiter, now: datetime) -> Refusal:
    if accepted(waiter.entry, now) is None:
        return _no_offer(waiter)
    name = names.waitlist_entry_name(waiter.name)
    return Refusal(Reason.NO_SNOOZE_LEFT, f"{name} has put off as many offers as it may.")
