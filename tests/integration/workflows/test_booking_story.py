"""The life of a booking on a server that skips time, from the choice of its EVSE to its end."""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from temporalio.client import WorkflowHandle

from contract import names
from contract.bookings import BookingResult
from domain.bookings.booking import Booking
from domain.bookings.pool import Pool, PoolMember
from domain.bookings.states import BookingState
from domain.model.specs import Kind
from fleet import bookings, stations
from fleet.bookings import PolicyRow, PoolRow
from fleet.engine.statements import Tx
from journal.bookings import admitting
from journal.bookings.rows import booking_from, locked_pool, pool_content
from journal.bookings.waking import wake_booking
from tests.support.benches.command_bench import TENANT, TOKEN, Bench, rejected
from tests.support.histories import golden as histories
from tests.support.scripted_gateway import accepted, answers

pytestmark = pytest.mark.asyncio(loop_scope="session")

RULES = [
    {"id": "no-show", "price": {"occasion": "NO_SHOW", "quantity": 2, "unit": "credit"}},
]
POLICY = {"bind_lead": "30m", "hold_lead": "10m", "grace": "15m", "rules": RULES}
AHEAD = timedelta(hours=3)
LENGTH = timedelta(hours=2)


@dataclass
class Booked:
    """A booking of a bench's station, and what is known of it."""

    bench: Bench
    booking: Booking

    async def seen(self) -> Booking:
        """The booking as its row has it."""
        async with self.bench.db.read() as tx:
            row = await bookings.booking(tx, TENANT, self.booking.name)
        assert row is not None
        return booking_from(row)

    async def becomes(self, *states: BookingState) -> Booking:
        """Lets time pass in small steps until the booking is in one of these states."""
        for _ in range(60):
            known = await self.seen()
            if known.state in states:
                return known
            await self.bench.skip(240)
        raise AssertionError(f"it stayed {await self.seen()}")

    async def at(self, moment: datetime) -> None:
        """Lets time pass until this moment."""
        left = moment - await self.bench.now()
        await self.bench.skip(max(left.total_seconds(), 0.0))

    @property
    def handle(self) -> WorkflowHandle[object, BookingResult]:
        """Its workflow."""
        id = names.booking_workflow_id(TENANT, self.booking.name)
        return self.bench.client.get_workflow_handle(id, result_type=BookingResult)

    async def ends(self, story: str) -> BookingResult:
        """The result of its workflow. The holds that it asked for end with the test."""
        async with asyncio.timeout(20):
            result = await self.handle.result()
        await histories.keep(self.handle, story)
        await self.bench.skip(self.bench.timing.guard_s + 3600)
        return result


async def booked(bench: Bench) -> Booked:
    """A booking in three hours; its workflow begins half an hour before."""
    now, pool, policy = await bench.now(), uuid.uuid4().hex[:12], uuid.uuid4().hex[:12]
    start = now + AHEAD
    new = Booking(
        name=str(uuid.uuid4()),
        tenant=TENANT,
        pool=pool,
        id_token=TOKEN,
        start_time=start,
        end_time=start + LENGTH,
        state=BookingState.CONFIRMED,
        create_time=now,
        policy=policy,
        policy_revision=1,
    )
    members = (PoolMember(bench.station, 1),)

    async def write(tx: Tx) -> Booking:
        await bookings.add_policy(tx, PolicyRow(TENANT, policy, 1, POLICY, now))
        content = pool_content(Pool(members, "Europe/Berlin", policy))
        row = PoolRow(TENANT, pool, content, 1, 1, now, now)
        await bookings.add_pool(tx, row, [(bench.station, 1)])
        known = await locked_pool(tx, TENANT, pool)
        assert known is not None
        made = (await admitting.admit(tx, known, new)).booking
        assert made is not None
        await wake_booking(tx, made, "its time has come", now)
        return made

    async with bench.db.write() as tx:
        made = await write(tx)
    bench.dispatcher.kick()
    return Booked(bench, made)


async def test_a_booking_is_chosen_held_used_and_left(bench: Bench) -> None:
    one = await booked(bench)
    bench.gateway.plays = [answers(accepted())] * 9
    bound = await one.becomes(BookingState.BOUND)
    assert await bench.now() >= one.booking.start_time - timedelta(minutes=30)
    assert bound.place == f"{bench.station}/1"
    await one.becomes(BookingState.HELD)
    assert bench.gateway.frames[-1].kind is Kind.RESERVE_NOW
    await one.at(one.booking.start_time + timedelta(minutes=2))
    session = await bench.session_starts()
    used = await one.becomes(BookingState.IN_USE)
    assert used.transaction == session.name
    await one.at(one.booking.start_time + timedelta(hours=1))
    await bench.session_ends(session)
    left = await one.becomes(BookingState.FULFILLED)
    assert left.cause == "LEFT_EARLY"
    assert (await one.ends("booking_used")).state == "FULFILLED"


async def test_a_driver_who_does_not_come_is_a_no_show_with_its_charge(bench: Bench) -> None:
    one = await booked(bench)
    bench.gateway.plays = [answers(accepted())] * 9
    await one.becomes(BookingState.HELD)
    missed = await one.becomes(BookingState.NO_SHOW, BookingState.EXPIRED)
    assert (missed.state, missed.cause) == (BookingState.NO_SHOW, "NOBODY_CAME")
    assert [each.rule for each in missed.charges] == ["no-show"]
    assert (await one.ends("booking_no_show")).cause == "NOBODY_CAME"


async def test_a_station_that_never_holds_takes_the_place_from_nobody(bench: Bench) -> None:
    one = await booked(bench)
    bench.gateway.plays = [answers(rejected())] * 99
    over = await one.becomes(BookingState.EXPIRED, BookingState.DISPLACED)
    assert (over.cause, over.charges) == ("NOT_HELD", ())
    assert await bench.now() >= one.booking.start_time + timedelta(minutes=15)
    assert 4 <= len(bench.gateway.frames) <= 8  # in 25 minutes, with growing pauses
    assert (await one.ends("booking_never_held")).state == "EXPIRED"


async def test_a_booking_whose_only_evse_fails_is_displaced_at_its_start(bench: Bench) -> None:
    one = await booked(bench)
    await one.becomes(BookingState.BOUND)
    async with bench.db.write() as tx:
        await stations.set_connector(
            tx,
            station=bench.station,
            evse_id=1,
            connector_id=1,
            status="Faulted",
            error_code="",
            now=await bench.now(),
        )
    displaced = await one.becomes(BookingState.DISPLACED)
    assert displaced.cause == "NO_PLACE_LEFT"
    assert await bench.now() >= one.booking.start_time
    assert (await one.ends("booking_displaced")).state == "DISPLACED"


async def test_an_operator_reads_a_booking_in_the_web_ui(bench: Bench) -> None:
    one = await booked(bench)
    bench.gateway.plays = [answers(accepted())] * 9
    await one.becomes(BookingState.HELD)
    described = await one.handle.describe()
    assert described.workflow_type == "BookingWorkflow"
    assert TOKEN.sealed not in str(described.raw_info)
    await one.becomes(BookingState.NO_SHOW)
    await one.ends("booking_read")
