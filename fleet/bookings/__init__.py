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
    place_bookings,
    put_booking,
    take_due,
)
from fleet.bookings.standing import (
    HolderCondition,
    StandingRow,
    groups_text,
    of_account,
    of_groups,
    of_token,
    standing_in_span,
    standing_of_holder,
)

__all__ = [
    "LIVE",
    "BookingFilter",
    "BookingRow",
    "HolderCondition",
    "PolicyRow",
    "PoolRow",
    "StandingRow",
    "TooManyBookings",
    "add_policy",
    "add_pool",
    "booking",
    "bookings_page",
    "delete_pool",
    "due",
    "groups_text",
    "in_pools",
    "in_span",
    "lock_pool",
    "members_at",
    "of_account",
    "of_groups",
    "of_token",
    "opening",
    "place_booking",
    "place_bookings",
    "planned_at",
    "policies",
    "policy",
    "pool",
    "pools_page",
    "put_booking",
    "standing_in_span",
    "standing_of_holder",
    "take_due",
]
