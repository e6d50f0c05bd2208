"""Whom the end of a session, or the change of an EVSE, wakes: at once, and nobody else."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.bookings.blocking.blocked import Blocked
from domain.bookings.blocking.refused_holds import NONE_USABLE
from domain.bookings.booking import Booking
from domain.bookings.pool import PoolMember
from domain.bookings.states import BookingState
from fleet import stations
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.tables import wakeups
from fleet.transactions.rows import Transaction
from journal.bookings.sessions import freed
from tests.integration.journal.test_carried_bookings import HOUR, a_pool, booked, put
from tests.support.fleet_rows import NOW, start_16, stop_16

NO_TIME = timedelta(0)
IN_USE = {"state": BookingState.IN_USE}


async def ended(tx: Tx, station: str = "A", token: str = "digest") -> Transaction:
    begun, _ = await start_16(tx, station, token_digest=token)
    return await stop_16(tx, begun.ocpp_transaction_id, station)


async def woken(tx: Tx) -> set[str]:
    found = await tx.execute(select(wakeups.c.workflow_id))
    return {each.rpartition("/")[2] for each in found.scalars()}


async def test_the_end_of_a_session_wakes_its_booking_and_those_it_was_in_the_way_of(
    db: Database,
) -> None:
    async with db.write() as tx:
        await a_pool(tx, PoolMember("A", 1), PoolMember("B", 1))
        over = await ended(tx)
        there = {"state": BookingState.OVERSTAYED, "transaction": over.name}
        blocked = Blocked(over.name, NOW, "A/1")
        await put(
            tx,
            booked("own", "A/1", -2 * HOUR, -HOUR, **there),
            booked("blocked", "A/1", NO_TIME, HOUR, state=BookingState.HELD, blocked=blocked),
            booked("beside", "B/1", NO_TIME, HOUR, **IN_USE),
            booked("held", "B/1", HOUR, 2 * HOUR, state=BookingState.HELD),
            booked("tomorrow", "A/1", 24 * HOUR, 25 * HOUR),
        )
        assert await freed.session_ended(tx, over, NOW)
        assert await woken(tx) == {"own", "blocked"}


@pytest.mark.parametrize(
    ("waits", "is_woken"),
    [
        ({"state": BookingState.BOUND, "progress": NONE_USABLE}, True),
        ({"state": BookingState.BOUND, "tried": ("B/1",)}, True),
        ({"state": BookingState.CONFIRMED}, True),
        ({"state": BookingState.BOUND, "progress": "The EVSE is chosen."}, False),
        ({"state": BookingState.PENDING}, False),
    ],
)
async def test_who_waits_for_any_evse_is_woken_by_each(
    db: Database, waits: dict[str, object], is_woken: bool
) -> None:
    async with db.write() as tx:
        await a_pool(tx, PoolMember("A", 1), PoolMember("B", 1))
        one: Booking = replace(booked("one", "B/1", HOUR, 2 * HOUR), **waits)  # type: ignore[arg-type]
        await put(tx, one)
        assert await freed.session_ended(tx, await ended(tx), NOW) is is_woken
        assert bool(await woken(tx)) is is_woken


@pytest.mark.parametrize(("evse_id", "is_woken"), [(1, True), (0, True), (2, False)])
async def test_an_evse_that_fails_wakes_the_booking_whose_it_is(
    db: Database, evse_id: int, is_woken: bool
) -> None:
    async with db.write() as tx:
        await a_pool(tx, PoolMember("A", 1))
        await put(tx, booked("used", "A/1", NO_TIME, HOUR, **IN_USE))
        told = await stations.set_connector(
            tx,
            station="A",
            evse_id=evse_id,
            connector_id=1,
            status="Faulted",
            error_code="",
            now=NOW,
        )
        assert await freed.status_changed(tx, "acme", told, NOW) is is_woken


async def test_a_station_of_no_pool_wakes_nobody(db: Database) -> None:
    async with db.write() as tx:
        await a_pool(tx, PoolMember("A", 1))
        await put(tx, booked("used", "A/1", NO_TIME, HOUR, **IN_USE))
        over = replace(await ended(tx), station="elsewhere")
        assert not await freed.session_ended(tx, over, NOW)
        assert not await woken(tx)
