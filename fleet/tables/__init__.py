"""Every table of the fleet. The migrations make the same tables; a test checks it.

Words of other rooms (a command's state, a connector's status) are plain text here: the fleet stores
them and does not judge them. There are no foreign keys between facts: the transactions of a deleted
station stay, and the epoch of its connections must stay.
"""

from fleet.engine.columns import metadata
from fleet.tables.audit import audit_entries
from fleet.tables.back_end import back_end_calls
from fleet.tables.bookings import (
    booking_changes,
    booking_policies,
    booking_series,
    bookings,
    forgotten_changes,
    pool_members,
    pools,
    waitlist_changes,
    waitlist_entries,
)
from fleet.tables.callbacks import (
    callback_deliveries,
    callback_endpoints,
    event_deliveries,
    event_feeds,
)
from fleet.tables.changes import station_changes
from fleet.tables.commands import claims, command_labels, commands, events, notes, sends, wakeups
from fleet.tables.reservations import reservation_reports, reservations, wire_ids
from fleet.tables.sessions import tokens, transactions
from fleet.tables.stations import (
    connections,
    connectors,
    gateways,
    keys,
    mended_reports,
    password_rotations,
    stations,
    untaken_reports,
)

__all__ = [
    "audit_entries",
    "back_end_calls",
    "booking_changes",
    "booking_policies",
    "booking_series",
    "bookings",
    "callback_deliveries",
    "callback_endpoints",
    "claims",
    "command_labels",
    "commands",
    "connections",
    "connectors",
    "event_deliveries",
    "event_feeds",
    "events",
    "forgotten_changes",
    "gateways",
    "keys",
    "mended_reports",
    "metadata",
    "notes",
    "password_rotations",
    "pool_members",
    "pools",
    "reservation_reports",
    "reservations",
    "sends",
    "station_changes",
    "stations",
    "tokens",
    "transactions",
    "untaken_reports",
    "waitlist_changes",
    "waitlist_entries",
    "wakeups",
    "wire_ids",
]
