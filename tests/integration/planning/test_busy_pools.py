"""40 EVSEs, 12 kinds, a week at 80 % load: bookings that all have places, in an order of chance.

Because a plan for all of them is known, every refusal is wrong.
EVCOMMAND_BOOKING_WEEKS: how many weeks of each sort; without it, two days of each.
"""

import os

import pytest

from domain.bookings.plan import Ask, Booked, PoolFull, RoomVerdict, flaws
from domain.bookings.planning.admission import admit
from tests.unit.domain.bookings.plan.judges import assert_proves
from tests.unit.domain.bookings.plan.pools import accept, busy_pool, half_days

WEEKS = int(os.environ.get("EVCOMMAND_BOOKING_WEEKS", "0"))
SEEDS = range(WEEKS or 1)
DAYS = 7 if WEEKS else 2


def _all_asked(booked: Booked, asks: list[Ask]) -> tuple[Booked, list[RoomVerdict]]:
    verdicts = []
    for new in asks:
        verdict = admit(booked, new)
        booked = accept(booked, new, verdict)
        verdicts.append(verdict.verdict)
    assert not flaws(booked)
    return booked, verdicts


@pytest.mark.parametrize(
    "lengths", [(16, 24, 32, 48), (8, 8, 12, 16, 32), (4, 8, 40)], ids=["long", "mixed", "uneven"]
)
def test_at_most_3_of_100_asks_are_refused_wrongly_at_80_percent_load(
    lengths: tuple[int, ...],
) -> None:
    verdicts: list[RoomVerdict] = []
    for seed in SEEDS:
        verdicts += _all_asked(*busy_pool(seed, days=DAYS, lengths=lengths, buffer_min=5))[1]
    assert RoomVerdict.POOL_FULL not in verdicts
    lost = verdicts.count(RoomVerdict.NO_PLAN_FOUND) / len(verdicts)
    print(f"{len(verdicts)} asks, {100 * lost:.2f} % refused wrongly")
    assert lost <= 0.03


def test_no_half_day_of_nested_kinds_is_refused_wrongly() -> None:
    for seed in SEEDS:
        booked, asks = half_days(seed, 2 * DAYS)
        full = 0
        for number, new in enumerate(asks):
            verdict = admit(booked, new)
            assert verdict.verdict is not RoomVerdict.NO_PLAN_FOUND
            if isinstance(verdict, PoolFull):
                full += 1
                if number % 10 == 0:
                    assert_proves(verdict, booked, new)
            booked = accept(booked, new, verdict)
        assert not flaws(booked)
        assert full >= len(asks) - 40 * 2 * DAYS
