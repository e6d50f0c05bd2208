"""Whether a driver came to another station of the pool: yes, no, or nobody knows yet."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.bookings.booking import Booking
from domain.bookings.pool import PoolMember
from domain.bookings.states import BookingState
from domain.commands.timing import Timing
from domain.reservations.reservation import ReservationState
from domain.reservations.transitions import EndCause
from fleet import connections
from fleet.database import Database
from fleet.engine.statements import Tx
from journal.bookings.carrying import Carrier
from journal.bookings.entries import missed_by
from tests.integration.journal.test_carried_bookings import HOUR, a_pool, booked, hold, put
from tests.support.fleet_rows import NOW, event_2, later, start_16, stop_16

MINE = "1d9b7b0e-0f60-4c9e-8f6e-000000000001"
OVER_S = 900.0


async def missed(tx: Tx) -> None:
    """A pool of two stations, and a booking at one of them, whose hold nobody used."""
    await a_pool(tx, PoolMember("A", 1), PoolMember("B", 1))
    await connections.renew_gateway(tx, "gw1", until=later(7200))
    over = await hold(
        tx, ReservationState.EXPIRED, EndCause.TIME_OVER, None, end_time=later(OVER_S)
    )
    one = booked(MINE, "A/1", 0 * HOUR, HOUR, state=BookingState.HELD, reservation=over)
    await put(tx, one)


async def carried(tx: Tx, after_s: float) -> Booking:
    return (await Carrier(Timing()).carry(tx, "acme", MINE, later(after_s))).booking


async def lost(tx: Tx, station: str, at: datetime) -> None:
    await connections.release(tx, station=station, connection_id="c1", now=at)


async def test_a_session_of_another_station_that_is_reported_late_corrects_a_no_show(
    db: Database,
) -> None:
    async with db.write() as tx:
        await missed(tx)
        told = await carried(tx, OVER_S)
        session, _ = await start_16(tx, "B", start_time=later(60), now=later(1800))
        woken = await missed_by(tx, "acme", "B", {"digest"}, later(60))
        used = await carried(tx, 1801)
        ended = {"stop_time": later(1200), "now": later(1802)}
        await stop_16(tx, session.ocpp_transaction_id, "B", **ended)
        left = await carried(tx, 1803)
    assert (told.state, len(told.charges)) == (BookingState.NO_SHOW, 1)
    assert [one.name for one in woken] == [MINE]
    assert (used.state, used.place, used.charges) == (BookingState.IN_USE, "B/1", ())
    assert (left.state, left.cause) == (BookingState.FULFILLED, "LEFT_EARLY")


@pytest.mark.parametrize("type", ["Ended", "Updated"])
async def test_a_session_whose_start_nobody_knows_makes_a_no_show_doubtful(
    db: Database, type: str
) -> None:
    told = {"token_digest": "digest", "authorized": True, "evse_id": 1}
    async with db.write() as tx:
        await missed(tx)
        await carried(tx, OVER_S)
        await event_2(tx, type, 7, "B", event_time=later(1200), now=later(1800), **told)
        asked = tx, "acme", "B", {"digest"}, later(1200)
        woken = await missed_by(*asked, no_earlier=later(-1200))
        assert ([one.name for one in woken], await missed_by(*asked)) == ([MINE], [])
        doubted = await carried(tx, 1801)
    assert (doubted.state, doubted.cause) == (BookingState.EXPIRED, "USE_NOT_KNOWN")
    assert doubted.charges == ()


async def test_a_session_that_began_after_the_end_corrects_nothing(db: Database) -> None:
    async with db.write() as tx:
        await missed(tx)
        told = await carried(tx, OVER_S)
        await start_16(tx, "B", start_time=later(OVER_S + 60), now=later(OVER_S + 60))
        assert await carried(tx, 1801) == told


@pytest.mark.parametrize(
    ("gone", "back", "state"),
    [
        (timedelta(minutes=5), None, BookingState.EXPIRED),
        (timedelta(minutes=5), timedelta(minutes=16), BookingState.NO_SHOW),
        (timedelta(days=-2), None, BookingState.NO_SHOW),
    ],
)
async def test_nobody_is_a_no_show_while_another_station_of_the_pool_may_know_better(
    db: Database, gone: timedelta, back: timedelta | None, state: BookingState
) -> None:
    async with db.write() as tx:
        await missed(tx)
        await lost(tx, "B", NOW + gone)
        at_first = await carried(tx, OVER_S)
        if back is not None:
            again: dict[str, Any] = {"gateway": "gw1", "connection_id": "c2", "now": NOW + back}
            await connections.claim(tx, station="B", ocpp_version="ocpp1.6", **again)
            assert (await carried(tx, 16 * 60 + 5)).state is BookingState.HELD
        later_on = await carried(tx, OVER_S + 301)
    waits = gone > timedelta(0)
    assert at_first.state is (BookingState.HELD if waits else BookingState.NO_SHOW)
    assert (later_on.state, bool(later_on.charges)) == (state, state is BookingState.NO_SHOW)


async def test_who_checked_in_is_told_the_same_wherever_stations_are(db: Database) -> None:
    async with db.write() as tx:
        await missed(tx)
        one = booked(MINE, "A/1", 0 * HOUR, HOUR, state=BookingState.HELD, reservation="r1")
        await put(tx, replace(one, check_in_time=NOW))
        over = await carried(tx, OVER_S)
    assert over.cause == "CHECKED_IN_ONLY"
