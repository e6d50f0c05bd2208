"""A series is booked as if one by one, and holds its pool's lock for a few statements only."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from broker.bookings.availability import room_refusal
from domain.bookings.series.recurrence import Occurrence, occurrences
from domain.bookings.series.series import BookingSeries, occurrence_booking
from fleet import bookings
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log.pool_logs import BOOKING_LOG
from journal.bookings.admitting import admit
from journal.bookings.series import book
from tests.integration.journal.bookings.pools import NOON, POOL, TENANT, Hub, token_of

ZONE = ZoneInfo("Europe/Berlin")
RULES = [
    {"id": "once", "concurrent": {"per": "HOLDER", "at_most": 1}},
    {"id": "month", "quota": {"per": "HOLDER", "period": "MONTH", "at_most": 25}},
    {"id": "week", "quota": {"per": "GROUP", "period": "WEEK", "at_most": 20}},
]


def daily(count: int, hour: int = 8, hours: int = 2) -> tuple[Occurrence, ...]:
    first = datetime(2026, 12, 2, hour)  # noqa: DTZ001  a local time
    rule = f"FREQ=DAILY;COUNT={count}"
    return occurrences(rule, first, first + timedelta(hours=hours), ZONE)


def series_of(hub: Hub, token: str) -> BookingSeries:
    name = str(uuid.uuid4())
    return BookingSeries(
        name, TENANT, POOL, token_of(token), "r", "", "", hub.now, groups=frozenset({"a"})
    )


async def booked(hub: Hub, series: BookingSeries, times: Sequence[Occurrence]) -> list[bool]:
    async with hub.db.write() as tx:
        made = await book(tx, await hub.known(tx), series, times, room_refusal)
    return [bool(each.booking) for each in made.results]


async def places(tx: Tx) -> dict[str, str]:
    span = NOON, NOON + timedelta(days=400)
    return {row.name: row.place for row in await bookings.in_span(tx, TENANT, POOL, span)}


class _NotForEver(Exception):
    """Nothing is to be written."""


async def test_a_series_is_booked_as_if_one_by_one(db: Database) -> None:
    hub = await Hub(db, evses=2, policy={"buffer": "10m", "rules": RULES}).open()
    for number, hour in enumerate((7, 10, 7)):
        await booked(hub, series_of(hub, f"other-{number}"), daily(40, hour)[number * 3 :: 2])
    series, times = series_of(hub, "mine"), daily(60, 9, 3)
    by_one: dict[str, str] = {}
    taken = []
    with pytest.raises(_NotForEver):
        async with db.write() as tx:
            known = await hub.known(tx)
            for each in times:
                new = occurrence_booking(series, each, "plain")
                taken.append((await admit(tx, known, new)).booking is not None)
            by_one = await places(tx)
            raise _NotForEver
    assert await booked(hub, series, times) == taken
    assert 10 < sum(taken) < 50
    async with db.read() as tx:
        assert await places(tx) == by_one
        written = await BOOKING_LOG.history(
            tx, TENANT, occurrence_booking(series, times[0], "").name
        )
    assert [each.revision for each in written] == ([1] if taken[0] else [])


async def test_two_hundred_occurrences_are_some_tens_of_statements(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = await Hub(db, evses=2, policy={"rules": RULES[:1]}).open()
    asked = 0
    async with db.write() as tx:
        known, kind = await hub.known(tx), type(tx)
        execute = kind.execute

        async def counted(self: Any, *args: Any, **options: Any) -> Any:
            nonlocal asked
            asked += 1
            return await execute(self, *args, **options)

        monkeypatch.setattr(kind, "execute", counted)
        made = await book(tx, known, series_of(hub, "mine"), daily(200), room_refusal)
    assert all(each.booking for each in made.results)
    assert asked < 100
