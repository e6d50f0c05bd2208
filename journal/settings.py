"""How long the fleet keeps what is over."""

from dataclasses import dataclass, field, fields

LEAST_DAYS = 35
"""A scheduled reset may be judged by what was sent in the 30 days before it."""


_AS = {"waitlist_changes": "changes", "waitlist_entries": "bookings"}
"""What is kept as long as something else."""


@dataclass(frozen=True)
class RetentionSettings:
    """How many days after its end a thing is kept; 0: for ever.

    Raises: ValueError for a time that is shorter than decisions look back.
    """

    commands_days: int = field(
        default=400,
        metadata={
            "doc": (
                "days for which a command is kept after its last change, with its frames, notes "
                "and callback deliveries; its request_id is remembered as long. 0: for ever, else "
                "at least 35."
            )
        },
    )
    reservations_days: int = field(
        default=400, metadata={"doc": "the same for reservations, after their end."}
    )
    sessions_days: int = field(
        default=400, metadata={"doc": "the same for charging sessions, after their end."}
    )
    reports_days: int = field(
        default=90, metadata={"doc": "the same for stations' reports that nobody could take."}
    )
    changes_days: int = field(
        default=7,
        metadata={
            "doc": (
                "days for which a change of a station, of a charging session or of a waiting list "
                "is kept, so that WatchStations, WatchTransactions and WatchWaitlist can be "
                "resumed. 0: for ever."
            ),
            "least": 1,
        },
    )
    audit_days: int = field(
        default=400,
        metadata={
            "doc": (
                "the same for entries of the audit log. Those of commands go with their command."
            )
        },
    )
    event_posts_days: int = field(
        default=30,
        metadata={
            "doc": (
                "days for which a callback delivery of an event is kept after it was delivered, "
                "replaced or parked. 0: for ever, else at least 7."
            ),
            "least": 7,
        },
    )

    booking_changes_days: int = field(
        default=400,
        metadata={
            "doc": (
                "days for which the changes of a booking are kept after its end, so that "
                "ExplainBooking tells its story and WatchBookings can be resumed. 0: for ever, "
                "else at least 35."
            )
        },
    )

    bookings_days: int = field(
        default=400,
        metadata={
            "doc": (
                "days for which a booking, a series, or an entry of a waiting list is kept after "
                "its time, with its holder's tokens and its changes. 0: for ever, else at least 35."
            )
        },
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            days, least = getattr(self, each.name), each.metadata.get("least", LEAST_DAYS)
            if days != 0 and days < least:
                raise ValueError(
                    f"retention_{each.name}: {days} is too short: 0 (for ever) or {least} and more"
                )

    def days(self, what: str) -> int:
        """How long this is kept: a word of `Prunable`."""
        return int(getattr(self, f"{_AS.get(what, what)}_days"))
