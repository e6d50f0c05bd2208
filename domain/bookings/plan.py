"""What is planned, and the verdicts about one booking more.

A plan names a place for each booking, so that no two bookings of one place overlap and each place
serves its booking and is open. A pool promises nothing without a plan in hand. Places differ and a
booking stays on one of them, so whether a plan exists is a hard question (NP-complete). Hence three
answers: PLANNED with the plan; POOL_FULL with a proof, which is never wrong; and NO_PLAN_FOUND.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from domain.bookings.places import Needs, Place, serves
from domain.bookings.spans import Span, ticks_of


@dataclass(frozen=True, slots=True)
class Ask:
    """A booking that has a place, or that wants one.

    fixed_to: the id of the place where it stays, because the place is bound, held or in use. That
    is a fact and not a choice: nobody asks whether the place serves it, or whether it is open.
    pause: the least time after it on its place; None: that of the pool. It is less where the two
    were promised before the pool's became longer.
    """

    id: str
    span: Span
    needs: Needs = field(default_factory=Needs)
    fixed_to: str | None = None
    pause: timedelta | None = None

    def over(self, buffer: int) -> int:
        """When the next one may begin on its place, in ticks. buffer: of the pool, in ticks."""
        return self.span.to_tick + (buffer if self.pause is None else ticks_of(self.pause))

    def is_in_the_way_of(self, other: "Ask", buffer: timedelta) -> bool:
        """Whether both cannot be on one place."""
        pause = ticks_of(buffer)
        first, second = sorted((self, other), key=lambda ask: ask.span.from_tick)
        return second.span.from_tick < first.over(pause)


@dataclass(frozen=True, slots=True)
class Closure:
    """A time at which a place is not there for bookings. place_id: None means the whole pool."""

    span: Span
    place_id: str | None = None

    def closes(self, place_id: str) -> bool:
        """Whether the place is meant."""
        return self.place_id is None or self.place_id == place_id


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a pool has to give. buffer: the least time between two bookings on one place.

    Those that stand nearer may do so (`Ask.pause`).
    """

    places: tuple[Place, ...]
    closures: tuple[Closure, ...] = ()
    buffer: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Plan:
    """The place of each booking, both by id."""

    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Booked:
    """A pool with its bookings, and the plan that stands behind them.

    The plan may say more: what it says of other bookings is left out.
    """

    capacity: Capacity
    asks: tuple[Ask, ...] = ()
    plan: Plan = field(default_factory=Plan)


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard a plan is searched: bounds in steps, so that a search ends alike on any machine.

    met: bookings for which a move is looked for, in a chain of moves. rounds: repairs tried.
    states: positions of the exact search. stays: the most bookings that it moves. tries: how often
    another choice of the displaced is tried. seed: decides between equal repairs.
    """

    met: int = 400
    rounds: int = 60
    states: int = 600
    stays: int = 60
    tries: int = 60
    seed: int = 1


class RoomVerdict(StrEnum):
    """Whether there is room."""

    PLANNED = "PLANNED"
    POOL_FULL = "POOL_FULL"
    NO_PLAN_FOUND = "NO_PLAN_FOUND"


@dataclass(frozen=True, slots=True)
class Planned:
    """There is room. moved: bookings that are on another place than before, in order."""

    plan: Plan
    moved: tuple[str, ...] = ()
    verdict: RoomVerdict = RoomVerdict.PLANNED


@dataclass(frozen=True, slots=True)
class PoolFull:
    """At one moment more bookings want places than there are places for them. This is proven.

    asks: the bookings, no more than the proof needs: without any of them the others could be served
    at that moment. needs: how many of them need what. places: all that can take any of them.
    others: places that would serve one of them and are closed, or taken by bookings that cannot
    move. moment: in the span of the new booking, or in the buffer after it.
    """

    moment: datetime
    asks: tuple[str, ...]
    needs: tuple[tuple[int, Needs], ...]
    places: tuple[str, ...]
    others: tuple[str, ...] = ()
    verdict: RoomVerdict = RoomVerdict.POOL_FULL

    @property
    def wanted(self) -> int:
        """How many bookings want a place."""
        return len(self.asks)

    @property
    def there(self) -> int:
        """How many places can take them."""
        return len(self.places)

    def sentence(self, zone: tzinfo) -> str:
        """Why there is no room, as "14:00: 3 want CCS of 150 kW, 2 are there"."""
        wants = [f"{count} {'want' if count > 1 else 'wants'} {what}" for count, what in self.needs]
        there = f"{self.there} {'is' if self.there == 1 else 'are'} there"
        more = f"; {len(self.others)} more taken or closed" if self.others else ""
        return f"{self.moment.astimezone(zone):%H:%M}: {' and '.join(wants)}, {there}{more}"


@dataclass(frozen=True, slots=True)
class NoPlanFound:
    """No plan was found. rounds: what was tried. is_proven: every plan was tried: none exists."""

    rounds: int
    is_proven: bool = False
    verdict: RoomVerdict = RoomVerdict.NO_PLAN_FOUND


Admission = Planned | PoolFull | NoPlanFound


def count_needs(needs: Iterable[Needs]) -> tuple[tuple[int, Needs], ...]:
    """How many need what; what most need first."""
    counted = Counter(needs)
    return tuple(
        (counted[what], what) for what in sorted(counted, key=lambda n: (-counted[n], str(n)))
    )


def flaws(booked: Booked) -> tuple[str, ...]:
    """What is wrong with the plan, in sentences; empty: it is valid.

    Bookings that are fixed may break a rule: they are where they are. Two of them may even overlap.
    """
    capacity, plan = booked.capacity, booked.plan
    places = {place.id: place for place in capacity.places}
    closures: dict[str | None, list[Span]] = {}
    for closure in capacity.closures:
        closures.setdefault(closure.place_id, []).append(closure.span)
    found: list[str] = []
    by_place: dict[str, list[Ask]] = {}
    for ask in booked.asks:
        place_id = plan.places.get(ask.id)
        if place_id is None:
            found.append(f"{ask.id} has no place")
            continue
        by_place.setdefault(place_id, []).append(ask)
        if ask.fixed_to is not None:
            if ask.fixed_to != place_id:
                found.append(f"{ask.id} stays on {ask.fixed_to}")
            continue
        place = places.get(place_id)
        if place is None or not serves(place, ask.needs):
            found.append(f"{place_id} does not serve {ask.id}")
        spans = (*closures.get(place_id, ()), *closures.get(None, ()))
        if any(span.overlaps(ask.span) for span in spans):
            found.append(f"{place_id} is closed for {ask.id}")
    for place_id, there in by_place.items():
        found += _overlaps(place_id, there, capacity.buffer)
    return tuple(found)


def _overlaps(place_id: str, asks: list[Ask], buffer: timedelta) -> list[str]:
    """Who overlaps with whom on one place, apart from two that are both fixed."""
    asks.sort(key=lambda ask: ask.span.from_tick)
    found, gap = [], ticks_of(buffer)
    for index, one in enumerate(asks):
        for other in asks[index + 1 :]:
            if other.span.from_tick >= one.over(gap):
                break
            if one.fixed_to is None or other.fixed_to is None:
                found.append(f"{one.id} and {other.id} overlap on {place_id}")
    return found
