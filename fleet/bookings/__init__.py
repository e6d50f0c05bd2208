"""Rows of pools, of the policies of bookings, and of bookings.

Whoever changes what is promised in a pool locks the pool's row first, and reads the bookings
afterwards: two who want the last place come one after the other.

Callers import this package and use the names below.
"""

from fleet.bookings.entries import opening, planned_at
from fleet.bookings.pools import (
    PolicyRow,
    PoolRow,
    add_policy,
    add_pool,
    delete_pool,
    in_pools,
    lock_pool,
    members_at,
    policies,
    policy,
    pool,
    pools_page,
)
from fleet.bookings.rows import (
    LIVE,
    BookingFilter,
    BookingRow,
    TooManyBookings,
    booking,
    bookings_page,
    due,
    in_span,
    place_booking,
    put_booking,
    take_due,
)

__all__ = [
    "LIVE",
    "BookingFilter",
    "BookingRow",
    "PolicyRow",
    "PoolRow",
    "TooManyBookings",
    "add_policy",
    "add_pool",
    "booking",
    "bookings_page",
    "delete_pool",
    "due",
    "in_pools",
    "in_span",
    "lock_pool",
    "members_at",
    "opening",
    "place_booking",
    "planned_at",
    "policies",
    "policy",
    "pool",
    "pools_page",
    "put_booking",
    "take_due",
]
