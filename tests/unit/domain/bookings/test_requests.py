"""What is counted once of the others is what counting anew for each ask would find."""

import random
from datetime import timedelta

import pytest

from domain.bookings.policies.local_time import Period, first_day
from domain.bookings.policies.policy import Per
from domain.bookings.policies.requests import (
    BookingRequest,
    Holder,
    RequestsByStart,
    RequestSurroundings,
    Used,
)
from tests.unit.domain.bookings.asking import BERLIN, local

HOUR = timedelta(hours=1)
GROUPS = frozenset("A"), frozenset("BC"), frozenset("*")
MIDNIGHT = local("00:00")


def requests_of_chance(seed: int) -> list[BookingRequest]:
    """At most 30 requests of four days; some are over as they begin."""
    dice = random.Random(seed)
    found = []
    for _ in range(dice.randint(0, 30)):
        start = MIDNIGHT + dice.randint(0, 96) * HOUR
        groups = frozenset(each for each in "ABC" if dice.random() < 0.3)
        holder = Holder(dice.choice("ab"), dice.choice(["", "x"]), groups)
        length = dice.choice([0, 1, 2, 5, 30]) * HOUR
        found.append(BookingRequest(holder, start, start + length, MIDNIGHT))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_those_in_a_span_are_found(seed: int) -> None:
    some, start, end = requests_of_chance(seed), MIDNIGHT + 30 * HOUR, MIDNIGHT + 40 * HOUR
    found = RequestsByStart(some).overlapping(start, end)
    assert found == sorted(found, key=lambda each: each.start)
    assert len(found) == sum(each.start < end and each.end > start for each in some)


@pytest.mark.parametrize("seed", range(20))
def test_at_each_moment_those_are_counted_who_want_a_place(seed: int) -> None:
    some = requests_of_chance(seed)
    around = RequestSurroundings(BERLIN, tuple(some))
    for first in (-5, 30, 60):
        start, end = MIDNIGHT + first * HOUR, MIDNIGHT + (first + 12) * HOUR
        loads = list(around.loads(GROUPS).of(start, end))
        edges = {at for each in some for at in (each.start, each.end) if start < at < end}
        assert [load.moment for load in loads] == [start, *sorted(edges)]
        for load in loads:
            there = [each for each in some if each.wants(load.moment)]
            assert load.taken == len(there)
            assert load.of_groups == tuple(
                sum(each.holder.belongs_to(groups) for each in there) for groups in GROUPS
            )


@pytest.mark.parametrize("per", list(Per))
@pytest.mark.parametrize("period", list(Period))
def test_what_a_holder_has_is_counted_by_period(per: Per, period: Period) -> None:
    some, anna = requests_of_chance(1), Holder("a", "x", frozenset("AB"))
    around = RequestSurroundings(BERLIN, tuple(some))
    for _ in range(2):
        used = around.used(anna, per, period)
    own = [each for each in some if each.holder.counts_with(anna, per)]
    days = {first_day(each.start, period, BERLIN) for each in own}
    assert used == {
        day: Used(
            len(same := [each for each in own if first_day(each.start, period, BERLIN) == day]),
            sum((each.length for each in same), timedelta(0)),
        )
        for day in days
    }
