"""What a booking costs among 100,000 future ones: its admission, and a search of a week.

One pool of 40 EVSEs of 12 kinds is filled to 80 % of some weeks by the plan itself, and copied to
50 pools on PostgreSQL. Then bookings are asked for, each in a transaction of its own that locks its
pool, and weeks are searched. No workflow runs: a booking is rows until its EVSE is chosen.

    python -m bench bookings
"""

import random
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from bench.booking_plans import measure_plans, percentile
from bench.on_postgres.postgres import postgres
from bench.report import Figure, note
from broker.bookings.availability import chances_in
from domain.bookings.booking import Booking
from domain.bookings.plan import RoomVerdict
from domain.bookings.planning.admission import admit
from domain.bookings.planning.nearest import grid
from domain.bookings.pool import Pool, PoolMember
from domain.bookings.spans import Span
from domain.bookings.states import BookingState
from domain.model.specs import IdToken
from entrypoints.lifetime import started
from fleet import bookings as rows
from fleet import tables
from fleet.bookings import PolicyRow, PoolRow
from fleet.database import Database
from journal.bookings import admitting
from journal.bookings.rows import booking_row, known_pool, locked_pool, pool_content
from tests.unit.domain.bookings.plan.pools import accept, busy_pool

POOLS = 50
WEEKS = 1
TENANT = "venue"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
ASKS = 300
SEARCHES = 200
STEP = timedelta(minutes=15)
POLICY = {
    "buffer": "5m",
    "rules": [
        {"id": "a", "groups": ["A"], "share": {"places": 4, "release_before": "1h"}},
        {"id": "once", "concurrent": {"per": "HOLDER", "at_most": 1}},
        {"id": "week", "quota": {"per": "HOLDER", "period": "WEEK", "at_most": 30}},
    ],
}


def filled_pool() -> tuple[Pool, list[Booking]]:
    """A pool, and the bookings that its plan has."""
    booked, asks = busy_pool(1, load=0.8, days=7 * WEEKS, buffer_min=5)
    admitted = []
    for ask in asks:
        verdict = admit(booked, ask)
        booked = accept(booked, ask, verdict)
        if verdict.verdict is RoomVerdict.PLANNED:
            admitted.append(ask)
    numbers = {place.id: number for number, place in enumerate(booked.capacity.places, 1)}
    made = [
        replace(
            _booking(ask.span, ask.id, number),
            needs=ask.needs,
            place=f"S/{numbers[booked.plan.places[ask.id]]}",
        )
        for number, ask in enumerate(admitted)
    ]
    members = tuple(
        PoolMember("S", numbers[each.id], each.connector_types, each.max_power_w, each.features)
        for each in booked.capacity.places
    )
    return Pool(members, "Europe/Berlin", "plain"), made


async def measure() -> None:
    """Prints the figures."""
    plans = measure_plans(1)
    for name, values in (("admission", plans.admission_ms), ("search", plans.availability_ms)):
        p99 = percentile(values, 0.99)
        Figure(f"plan of a {name}, CPU p99", round(p99, 1), None, "ms").report()
    pool, made = filled_pool()
    note(f"{len(made)} bookings a pool, {POOLS} pools")
    with tempfile.TemporaryDirectory() as home, postgres(Path(home)) as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        db = await Database.open(url, migrate=True)
        try:
            await _fill(db, pool, made)
            started()  # the garbage collector is as in our processes
            await _admissions(db, made)
            await _searches(db, made)
        finally:
            await db.close()


async def _fill(db: Database, pool: Pool, made: list[Booking]) -> None:
    async with db.write() as tx:
        await rows.add_policy(tx, PolicyRow(TENANT, "plain", 1, POLICY, NOW))
    pattern = [vars_of(each) for each in made]
    for number in range(POOLS):
        name = f"p{number}"
        values = [_copied(each, name) for each in pattern]
        async with db.write() as tx:
            row = PoolRow(TENANT, name, pool_content(pool), 1, 1, NOW, NOW)
            await rows.add_pool(tx, row, [(f"S{number}", each.evse_id) for each in pool.members])
            for first in range(0, len(values), 1_000):
                await tx.execute(insert(tables.bookings), values[first : first + 1_000])


