"""A stop that came to nothing is asked for again, as a command of its own, in both databases."""

from dataclasses import replace
from datetime import timedelta

from domain.bookings.booking import Booking
from domain.bookings.pool import PoolMember
from domain.bookings.states import BookingState
from domain.commands.timing import Timing
from domain.model.command import Command, State
from domain.model.specs import Kind
from fleet import bookings, connections
from fleet.bookings import PolicyRow
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import commands as log
from fleet.log.commands import Filter
from journal.bookings.carrying import Carrier
from journal.commands.record import from_snapshot, record_of
from tests.integration.journal.test_carried_bookings import HOUR, a_pool, booked, put
from tests.support.fleet_rows import NOW, later, start_16, stop_16

MINE = "1d9b7b0e-0f60-4c9e-8f6e-000000000001"
STOP_AT_ONCE = {"overstay": [{"act": "STOP", "after": "0m"}], "grace": "59m", "bind_lead": "2h"}


async def a_blocked_pool(tx: Tx) -> None:
    await a_pool(tx, PoolMember("A", 1))
    await connections.renew_gateway(tx, "gw1", until=later(36_000))
    await bookings.add_policy(tx, PolicyRow("acme", "stops", 1, STOP_AT_ONCE, NOW))


async def carried(tx: Tx, after: float) -> Booking:
    return (await Carrier(Timing()).carry(tx, "acme", MINE, later(after))).booking


async def stops(tx: Tx) -> list[Command]:
    """The stops that were asked for, the newest first."""
    which = Filter("acme", labels={"booking": MINE})
    found, _ = await log.list_page(tx, which, limit=9)
    asked = [from_snapshot(each.snapshot) for each in found]
    return [each for each in asked if each.kind is Kind.STOP_SESSION]


async def come_to_nothing(tx: Tx, after: float) -> None:
    """The newest stop ends, and its session still runs."""

    def done(one: Command) -> Command:
        return replace(one, state=State.DONE, outcome_time=later(after))

    (newest, *_) = await stops(tx)
    await record_of(tx, newest, "done", done, later(after))


async def test_who_is_in_the_way_is_asked_to_stop_until_he_does(db: Database) -> None:
    async with db.write() as tx:
        await a_blocked_pool(tx)
        await start_16(tx, "A", token_digest="another")
        plain = booked(MINE, "A/1", timedelta(0), HOUR, state=BookingState.BOUND)
        await put(tx, replace(plain, policy="stops"))
        await carried(tx, 61)
        await carried(tx, 91)
        assert len(await stops(tx)) == 1  # it is under way
        await come_to_nothing(tx, 100)
        await carried(tx, 159)
        assert len(await stops(tx)) == 1
        await carried(tx, 160)
        assert len(await stops(tx)) == 2
        assert len({each.name for each in await stops(tx)}) == 2
        await come_to_nothing(tx, 170)
        await carried(tx, 289)
        assert len(await stops(tx)) == 2
        assert (await carried(tx, 290)).blocked is not None
        assert len(await stops(tx)) == 3


async def test_a_driver_who_stays_too_long_is_asked_to_stop_until_he_does(db: Database) -> None:
    async with db.write() as tx:
        await a_blocked_pool(tx)
        session, _ = await start_16(tx, "A")
        plain = booked(MINE, "A/1", -HOUR, timedelta(0), state=BookingState.IN_USE)
        await put(tx, replace(plain, policy="stops", transaction=session.name))
        await carried(tx, 60)
        await carried(tx, 120)
        assert len(await stops(tx)) == 1
        await come_to_nothing(tx, 130)
        over = await carried(tx, 190)
        assert (over.stops, len(await stops(tx))) == (2, 2)
        await stop_16(tx, session.ocpp_transaction_id, "A", stop_time=later(200), now=later(200))
        assert (await carried(tx, 900)).state is BookingState.FULFILLED
        assert len(await stops(tx)) == 2
