"""What is known now of a pool's EVSEs, and for which bookings that counts. Pure.

An EVSE that is out of order now may work tomorrow, and who charges now will have left by then. So
what is known counts only for a booking that begins soon: a fault, or a station that is away, from
the moment on at which an EVSE is chosen (`bind_lead`); a session from the moment on at which the
EVSE is held (`hold_lead`). For that time the EVSE is as good as closed. It is one rule for who
books, searches, changes a booking or waits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from domain.bookings.policies.policy import BookingPolicy
from domain.bookings.policies.wording import clock, listed
from domain.bookings.pool import Pool, PoolClosure, evse_of
from domain.bookings.standing import Neighbour
from domain.bookings.states import IN_USE, BookingState
from domain.ocpp_words import ConnectorStatus

AT_LEAST = timedelta(minutes=1)
"""So soon a booking begins now, whatever the policy says."""

AT_MOST = timedelta(hours=4)
"""What is known now tells nothing of a time further ahead, whatever the policy says."""

AWAY_AFTER = timedelta(minutes=1)
"""A station is away when its socket has been lost for so long: most come back at once."""

OUT_OF_ORDER = frozenset({ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE})
"""How a connector is shown that cannot be used."""

MOST_SAID = 3
"""How many EVSEs a sentence names."""


class Hindrance(StrEnum):
    """Why an EVSE cannot be used now."""

    OUT_OF_ORDER = "OUT_OF_ORDER"
    OFFLINE = "OFFLINE"
    OCCUPIED = "OCCUPIED"


@dataclass(frozen=True)
class Hindered:
    """tokens: the digests of who charges there, for whom it is no hindrance.

    Not those of groups: a colleague is another driver.
    """

    why: Hindrance
    tokens: frozenset[str] = frozenset()


@dataclass(frozen=True)
class KnownNow:
    """What is known of a pool's EVSEs at a moment. hindered: by their place in the plan."""

    now: datetime
    hindered: Mapping[str, Hindered] = field(default_factory=dict)

    def besides(self, token: str) -> "KnownNow":
        """The same for the driver of this token: where he charges himself he is in no way."""
        others = {at: one for at, one in self.hindered.items() if token not in one.tokens}
        return replace(self, hindered=others)

    def until(self, place: str, policy: BookingPolicy) -> datetime:
        """Bookings that begin before this time cannot have the place."""
        return self.now + counts_for(self.hindered[place].why, policy)

    def counting(self, start: datetime, policy: BookingPolicy) -> "KnownNow":
        """What of it counts for a booking that begins then."""
        left = {at: one for at, one in self.hindered.items() if start < self.until(at, policy)}
        return replace(self, hindered=left)

    def closing(self, pool: Pool, policy: BookingPolicy) -> Pool:
        """The pool, in which these EVSEs are closed for as long as this counts."""
        shut: dict[datetime, set[str]] = {}
        for at in self.hindered:
            shut.setdefault(self.until(at, policy), set()).add(at)
        closures = [
            PoolClosure(self.now, end, frozenset(places)) for end, places in sorted(shut.items())
        ]
        return replace(pool, closures=(*pool.closures, *closures))

    def meets(self, one: Neighbour, policy: BookingPolicy) -> bool:
        """Whether a booking has such a place, and begins so soon that this counts for it."""
        known = self.hindered.get(one.place)
        return (
            known is not None
            and not one.ended
            and one.state not in IN_USE
            and self.now < one.end_time
            and one.start_time < self.until(one.place, policy)
        )

    def takes(self, one: Neighbour) -> bool:
        """Whether a booking that it meets has to have another place.

        What a station holds it holds while it is away, too. Who charges there himself has it.
        """
        known = self.hindered[one.place]
        held = one.state is BookingState.HELD and known.why is Hindrance.OFFLINE
        return not held and one.request.holder.token not in known.tokens


def counts_for(why: Hindrance, policy: BookingPolicy) -> timedelta:
    """For how long what is known now is taken to remain so."""
    lead = policy.hold_lead if why is Hindrance.OCCUPIED else policy.bind_lead
    return min(max(lead, AT_LEAST), AT_MOST)


def latest_start(policy: BookingPolicy, now: datetime) -> datetime:
    """What is known now counts for no booking that begins at this time or later."""
    return now + max(counts_for(why, policy) for why in Hindrance)


@dataclass(frozen=True)
class NotUsableNow:
    """There would be room, but for EVSEs that cannot be used now.

    hindered: those that would serve, in order. until: whoever begins then or later is not refused
    for them.
    """

    hindered: tuple[tuple[str, Hindrance], ...]
    until: datetime

    def sentence(self, zone: tzinfo) -> str:
        """Why there is no room now, and what can be done."""
        said = [_said(place, why) for place, why in self.hindered[:MOST_SAID]]
        more = len(self.hindered) - len(said)
        if more:
            said.append(f"{more} more cannot be used either")
        return (
            f"There would be room, but {listed(said)}. Ask for a start at {clock(self.until, zone)}"
            " or later, for which this does not count; or JoinWaitlist: a place is offered as soon "
            "as one can be used."
        )


def not_usable_now(known: KnownNow, policy: BookingPolicy, serving: Iterable[str]) -> NotUsableNow:
    """The refusal for what is known now. serving: the places that would do."""
    places = [at for at in sorted(serving) if at in known.hindered] or sorted(known.hindered)
    said = tuple((at, known.hindered[at].why) for at in places)
    return NotUsableNow(said, max(known.until(at, policy) for at in known.hindered))


_SAYS = {
    Hindrance.OUT_OF_ORDER: "is out of order",
    Hindrance.OFFLINE: "is offline",
    Hindrance.OCCUPIED: "is in use by somebody else",
}


def _said(place: str, why: Hindrance) -> str:
    station, evse_id = evse_of(place)
    return f"EVSE {evse_id} of station {station} {_SAYS[why]}"


NOTHING_KNOWN = KnownNow(datetime.min.replace(tzinfo=UTC))
"""Nothing is known of any EVSE."""
