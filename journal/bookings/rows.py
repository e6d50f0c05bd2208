"""Bookings, pools and policies as the rows that the fleet keeps, and back."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from domain.bookings.admission import BookablePool
from domain.bookings.booking import Booking
from domain.bookings.places import Needs
from domain.bookings.policies.policy import BookingPolicy
from domain.bookings.policies.reading import policy_of
from domain.bookings.policies.requests import BookingRequest, Holder
from domain.bookings.pool import Pool
from domain.bookings.standing import StandingBooking
from domain.bookings.states import BookingState
from fleet import bookings
from fleet.bookings import BookingRow, PolicyRow, PoolRow, StandingRow
from fleet.engine.statements import Tx

QUOTA_STATES = (*bookings.LIVE, BookingState.FULFILLED.value, BookingState.NO_SHOW.value)
"""The states of bookings that count for a quota."""

_SECOND, _NO_PAUSE = timedelta(seconds=1), timedelta(0)
_STATES = {each.value: each for each in BookingState}


@dataclass(frozen=True)
class KnownPool:
    """A pool with the newest revision of its policy."""

    row: PoolRow
    venue: BookablePool

    @property
    def pool(self) -> Pool:
        """The pool itself."""
        return self.venue.pool


def pool_content(pool: Pool) -> dict[str, Any]:
    """The pool as the JSON of its row."""
    content: dict[str, Any] = msgspec.to_builtins(pool)
    return content


def pool_from(row: PoolRow) -> Pool:
    """The pool of a row."""
    return msgspec.convert(row.content, Pool)


def policy_from(row: PolicyRow) -> BookingPolicy:
    """The policy of a row, with its revision."""
    return replace(policy_of(row.content), revision=row.revision)


def booking_from(row: BookingRow) -> Booking:
    """The booking of a row. The plan may have moved it: its place is that of the row."""
    return replace(msgspec.convert(row.snapshot, Booking), place=row.place)


def booking_told(snapshot: dict[str, Any]) -> Booking:
    """The booking as it was after a change, by the snapshot of the log."""
    return msgspec.convert(snapshot, Booking)


def booking_row(booking: Booking, due_time: datetime | None) -> BookingRow:
    """The row of a booking. due_time: when something has to be done about it next."""
    return BookingRow(
        booking.tenant,
        booking.name,
        booking.pool,
        booking.state.value,
        booking.place,
        booking.revision,
        booking.start_time,
        booking.end_time,
        None if booking.ended else due_time,
        msgspec.to_builtins(booking),
        booking.request.end,
        booking.create_time,
        booking.holder.token,
        booking.holder.account,
        bookings.groups_text(booking.groups),
        _needs_text(booking.needs),
        booking.pause // _SECOND,
    )


def standing_from(row: StandingRow) -> StandingBooking:
    """A narrow row as rules and plan see it."""
    holder = _holder(row.holder_token, row.holder_account, row.holder_groups)
    return StandingBooking(
        row.name,
        _STATES[row.state],
        row.place,
        _needs(row.needs),
        row.start_time,
        row.end_time,
        BookingRequest(holder, row.start_time, row.until_time, row.create_time),
        _NO_PAUSE if not row.pause_s else timedelta(seconds=row.pause_s),
    )


def _needs_text(needs: Needs) -> str:
    """Needs in one form: equal ones are equal texts."""
    return msgspec.json.encode(needs, order="deterministic").decode()


# Of thousands of rows only some differ in these texts.


@lru_cache(maxsize=1_000)
def _needs(text: str) -> Needs:
    return msgspec.json.decode(text, type=Needs)


@lru_cache(maxsize=10_000)
def _holder(token: str, account: str, groups: str) -> Holder:
    return Holder(token, account, frozenset(msgspec.json.decode(groups, type=list[str])))


def due_time(booking: Booking, policy: BookingPolicy) -> datetime | None:
    """When something has to be done about a booking that no workflow carries yet."""
    if booking.state is BookingState.PENDING:  # an offer's end is the waiting list's business
        return None if booking.waitlist_entry else booking.confirm_by
    if booking.state is BookingState.CONFIRMED:
        return booking.start_time - policy.bind_lead
    return None


async def known_policy(tx: Tx, tenant: str, name: str, revision: int = 0) -> BookingPolicy | None:
    """A policy's revision; 0: the newest. None when there is none."""
    row = await bookings.policy(tx, tenant, name, revision)
    return None if row is None else policy_from(row)


async def own_policy(tx: Tx, booking: Booking) -> BookingPolicy:
    """The revision of the policy by which a booking was made."""
    found = await known_policy(tx, booking.tenant, booking.policy, booking.policy_revision)
    return found or BookingPolicy()


async def known_pool(tx: Tx, tenant: str, name: str) -> KnownPool | None:
    """A pool with its policy; None when there is none."""
    return await _with_policy(tx, await bookings.pool(tx, tenant, name))


async def locked_pool(tx: Tx, tenant: str, name: str) -> KnownPool | None:
    """The same; nobody else plans in it until the transaction ends."""
    return await _with_policy(tx, await bookings.lock_pool(tx, tenant, name))


async def stations_of(tx: Tx, tenant: str, name: str) -> tuple[str, ...]:
    """The stations of a pool. Without any there is no such pool (any more)."""
    row = await bookings.pool(tx, tenant, name)
    return () if row is None else tuple(sorted({m.station for m in pool_from(row).members}))


async def _with_policy(tx: Tx, row: PoolRow | None) -> KnownPool | None:
    if row is None:
        return None
    pool = pool_from(row)
    policy = await known_policy(tx, row.tenant, pool.policy)
    venue = BookablePool(pool, policy or BookingPolicy(), ZoneInfo(pool.time_zone))
    return KnownPool(row, venue)
