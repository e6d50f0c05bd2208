"""What goes wrong at a booked station, in fast-forward, by the station's own record."""

from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.bookings.policies.policy import BookingPolicy
from fleet.database import Database
from tests.integration.workflows.days.charger import MarketCharger
from tests.integration.workflows.days.market import Market, State, WaitState, open_market

pytestmark = pytest.mark.asyncio(loop_scope="session")

POLICY = BookingPolicy()  # chosen 30 minutes before, held 10 minutes before, kept for 15
CALM = timedelta(minutes=5)


async def booked(day: Market) -> tuple[str, MarketCharger, int]:
    """A booking of 10:00 to 11:00 at half past nine, and the EVSE that its driver was told."""
    await day.clock.skip_to(day.at("08:00"))
    name = await day.books("ANNA", "10:00", "11:00")
    await day.clock.skip_to(day.at("09:29"))
    await day.until("09:33")
    assert day.last(name).state == State.STATE_BOUND
    return name, *day.place(name)


def holds(charger: MarketCharger) -> list[tuple[str, int | None]]:
    """What the station holds now: for whom, and at which EVSE."""
    return [(each.token.value, each.evse_id) for each in charger.reservations]


async def test_a_station_that_is_offline_when_it_should_hold_is_left_for_another_one(
    environment: WorkflowEnvironment, database: Database
) -> None:
    async with open_market(environment, database, POLICY, {"1.6": 1, "2.0.1": 1}) as day:
        name, first, _ = await booked(day)
        first.go_offline()
        await day.until("09:54")
        other, evse = day.place(name)
        assert other is not first
        assert (day.last(name).state, holds(other)) == (State.STATE_HELD, [("ANNA", evse)])
        first.go_online()
        await first.until(lambda: first.connected)
        assert await other.arrives("ANNA", evse)
        await day.becomes(name, State.STATE_IN_USE)
        assert (holds(first), first.asked("ReserveNow")) == ([], [])


async def test_a_station_that_comes_back_before_the_start_holds_what_it_should(
    environment: WorkflowEnvironment, database: Database
) -> None:
    async with open_market(environment, database, POLICY, {"1.6": 1}) as day:
        name, charger, evse = await booked(day)
        charger.go_offline()
        await day.until("09:55")
        assert day.last(name).state in {State.STATE_BOUND, State.STATE_CONFIRMED}
        charger.go_online()
        await charger.until(lambda: charger.connected)
        await day.until("09:59")
        assert (day.last(name).state, holds(charger)) == (State.STATE_HELD, [("ANNA", evse)])


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_an_evse_that_fails_after_it_took_the_hold_is_left_for_another_one(
    environment: WorkflowEnvironment, database: Database, version: str
) -> None:
    async with open_market(environment, database, POLICY, {version: 2}) as day:
        name, charger, evse = await booked(day)
        await day.until("09:52")
        assert (day.last(name).state, holds(charger)) == (State.STATE_HELD, [("ANNA", evse)])
        charger.fault(evse)
        await charger.delivered()
        await day.until("09:58")
        told = day.last(name)
        assert (told.state, told.evse_id) == (State.STATE_HELD, 3 - evse)
        assert holds(charger) == [("ANNA", 3 - evse)]


async def test_who_leaves_early_frees_the_rest_for_who_waits(
    environment: WorkflowEnvironment, database: Database
) -> None:
    async with open_market(environment, database, POLICY, {"2.0.1": 1}) as day:
        name, charger, evse = await booked(day)
        entry = await day.waits("BERT", "10:00", "11:00")
        await day.until("10:01")
        assert await charger.arrives("ANNA", evse)
        await day.until("10:20", step=CALM)
        assert (await day.entry(entry)).state == WaitState.STATE_WAITING
        await charger.leaves(evse)
        assert (await day.becomes(name, State.STATE_FULFILLED)).cause == "LEFT_EARLY"
        assert (await day.entry(entry)).state == WaitState.STATE_OFFERED
        rest = await day.accepts(entry)
        told = await day.becomes(rest, State.STATE_HELD)
        assert day.at("10:20") < told.start_time.ToDatetime(day.day.tzinfo) < day.at("10:30")
        assert holds(charger) == [("BERT", evse)]
        assert await charger.arrives("BERT", evse)
        await day.becomes(rest, State.STATE_IN_USE)


async def test_a_place_is_not_blocked_hours_before_its_driver_comes(
    environment: WorkflowEnvironment, database: Database
) -> None:
    async with open_market(environment, database, POLICY, {"1.6": 1}) as day:
        await day.clock.skip_to(day.at("08:00"))
        name = await day.books("ANNA", "20:00", "21:00")
        charger = day.chargers["CP-16"]
        await day.clock.skip_to(day.at("19:00"))
        assert await charger.arrives("WALK-IN", 1)
        await day.until("19:28", step=CALM)
        await charger.leaves(1)
        await day.until("19:49")
        assert not charger.asked("ReserveNow")
        await day.until("19:53")
        assert (day.last(name).state, holds(charger)) == (State.STATE_HELD, [("ANNA", 1)])
        assert [one.time >= day.at("19:50") for one in charger.asked("ReserveNow")] == [True]


async def test_the_driver_before_may_stay_to_the_end_and_a_little_longer(
    environment: WorkflowEnvironment, database: Database
) -> None:
    """Nobody is displaced for it: the next one has the place as soon as it is free."""
    async with open_market(environment, database, POLICY, {"1.6": 1}) as day:
        before, charger, evse = await booked(day)
        after = await day.books("BERT", "11:00", "12:00")
        await day.until("10:01")
        assert await charger.arrives("ANNA", evse)
        await day.until("10:56", step=CALM)
        told = await day.becomes(after, State.STATE_BOUND)
        assert told.blocked_by.booking == before
        await day.until("11:02")
        assert day.last(after).state == State.STATE_BOUND
        await charger.leaves(evse)
        await day.becomes(after, State.STATE_HELD)
        assert holds(charger) == [("BERT", evse)]
        assert await charger.arrives("BERT", evse)
        used = await day.becomes(after, State.STATE_IN_USE)
        assert not used.HasField("blocked_by")
