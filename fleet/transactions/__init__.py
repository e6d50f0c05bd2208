"""Charging transactions, as stations report them.

OCPP 1.6 (`v16`): this program draws the id and the station repeats it. OCPP 2.x (`v2`): the station
has an id of its own, and its events come in any order. Both are one row (`rows`), found by the
station and OCPP's id: a station can only ever name its own transactions. `queries` reads them.

Callers import this package and use the names below.
"""

from fleet.transactions.alive import LIFE_PACE, show_alive, shown_at
from fleet.transactions.of_tokens import of_tokens
from fleet.transactions.places import place
from fleet.transactions.queries import (
    active,
    active_of,
    by_id,
    claimed_since,
    ended_since,
    for_remote_start,
    for_reservation,
    get,
    heard_since,
    list_page,
    since,
)
from fleet.transactions.reused import id_of_earlier, stored_id
from fleet.transactions.rows import Transaction, by_ocpp_transaction_id
from fleet.transactions.unreported import (
    end_unreported,
    ended_unreported,
    note_freed,
    resume,
    unreported,
)
from fleet.transactions.v2 import event_v2, name_requested
from fleet.transactions.v16 import (
    belongs_to_another,
    canonical_id_v16,
    observe,
    start_v16,
    stop_v16,
    told_id_v16,
)

__all__ = [
    "LIFE_PACE",
    "Transaction",
    "active",
    "active_of",
    "belongs_to_another",
    "by_id",
    "by_ocpp_transaction_id",
    "canonical_id_v16",
    "claimed_since",
    "end_unreported",
    "ended_since",
    "ended_unreported",
    "event_v2",
    "for_remote_start",
    "for_reservation",
    "get",
    "heard_since",
    "id_of_earlier",
    "list_page",
    "name_requested",
    "note_freed",
    "observe",
    "of_tokens",
    "place",
    "resume",
    "show_alive",
    "shown_at",
    "since",
    "start_v16",
    "stop_v16",
    "stored_id",
    "told_id_v16",
    "unreported",
]
