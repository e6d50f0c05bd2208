"""The vocabulary of a booking: a place of a pool, promised for a time to come.

A booking is rows until its EVSE is chosen. It keeps the policy's revision by which it was made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.bookings.blocking.blocked import Blocked
from domain.bookings.places import Needs
from domain.bookings.policies.requests import BookingRequest, Holder
from domain.bookings.policies.rules import Charge
from domain.bookings.states import BOOKING_ENDS, BookingState
from domain.model.specs import IdToken


@dataclass(frozen=True)
class Booking:
    """A booking as it is now: the snapshot that its row keeps and the API shows.

    name: the request id of who made it. place: the EVSE that the plan has for it, as
    `station/evse`; it may change until the booking is BOUND. cause, message: why it ended.
    confirm_by: until when it is PENDING. reservation: our id of the hold at its station.
    holds: how many holds were asked for. transaction: our id of its driver's session.
    tried: the EVSEs that could not be had for it. ladder_done: how many steps of the ladder were
    done. end_of_life_time: when it ended. waitlist_entry: the entry of the waiting list whose offer
    it is, or that stands for it since it was displaced. series: the one that it belongs to.
    change_id: the request id of its holder's newest change. check_in_time: when its driver said
    that he is there. card_time: when a card of his was first shown at a station of the pool.
    alternatives: times at which there was room instead when it was displaced. blocked: the session
    of somebody else that is in its way now. stops: how often its own session was asked to stop.
    pause: the least time after it on its EVSE, by the revision of the policy by which it was made.
    """

    name: str
    tenant: str
    pool: str
    id_token: IdToken
    start_time: datetime
    end_time: datetime
    state: BookingState
    create_time: datetime
    policy: str
    policy_revision: int
    group_id_token: IdToken | None = None
    account: str = ""
    groups: frozenset[str] = frozenset()
    needs: Needs = field(default_factory=Needs)
    place: str = ""
    cause: str = ""
    message: str = ""
    progress: str = ""
    confirm_by: datetime | None = None
    charges: tuple[Charge, ...] = ()
    caller: str = ""
    cancel_reason: str = ""
    reservation: str = ""
    transaction: str = ""
    holds: int = 0
    tried: tuple[str, ...] = ()
    ladder_done: int = 0
    end_of_life_time: datetime | None = None
    check_in_time: datetime | None = None
    revision: int = 1
    waitlist_entry: str = ""
    series: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    change_id: str = ""
    alternatives: tuple[tuple[datetime, datetime], ...] = ()
    blocked: Blocked | None = None
    stops: int = 0
    pause: timedelta = timedelta(0)
    card_time: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether it has come to its end."""
        return self.state in BOOKING_ENDS

    @property
    def digests(self) -> frozenset[str]:
        """Of the tokens that may use it: the driver's, and that of the driver's group."""
        tokens = (self.id_token, self.group_id_token)
        return frozenset(token.digest for token in tokens if token is not None)

    @property
    def holder(self) -> Holder:
        """For whom it is, as the rules see it."""
        return Holder(self.id_token.digest, self.account, self.groups)

    @property
    def request(self) -> BookingRequest:
        """What was asked for, as the rules see it: an ended one takes its place no longer."""
        over = self.end_of_life_time or self.end_time
        end = max(self.start_time, min(over, self.end_time))
        return BookingRequest(self.holder, self.start_time, end, self.create_time)
