"""What an operator may rule about the bookings of a pool: typed rules, and the terms around them.

Rules are data and not expressions. So a refusal can name the rule and show the operator's own
sentence, a search can list what would be allowed, and a form can be drawn for each kind.

A rule that names groups binds only holders that belong to one of them. A holder without a group
belongs to the group `EVERYBODY` alone, and everybody belongs to that.

A booking keeps the revision of the policy by which it was made.
"""

from dataclasses import dataclass, field
from datetime import time, timedelta
from enum import IntEnum, StrEnum

from domain.bookings.policies.local_time import Period

EVERYBODY = "*"
"""The group of all holders."""


class Weekday(IntEnum):
    """The days of the week, numbered as `datetime.date.weekday` does."""

    MON = 0
    TUE = 1
    WED = 2
    THU = 3
    FRI = 4
    SAT = 5
    SUN = 6


class Per(StrEnum):
    """By what bookings are counted together: the driver's token, the account, the group."""

    HOLDER = "HOLDER"
    ACCOUNT = "ACCOUNT"
    GROUP = "GROUP"


class QuotaUnit(StrEnum):
    """What a quota counts: bookings, or their hours."""

    BOOKINGS = "BOOKINGS"
    HOURS = "HOURS"


class Occasion(StrEnum):
    """When a price is due.

    BOOK: with the booking. BEYOND_QUOTA: with a booking that is more than a quota includes.
    NO_SHOW, LATE_CANCEL, OVERSTAY: when that has happened.
    """

    BOOK = "BOOK"
    BEYOND_QUOTA = "BEYOND_QUOTA"
    NO_SHOW = "NO_SHOW"
    LATE_CANCEL = "LATE_CANCEL"
    OVERSTAY = "OVERSTAY"


@dataclass(frozen=True)
class Daily:
    """A part of the day, in local time. One whose end is not after its start ends the next day."""

    start: time
    end: time

    @property
    def overnight(self) -> bool:
        """Whether it ends on the day after the one on which it starts."""
        return self.end <= self.start


@dataclass(frozen=True)
class Window:
    """A booking lies within these hours of these days. Windows of a holder add up."""

    weekdays: frozenset[Weekday]
    hours: Daily


@dataclass(frozen=True)
class Grid:
    """A booking starts and ends where the grid says.

    slots: it is one of these parts of a day, or several that follow each other on one day.
    step: its start and its end are multiples of this, counted from local midnight. One of the two.
    """

    slots: tuple[Daily, ...] = ()
    step: timedelta | None = None


@dataclass(frozen=True)
class Length:
    """How long a booking is, both ends included. None: as short, or as long, as one likes."""

    at_least: timedelta | None = None
    at_most: timedelta | None = None


@dataclass(frozen=True)
class Ahead:
    """How long before its start a booking is made. None: until the start, or however early."""

    at_least: timedelta | None = None
    at_most: timedelta | None = None


@dataclass(frozen=True)
class Quota:
    """At most so much in each period, by the local start of a booking.

    price: what is charged for a booking beyond it; None: one beyond it is refused.
    """

    per: Per
    period: Period
    at_most: int
    unit: QuotaUnit = QuotaUnit.BOOKINGS
    price: "Price | None" = None


@dataclass(frozen=True)
class PlaceShare:
    """So many places are kept for the rule's groups, until so long before a booking's start."""

    places: int
    release_before: timedelta


@dataclass(frozen=True)
class Concurrent:
    """At most so many bookings at any moment."""

    per: Per
    at_most: int


@dataclass(frozen=True)
class Cutoff:
    """A booking is changed, or cancelled, at the latest so long before its start. None: any time.

    Whether a late cancellation costs something is said by a price.
    """

    change: timedelta | None = None
    cancel: timedelta | None = None


@dataclass(frozen=True)
class Price:
    """Something is charged: so many of a unit that the operator has named. Events, no money."""

    occasion: Occasion
    quantity: int
    unit: str


Term = Window | Grid | Length | Ahead | Quota | PlaceShare | Concurrent | Cutoff | Price


TERM_KINDS: dict[type[Term], str] = {
    Window: "window",
    Grid: "grid",
    Length: "length",
    Ahead: "ahead",
    Quota: "quota",
    PlaceShare: "share",
    Concurrent: "concurrent",
    Cutoff: "cutoff",
    Price: "price",
}
"""The word of each kind of term: in the contract and in policy files."""


@dataclass(frozen=True)
class Rule:
    """One rule of a policy.

    id: unique in its policy. says: the operator's own sentence, shown with each refusal.
    groups: whom it binds.
    """

    id: str
    term: Term
    says: str = ""
    groups: frozenset[str] = frozenset({EVERYBODY})


class LadderAct(StrEnum):
    """What is done to a session that should not run (any longer), from mild to hard."""

    TELL = "TELL"
    CHARGE = "CHARGE"
    STOP = "STOP"


@dataclass(frozen=True)
class LadderStep:
    """after: how long after the session should have ended this is done."""

    act: LadderAct
    after: timedelta


class DisplaceFirst(StrEnum):
    """Whom a place is taken from first, when there are fewer than were promised.

    GUESTS: holders of none of the policy's groups that have a share. LATEST_MADE: the booking that
    was made last. LATEST_START: the one that starts last. SHORTEST: the shortest one.
    """

    GUESTS = "GUESTS"
    LATEST_MADE = "LATEST_MADE"
    LATEST_START = "LATEST_START"
    SHORTEST = "SHORTEST"


@dataclass(frozen=True)
class WaitlistTerms:
    """offer_lasts: how long an offer stands. snoozes: how often one may say "not now"."""

    offer_lasts: timedelta = timedelta(minutes=15)
    snoozes: int = 1


@dataclass(frozen=True)
class BookingPolicy:
    """One revision of the rules of a pool.

    bind_lead: how long before the start the EVSE is chosen. hold_lead: how long before it the EVSE
    is held at its station. grace: how long after the start the place is kept for who is late.
    early_start: how long before the start its driver may plug in already. late_stop: how long after
    the end a session may go on. buffer: the pause between two bookings of one EVSE.
    """

    rules: tuple[Rule, ...] = ()
    bind_lead: timedelta = timedelta(minutes=30)
    hold_lead: timedelta = timedelta(minutes=10)
    grace: timedelta = timedelta(minutes=15)
    early_start: timedelta = timedelta(0)
    late_stop: timedelta = timedelta(0)
    buffer: timedelta = timedelta(0)
    overstay: tuple[LadderStep, ...] = (LadderStep(LadderAct.TELL, timedelta(0)),)
    displace_first: tuple[DisplaceFirst, ...] = (DisplaceFirst.LATEST_MADE,)
    waitlist: WaitlistTerms = field(default_factory=WaitlistTerms)
    revision: int = 1
