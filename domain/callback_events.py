"""Events: what happens to stations, transactions, reservations, bookings and who waits for a place,
as receivers get it.

A credential chooses types, as `transaction.ended`, and kinds, as `station.*`. `command.*` stands
for the news of commands, of which other settings say which ones. Who chooses nothing gets those
alone.
"""

from collections.abc import Collection
from enum import StrEnum
from uuid import NAMESPACE_URL, uuid5

COMMANDS = "command.*"
"""The choice that stands for the news of commands."""

CHOICES_LIMIT = 64
"""How many types a credential may choose: more than there are."""


class EventSubject(StrEnum):
    """What an event is about."""

    STATION = "station"
    TRANSACTION = "transaction"
    RESERVATION = "reservation"
    BOOKING = "booking"
    WAITLIST = "waitlist"


OF_POOLS = frozenset({EventSubject.BOOKING, EventSubject.WAITLIST})
"""What is told of pools: a receiver has to see every station of the pool."""

_HAPPENINGS: dict[EventSubject, tuple[str, ...]] = {
    EventSubject.STATION: (
        *("created", "updated", "deleted", "connected", "disconnected", "booted", "connector"),
        "conformance",
    ),
    EventSubject.TRANSACTION: ("started", "updated", "ended", "claimed"),
    EventSubject.RESERVATION: (
        *("requested", "held", "used", "expired", "no_show", "cancelled", "lost", "refused"),
        "updated",
    ),
    EventSubject.BOOKING: (
        *("pending", "confirmed", "bound", "held", "in_use", "overstayed"),
        *("fulfilled", "cancelled", "no_show", "expired", "displaced", "rejected", "updated"),
    ),
    EventSubject.WAITLIST: (
        *("waiting", "offered", "snoozed", "accepted", "left", "lapsed", "updated"),
    ),
}

EVENT_TYPES: tuple[str, ...] = tuple(
    f"{subject.value}.{what}" for subject, happenings in _HAPPENINGS.items() for what in happenings
)
"""Every type of event."""

CHOICES: tuple[str, ...] = (COMMANDS, *(f"{each.value}.*" for each in EventSubject), *EVENT_TYPES)
"""Everything that a credential can choose."""

_LASTING = ("station.created", "station.deleted", "transaction.started", "transaction.ended")
_OF_STATES = ("reservation.", "booking.", "waitlist.")

PASSING: frozenset[str] = frozenset(
    each
    for each in EVENT_TYPES
    if each not in _LASTING and (each.endswith(".updated") or not each.startswith(_OF_STATES))
)
"""The types that a newer event may replace while they are retried: it tells the present state too.
What begins and ends is never replaced: a receiver that counts it sees every one."""


def is_chosen(choices: Collection[str], type: str) -> bool:
    """Whether who made these choices wants posts of this type."""
    return type in choices or f"{type.partition('.')[0]}.*" in choices


def wants_commands(choices: Collection[str]) -> bool:
    """Whether the news of commands are wanted."""
    return not choices or COMMANDS in choices


def subjects_of(choices: Collection[str]) -> frozenset[EventSubject]:
    """What the chosen events are about."""
    named = {each.partition(".")[0] for each in choices}
    return frozenset(each for each in EventSubject if each.value in named)


def type_of_change(subject: EventSubject, what: str) -> str:
    """The type of a change of a station or of a transaction, by the word of what happened."""
    return f"{subject.value}.{what.lower()}"


def type_of_states(subject: EventSubject, before: str | None, after: str) -> str:
    """The type of a change of what has states, by these. before: None for a new one."""
    what = "updated" if before == after else after.lower()
    return f"{subject.value}.{what}"


def next_sequence(place: int, last: int) -> int:
    """What an event is numbered with, so that its number is above all before it.

    place: of the change in its log, which may be lower than that of a change before. last: the
    number of the event before about the same thing; 0 when none is known any more.
    """
    return max(place, last + 1)


def thread_id(caller: str, subject: EventSubject, resource: str) -> str:
    """The events of one resource to one credential, which are posted in order: their id."""
    return _digest(caller, subject.value, resource)


def event_id(tenant: str, thread: str, sequence: int) -> str:
    """The id of an event's post (webhook-id): the same however often it is sent."""
    return f"msg_{_digest(tenant, thread, str(sequence))}"


def _digest(*parts: str) -> str:
    return uuid5(NAMESPACE_URL, "\x1f".join(("evcommand", "event", *parts))).hex
