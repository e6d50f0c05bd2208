"""What the methods look up: pools and bookings of one caller.

What is not known, belongs to another tenant, or has stations outside of the caller's groups, is
refused with the same words.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from broker.access.caller import Caller
from broker.auth import current_caller
from broker.errors import Reason, Refusal
from broker.proto.booking import names
from domain.bookings.booking import Booking
from domain.bookings.pool import Pool
from domain.bookings.waiting import Waiter
from fleet import bookings
from fleet.engine.statements import Tx
from journal.bookings.rows import KnownPool, booking_from, known_pool, locked_pool, pool_from
from journal.bookings.waitlist import waiter_from

_PAGE = 200


async def pool_of_caller(tx: Tx, name: str, *, lock: bool = False) -> KnownPool:
    """The caller's pool by its resource name. Raises: Refusal (POOL_NOT_FOUND)."""
    id, tenant = names.parse_pool(name) or "", current_caller().tenant
    known = await (locked_pool if lock else known_pool)(tx, tenant, id)
    if known is None or not covered(known.pool):
        raise pool_not_found(name)
    return known


def pool_not_found(name: str) -> Refusal:
    """The refusal when there is no such pool for the caller."""
    return Refusal(
        Reason.POOL_NOT_FOUND, f"{name} is not known. ListPools shows those of this credential."
    )


async def booking_of_caller(tx: Tx, name: str, *, lock: bool = False) -> Booking:
    """The caller's booking by its resource name. Raises: Refusal (BOOKING_NOT_FOUND).

    lock: nobody else plans in its pool until the transaction ends.
    """
    id, tenant = names.parse_booking(name) or "", current_caller().tenant
    row = await bookings.booking(tx, tenant, id)
    if row is not None and lock:
        await bookings.lock_pool(tx, tenant, row.pool)
        row = await bookings.booking(tx, tenant, id)
    if row is None or not await pool_is_covered(tx, tenant, row.pool):
        raise Refusal(Reason.BOOKING_NOT_FOUND, f"{name} is not known.")
    return booking_from(row)


async def entry_of_caller(tx: Tx, name: str) -> Waiter:
    """The caller's entry of a waiting list by its resource name.

    Raises: Refusal (WAITLIST_ENTRY_NOT_FOUND).
    """
    id, tenant = names.parse_waitlist_entry(name) or "", current_caller().tenant
    row = await bookings.waitlist_entry(tx, tenant, id)
    if row is None or not await pool_is_covered(tx, tenant, row.pool):
        raise Refusal(Reason.WAITLIST_ENTRY_NOT_FOUND, f"{name} is not known.")
    return waiter_from(row)


async def covered_pools(tx: Tx, caller: Caller) -> list[str]:
    """The pools of the tenant of which the caller may see every station."""
    seen: list[str] = []
    after = ""
    while page := await bookings.pools_page(tx, caller.tenant, after, _PAGE):
        seen += [
            row.name
            for row in page
            if all(caller.covers(member.station) for member in pool_from(row).members)
        ]
        after = page[-1].name
    return seen


@contextmanager
def readable() -> Iterator[None]:
    """Refuse to decide where a span has more bookings than are read. Raises: Refusal."""
    try:
        yield
    except bookings.TooManyBookings as error:
        raise Refusal(
            Reason.NO_PLAN_FOUND,
            f"The {error}, so that nothing is decided about it. Divide the pool, or have its "
            "policy count by the day or the week and not by the month.",
        ) from error


def covered(pool: Pool) -> bool:
    """Whether the caller may see every station of a pool."""
    caller = current_caller()
    return all(caller.covers(member.station) for member in pool.members)


async def pool_is_covered(tx: Tx, tenant: str, pool: str) -> bool:
    """Whether the caller may see every station of a pool.

    Of one that was deleted nobody knows the stations: only who may see all sees it.
    """
    if not current_caller().groups:
        return True
    row = await bookings.pool(tx, tenant, pool)
    return row is not None and covered(pool_from(row))
