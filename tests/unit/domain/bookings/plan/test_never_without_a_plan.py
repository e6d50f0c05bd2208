"""Whatever happens to a pool, whoever was admitted and not displaced has a place in a valid plan.

EVCOMMAND_BOOKING_STEPS: how many asks, cancels, faults and closures; 100,000 take two minutes.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.bookings.places import Needs, Place
from domain.bookings.plan import Ask, Booked, Closure, Planned, PoolFull, flaws
from domain.bookings.planning.admission import admit
from domain.bookings.planning.nearest import free_spans, grid, nearest
from domain.bookings.planning.replan import Replanned, replan, without
from tests.unit.domain.bookings.plan.judges import assert_proves
from tests.unit.domain.bookings.plan.pools import accept, ask, hours, needs, place, pool

STEPS = int(os.environ.get("EVCOMMAND_BOOKING_STEPS", "1000"))
STEPS_A_STORY = 50
SHORTER_STORIES = 1.6
"""Some stories end before they have all their steps: so many times more are told."""

PLACES = (
    place("a", "CCS", 50),
    place("b", "CCS", 50),
    place("c", "CCS Type2", 150),
    place("d", "Type2", 22),
    place("e", "CCS Type2", 150, "roof"),
)
NEEDS = (needs(), needs("CCS"), needs("Type2"), needs("CCS", 150), needs("", 0, "roof"))
BEGINS = st.integers(0, 22)
LENGTHS = st.sampled_from([1, 1, 2, 2, 3, 5])


def rank(one: Ask) -> int:
    """Odd ones give way first."""
    return int(one.id[1:]) % 2


class Stories(RuleBasedStateMachine):
    """Any order of asks, changes, cancels, binds, overstays, faults, repairs and closures."""

    taken = 0

    @initialize(buffer_min=st.sampled_from([0, 0, 30]))
    def open(self, buffer_min: int) -> None:
        self.booked = pool(*PLACES, buffer_min=buffer_min)
        self.made = 0

    def _one(self, number: int) -> Ask:
        return self.booked.asks[number % len(self.booked.asks)]

    def _take(self, booked: Booked, done: Replanned) -> None:
        """Goes on with a plan anew. Nobody vanishes: who has no place is displaced."""
        loose = set(done.loosened)
        assert set(done.displaced) | set(done.plan.places) >= {each.id for each in booked.asks}
        self.booked = replace(
            booked,
            asks=tuple(
                replace(each, fixed_to=None) if each.id in loose else each
                for each in booked.asks
                if each.id not in done.displaced
            ),
            plan=done.plan,
        )

    @rule(begin=BEGINS, length=LENGTHS, what=st.sampled_from(NEEDS))
    def ask(self, begin: int, length: int, what: Needs) -> None:
        self.made += 1
        new = replace(ask(f"b{self.made}", begin, begin + length), needs=what)
        self._admit(new)

    @precondition(lambda self: self.booked.asks)
    @rule(number=st.integers(0, 99), begin=BEGINS, length=LENGTHS)
    def change(self, number: int, begin: int, length: int) -> None:
        old = self._one(number)
        self._admit(replace(old, span=hours(begin, begin + length), fixed_to=None))

    @precondition(lambda self: self.booked.asks)
    @rule(number=st.integers(0, 99), at=st.sampled_from(PLACES))
    def bind(self, number: int, at: Place) -> None:
        self._admit(replace(self._one(number), fixed_to=at.id))

    def _admit(self, new: Ask) -> None:
        verdict = admit(self.booked, new)
        if isinstance(verdict, PoolFull):
            assert_proves(verdict, self.booked, new)
        self.booked = accept(self.booked, new, verdict)

    @precondition(lambda self: self.booked.asks)
    @rule(number=st.integers(0, 99))
    def cancel(self, number: int) -> None:
        gone = self._one(number)
        left = tuple(each for each in self.booked.asks if each is not gone)
        self.booked = replace(self.booked, asks=left)

    @precondition(lambda self: self.booked.asks)
    @rule(number=st.integers(0, 99), by=st.sampled_from([1, 2]))
    def overstay(self, number: int, by: int) -> None:
        one = self._one(number)
        longer = replace(one, span=replace(one.span, end=one.span.end + timedelta(hours=by)))
        if one.fixed_to is None:
            return
        asks = tuple(longer if each is one else each for each in self.booked.asks)
        booked = replace(self.booked, asks=asks)
        self._take(booked, replan(booked, rank))

    @precondition(lambda self: self.booked.capacity.places)
    @rule(number=st.integers(0, 99))
    def fault(self, number: int) -> None:
        places = self.booked.capacity.places
        lost = places[number % len(places)].id
        left = tuple(each for each in places if each.id != lost)
        capacity = replace(self.booked.capacity, places=left)
        self._take(replace(self.booked, capacity=capacity), without(self.booked, lost, rank))

    @rule()
    def mend(self) -> None:
        capacity = replace(self.booked.capacity, places=PLACES, closures=())
        self.booked = replace(self.booked, capacity=capacity)

    @rule(begin=BEGINS, length=LENGTHS, at=st.sampled_from([None, "a", "c", "d"]))
    def close(self, begin: int, length: int, at: str | None) -> None:
        closures = (*self.booked.capacity.closures, Closure(hours(begin, begin + length), at))
        capacity = replace(self.booked.capacity, closures=closures)
        booked = replace(self.booked, capacity=capacity)
        self._take(booked, replan(booked, rank))

    @rule(begin=BEGINS, what=st.sampled_from(NEEDS))
    def search(self, begin: int, what: Needs) -> None:
        spans = list(grid(hours(0, 24), timedelta(hours=2), timedelta(hours=1)))
        new = replace(ask("b0", begin, begin + 2), needs=what)
        free = free_spans(self.booked, new.needs, spans)
        for each in free[:: len(free) // 3]:
            verdict = admit(self.booked, replace(new, span=each.span))
            assert not isinstance(each.why, PoolFull) or isinstance(verdict, PoolFull)
            assert each.why is not None or isinstance(verdict, Planned)
        for span in nearest(self.booked, new, spans):
            assert isinstance(admit(self.booked, replace(new, span=span)), Planned)

    @invariant()
    def everyone_has_a_place(self) -> None:
        if hasattr(self, "booked"):
            assert not flaws(self.booked)
            Stories.taken += 1


TestStories = Stories.TestCase
TestStories.settings = settings(
    max_examples=math.ceil(SHORTER_STORIES * STEPS / STEPS_A_STORY),
    stateful_step_count=STEPS_A_STORY,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def enough_steps() -> Iterator[None]:
    """Makes sure that so many steps were taken."""
    Stories.taken = 0
    yield
    print(f"{Stories.taken} steps")
    assert Stories.taken >= STEPS