def _copied(row: dict[str, Any], pool: str) -> dict[str, Any]:
    """The same booking in another pool."""
    own = {"name": str(uuid.uuid4()), "pool": pool}
    return row | own | {"snapshot": row["snapshot"] | own}


def vars_of(booking: Booking) -> dict[str, Any]:
    """The columns of a booking."""
    row = booking_row(booking, booking.start_time)
    return {name: getattr(row, name) for name in row.__slots__}


async def _admissions(db: Database, made: list[Booking]) -> None:
    dice, times, taken = random.Random(1), Times(), 0
    for number in range(ASKS):
        like = dice.choice(made)
        new = replace(
            _booking(Span(like.start_time, like.end_time), str(uuid.uuid4()), 10_000 + number),
            needs=like.needs,
            pool=f"p{dice.randrange(POOLS)}",
        )
        with times.one():
            async with db.write() as tx:
                known = await locked_pool(tx, TENANT, new.pool)
                assert known is not None
                taken += (await admitting.admit(tx, known, new)).booking is not None
    name = f"admission among {len(made) * POOLS} bookings, p99"
    times.report(name, 250, taken=taken, asks=ASKS)


async def _searches(db: Database, made: list[Booking]) -> None:
    dice, times = random.Random(2), Times()
    first = min(each.start_time for each in made)
    for number in range(SEARCHES):
        asked = Span(first, first + timedelta(hours=2))
        new = replace(_booking(asked, "", 20_000 + number), needs=dice.choice(made).needs)
        week = Span(first, first + timedelta(days=7))
        spans = list(grid(week, timedelta(hours=2), STEP))
        with times.one():
            async with db.read() as tx:
                known = await known_pool(tx, TENANT, f"p{dice.randrange(POOLS)}")
                assert known is not None
                found = await chances_in(tx, known, new, spans)
        assert len(found) == len(spans)
    times.report("search of a week of a pool of 40 EVSEs, p99", 150, spans=len(spans))


class Times:
    """How long something took, on the wall and in CPU time of this process: in milliseconds.

    What PostgreSQL computes, and what other work on the machine costs, is in the first one only.
    """

    def __init__(self) -> None:
        self._wall: list[float] = []
        self._cpu: list[float] = []

    @contextmanager
    def one(self) -> Iterator[None]:
        """Measures the block."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self._wall.append(1_000 * (time.perf_counter() - wall))
        self._cpu.append(1_000 * (time.process_time() - cpu))

    def report(self, name: str, most_ms: int, **details: int) -> None:
        """Prints the percentiles."""
        cpu = {
            "cpu_p50": round(percentile(tuple(self._cpu), 0.5), 1),
            "cpu_p99": round(percentile(tuple(self._cpu), 0.99), 1),
        }
        p50, p99 = (percentile(tuple(self._wall), share) for share in (0.5, 0.99))
        more: dict[str, object] = {"p50": round(p50, 1), **cpu, **details}
        target, is_met = f"at most {most_ms}", p99 <= most_ms
        Figure(name, round(p99, 1), None, "ms", target, is_met, details=more).report()


def _booking(span: Span, name: str, number: int) -> Booking:
    return Booking(
        name=name,
        tenant=TENANT,
        pool="",
        id_token=IdToken("ISO14443", "****", "sealed", f"driver-{number % 700}"),
        start_time=span.start,
        end_time=span.end,
        state=BookingState.CONFIRMED,
        create_time=NOW,
        policy="plain",
        policy_revision=1,
        groups=frozenset({"A"} if number % 3 else ()),
    )
