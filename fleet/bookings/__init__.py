"""Rows of pools, of the policies of bookings, and of bookings.

Whoever changes what is promised in a pool locks the pool's row first, and reads the bookings
afterwards: two who want the last place come one after the other.

Callers import this package and use the names below.
"""

from fleet.bookings.pools import (
    PolicyRow,
    PoolRow,
    add_policy,
    add_pool,
    delete_pool,
    in_pools,
    lock_pool,
    policies,
    policy,
    pool,
    pools_page,
    update_pool,
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
from fleet.bookings.series import SeriesRow, put_series, series_row
from fleet.bookings.waitlist import (
    WAITING_OR_OFFERED,
    WaitlistFilter,
    WaitlistRow,
    ask_again,
    due_in,
    pools_with_due,
    put_waitlist_entry,
    waiting_in,
    waitlist_entry,
    waitlist_page,
)

__all__ = [
    "LIVE",
    "WAITING_OR_OFFERED",
    "BookingFilter",
    "BookingRow",
    "PolicyRow",
    "PoolRow",
    "SeriesRow",
    "TooManyBookings",
    "WaitlistFilter",
    "WaitlistRow",
    "add_policy",
    "add_pool",
    "ask_again",
    "booking",
    "bookings_page",
    "delete_pool",
    "due",
    "due_in",
    "in_pools",
    "in_span",
    "lock_pool",
    "place_booking",
    "policies",
    "policy",
    "pool",
    "pools_page",
    "pools_with_due",
    "put_booking",
    "put_series",
    "put_waitlist_entry",
    "series_row",
    "take_due",
    "update_pool",
    "waiting_in",
    "waitlist_entry",
    "waitlist_page",
]
