"""Who asks for a place, when, and what stands around it when the rules are asked."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from domain.bookings.policies.policy import EVERYBODY, Per


@dataclass(frozen=True)
class Holder:
    """For whom a place is booked.

    token: a digest of the driver's token, never its value. account: the account that answers for
    it. groups: the groups of the policy that it belongs to. "" and none: not given.
    """

    token: str
    account: str = ""
    groups: frozenset[str] = frozenset()

    def belongs_to(self, groups: frozenset[str]) -> bool:
        """Whether a rule for these groups binds this holder."""
        return EVERYBODY in groups or not self.groups.isdisjoint(groups)

    def counts_with(self, other: "Holder", per: Per) -> bool:
        """Whether the bookings of both are counted together."""
        if per is Per.HOLDER:
            return self.token == other.token
        if per is Per.ACCOUNT:
            return self.account == other.account if self.account else self.token == other.token
        return not self.groups.isdisjoint(other.groups)


@dataclass(frozen=True)
class BookingRequest:
    """A place from `start` to `end`. made: when it is, or was, asked for."""

    holder: Holder
    start: datetime
    end: datetime
    made: datetime

    @property
    def length(self) -> timedelta:
        """How long it lasts, in real time."""
        return self.end - self.start

    def wants(self, at: datetime) -> bool:
        """Whether it wants a place at this moment."""
        return self.start <= at < self.end


@dataclass(frozen=True)
class RequestSurroundings:
    """What a rule may look at beside the ask itself.

    others: the live bookings of the pool that overlap it or count for a quota, without itself.
    places: how many EVSEs may be booked at once.
    """

    zone: tzinfo
    others: tuple[BookingRequest, ...] = ()
    places: int = 0


def busiest(ask: BookingRequest, others: tuple[BookingRequest, ...]) -> list[datetime]:
    """The moments of an ask at which something is most: its start, and each start within it."""
    within = {each.start for each in others if ask.start < each.start < ask.end}
    return sorted({ask.start} | within)
