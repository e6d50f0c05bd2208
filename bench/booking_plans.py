"""How long it takes to plan: one admission, the availability of a week, the nearest spans.

Pure code, without a database, so it is the processor's time that is measured: a pool of 40 EVSEs
of 12 kinds, filled to 80 % of a week in an order of chance. The pool is made by
`tests/unit/domain/bookings/plan/pools.py`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from domain.bookings.plan import Ask, Booked, RoomVerdict
from domain.bookings.planning.admission import admit
from domain.bookings.planning.nearest import free_spans, grid, nearest
from domain.bookings.planning.replan import without
from domain.bookings.spans import Span
from tests.unit.domain.bookings.plan.pools import DAY, accept, busy_pool

LENGTHS = (8, 8, 12, 16, 32)
"""Of the bookings, in quarters of an hour: about 1,400 in a week."""

WEEK = Span(DAY, DAY + timedelta(days=7))
STEP = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class PlanTimes:
    """What was measured, each in milliseconds. lost: asks that were refused wrongly, of `asks`."""

    asks: int
    lost: int
    admission_ms: tuple[float, ...]
    availability_ms: tuple[float, ...]
    nearest_ms: tuple[float, ...]
    without_ms: tuple[float, ...]


def percentile(values: tuple[float, ...], share: float) -> float:
    """The value that this share of the values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure_plans(seed: int, *, load: float = 0.8, lengths: tuple[int, ...] = LENGTHS) -> PlanTimes:
    """Fills one pool, then searches in it. The same seed gives the same bookings."""
    booked, asks = busy_pool(seed, load=load, lengths=lengths, buffer_min=5)
    admission_ms, lost = [], 0
    for new in asks:
        before = time.process_time()
        verdict = admit(booked, new)
        admission_ms.append(1_000 * (time.process_time() - before))
        lost += verdict.verdict is RoomVerdict.NO_PLAN_FOUND
        booked = accept(booked, new, verdict)
    some = asks[:: max(1, len(asks) // 40)]
    places = booked.capacity.places[::8]
    return PlanTimes(
        len(asks),
        lost,
        tuple(admission_ms),
        tuple(_ms(partial(_availability, booked, each)) for each in some),
        tuple(_ms(partial(_nearest, booked, each)) for each in some),
        tuple(_ms(partial(without, booked, each.id, _rank)) for each in places),
    )


def _ms(act: Callable[[], object]) -> float:
    before = time.process_time()
    act()
    return 1_000 * (time.process_time() - before)


def _availability(booked: Booked, like: Ask) -> None:
    free_spans(booked, like.needs, grid(WEEK, like.span.length, STEP))


def _nearest(booked: Booked, like: Ask) -> None:
    nearest(booked, replace(like, id="new"), grid(WEEK, like.span.length, STEP))


def _rank(ask: Ask) -> int:
    """Three classes of who gives way."""
    return int(ask.id[1:]) % 3
