"""A day of each market, in fast-forward (`market.py`)."""

from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from fleet.database import Database
from tests.integration.workflows.days.charger import MarketCharger
from tests.integration.workflows.days.market import Market, State, WaitState, example, open_market

pytestmark = pytest.mark.asyncio(loop_scope="session")

NO_SHOW, FULFILLED, DISPLACED = (
    State.STATE_NO_SHOW,
    State.STATE_FULFILLED,
    State.STATE_DISPLACED,
)
KEPT = ["CONFIRMED", "BOUND", "HELD", "IN_USE"]
CALM, QUARTER = timedelta(minutes=5), timedelta(minutes=15)


async def charged_once(day: Market, who: str, name: str) -> None:
    """He leaves, and had one session, where his booking was."""
    charger, evse = day.place(name)
    await charger.leaves(evse)
    await day.becomes(name, FULFILLED)
    assert [one.evse_id for one in charger.stays() if one.token == who] == [evse]


def free_places(day: Market) -> list[tuple[MarketCharger, int]]:
    """The EVSEs at which nobody charges, and which nobody holds."""
    return [
        (charger, number)
        for charger in day.chargers.values()
        for number, evse in charger.charger.evses.items()
        if evse.free and number not in {each.evse_id for each in charger.reservations}
    ]


def once_each(day: Market, names: list[str]) -> None:
    """Nothing happened twice: a hold for each booking, which its station took once; one end."""
    asked = [one for each in day.chargers.values() for one in each.asked("ReserveNow")]
    numbers = [one.payload.get("reservationId", one.payload.get("id")) for one in asked]
    taken = [one for one in asked if one.status == "Accepted"]
    assert len(set(numbers)) == len(numbers)
    assert len(taken) == len(names)
    for name in names:
        ends = [each for each in day.told[name] if each.HasField("end_of_life_time")]
        assert len({each.state for each in ends}) <= 1, day.states(name)


async def holds_them(day: Market, names: dict[str, str]) -> None:
    """Each booking is held at the EVSE that its holder was told, for its driver, and once."""
    for who, name in names.items():
        charger, evse = day.place(name)
        held = [each.token.value for each in charger.reservations if each.evse_id == evse]
        assert held == [who], name
    assert sum(len(each.reservations) for each in day.chargers.values()) == len(names)


async def test_a_day_of_the_workplace(environment: WorkflowEnvironment, database: Database) -> None:
    async with open_market(
        environment, database, example("workplace"), {"1.6": 2, "2.0.1": 2}
    ) as day:
        await day.clock.skip_to(day.at("18:00", days=-1))
        names = {who: await day.books(who, "07:00", "12:30") for who in ("A", "B", "C", "D")}
        assert await day.refused("E", "07:00", "12:30") == "POOL_FULL"
        assert await day.refused("E", "08:00", "10:00") == "BOOKING_RULE"
        emil, fay = [await day.waits(who, "07:00", "12:30") for who in ("EMIL", "FAY")]
        assert (await day.entry(emil)).state == WaitState.STATE_WAITING
        await day.clock.skip_to(day.at("06:25"))
        assert {tuple(day.states(name)) for name in names.values()} == {("CONFIRMED",)}

        # Chosen half an hour before, held a quarter of an hour before.
        await day.until("06:40")
        assert {day.states(name)[-1] for name in names.values()} == {"BOUND"}
        assert not any(each.reservations for each in day.chargers.values())
        await day.until("06:50")
        await holds_them(day, names)

        # A comes in time, B late, D in time; C never comes.
        await day.until("07:02")
        for who in ("A", "D"):
            charger, evse = day.place(names[who])
            assert not await charger.arrives("WALK-IN", evse)
            assert await charger.arrives(who, evse)
            await day.becomes(names[who], State.STATE_IN_USE)
        await day.until("07:25", step=CALM)
        charger, evse = day.place(names["B"])
        assert await charger.arrives("B", evse)
        await day.until("07:31")
        missed = await day.becomes(names["C"], NO_SHOW)
        assert [(each.rule, each.quantity) for each in missed.charges] == [("no-show-costs", 2)]
        assert not any(each.reservations for each in day.chargers.values())

        fays = await a_place_is_offered(day, emil, fay)
        await the_rest_is_offered(day, names["D"], emil)
        for who, name in {"A": names["A"], "B": names["B"], "FAY": fays}.items():
            await charged_once(day, who, name)
        once_each(day, [*names.values(), fays])
        assert day.states(names["A"]) == [*KEPT, "FULFILLED"]
        assert day.states(names["C"]) == [*KEPT[:-1], "NO_SHOW"]


async def a_place_is_offered(day: Market, emil: str, fay: str) -> str:
    """Not now, says Emil; Fay takes it. Returns her booking."""
    assert (await day.entry(emil)).state == WaitState.STATE_OFFERED
    await day.snoozes(emil)
    assert (await day.entry(fay)).state == WaitState.STATE_OFFERED
    fays = await day.accepts(fay)
    await day.becomes(fays, State.STATE_HELD)
    await holds_them(day, {"FAY": fays})
    charger, evse = day.place(fays)
    assert await charger.arrives("FAY", evse)
    return fays


async def the_rest_is_offered(day: Market, name: str, emil: str) -> None:
    """One leaves early, which frees the rest: Emil is asked again, and does not answer."""
    await day.until("08:00", step=CALM)
    charger, evse = day.place(name)
    await charger.leaves(evse)
    left = await day.becomes(name, FULFILLED)
    assert (left.cause, list(left.charges)) == ("LEFT_EARLY", [])
    await day.until("08:08")
    asked_again = await day.entry(emil)
    assert asked_again.state == WaitState.STATE_OFFERED
    await day.until("08:25", step=CALM)
    assert (await day.entry(emil)).state == WaitState.STATE_LAPSED
    expired = await day.becomes(asked_again.booking, State.STATE_EXPIRED)
    assert (expired.cause, list(expired.charges)) == ("NOT_CONFIRMED_IN_TIME", [])


async def test_a_day_of_the_shared_hub(
    environment: WorkflowEnvironment, database: Database
) -> None:
    evses = {"1.6": 3, "2.0.1": 2}
    async with open_market(
        environment, database, example("shared-hub"), evses, walk_in_reserve=1
    ) as day:
        await day.clock.skip_to(day.at("08:00"))
        firsts = {token: await day.books(token, "12:00", "13:00", "A") for token in ("A-1", "A-2")}
        assert await day.refused("A-3", "12:00", "13:00", "A") == "BOOKING_RULE"
        for token in ("B-1", "C-1"):
            firsts[token] = await day.books(token, "12:00", "13:00", token[0])
        await day.clock.skip_to(day.at("11:39"))
        await day.until("11:52")
        await holds_them(day, firsts)
        free = free_places(day)
        assert len(free) == 1
        walker, walked = free[0]
        assert await walker.arrives("WALK-IN", walked)  # the place that is left to walk-ins
        await day.until("12:01")
        for token, name in firsts.items():
            charger, evse = day.place(name)
            assert await charger.arrives(token, evse)
            await day.becomes(name, State.STATE_IN_USE)

        # Three leave early; A-1 stays, is told at once and stopped after a quarter of an hour.
        await day.until("12:15", step=CALM)
        await walker.leaves(walked)
        for token in ("A-2", "B-1", "C-1"):
            charger, evse = day.place(firsts[token])
            await charger.leaves(evse)
        charger, evse = day.place(firsts["A-1"])
        await day.until("12:58", step=CALM)
        late = await day.becomes(firsts["A-1"], State.STATE_OVERSTAYED)
        assert day.at("13:00") <= day.clock.now() <= day.at("13:03"), late
        await day.until("13:13", step=CALM)
        assert charger.active_sessions
        await day.until("13:18")
        stays = [one for one in charger.stays() if one.token == "A-1"]
        assert [one.ended is not None for one in stays] == [True]
        assert day.at("13:15") <= (stays[0].ended or day.day) <= day.at("13:17")
        charger.unplug(evse)
        over = await day.becomes(firsts["A-1"], FULFILLED)
        assert over.cause == "OVERSTAYED"
        assert {day.last(name).state for name in firsts.values()} == {FULFILLED}
        seconds = await two_evses_fail(day)
        once_each(day, [*firsts.values(), *seconds])


async def two_evses_fail(day: Market) -> list[str]:
    """Three EVSEs are left for four bookings, and one of them is told so at its start.

    Nobody comes for another one: who lost the place is asked first, and has it. Returns the
    bookings that had an EVSE.
    """
    tokens = ("A-1", "A-2", "B-1", "C-1")
    names = {token: await day.books(token, "15:00", "16:00", token[0]) for token in tokens}
    rival = await day.waits("B-9", "15:00", "16:00", "B")
    for number in (1, 2):
        day.chargers["CP-16"].fault(number)
    await day.until("14:35", step=QUARTER)
    await day.until("15:02")
    gone = next(token for token, name in names.items() if day.last(name).state == DISPLACED)
    lost = day.last(names.pop(gone))
    assert (lost.cause, len(lost.alternatives)) == ("NO_PLACE_LEFT", 3)
    assert lost.waitlist_entry
    await holds_them(day, names)

    missing, *coming = names
    for token in coming:
        charger, evse = day.place(names[token])
        assert await charger.arrives(token, evse)
    await day.until("15:11")
    await day.becomes(names[missing], NO_SHOW)
    assert (await day.entry(lost.waitlist_entry)).state == WaitState.STATE_OFFERED
    assert (await day.entry(rival)).state == WaitState.STATE_WAITING
    again = await day.accepts(lost.waitlist_entry)
    await day.becomes(again, State.STATE_HELD)
    charger, evse = day.place(again)
    assert await charger.arrives(gone, evse)
    await day.becomes(again, State.STATE_IN_USE)
    return [*names.values(), again]


async def test_a_day_of_spare_capacity(
    environment: WorkflowEnvironment, database: Database
) -> None:
    evses = {"1.6": 2, "2.0.1": 1}
    async with open_market(environment, database, example("spare-capacity"), evses) as day:
        await day.clock.skip_to(day.at("12:00", days=-1))
        assert await day.refused("G-1", "11:00", "13:00", "guest") == "BOOKING_RULE"
        first = await day.books("G-1", "20:00", "21:00", "guest")
        second = await day.books("G-2", "20:00", "21:00", "guest")
        assert await day.refused("G-3", "20:00", "21:00", "guest") == "BOOKING_RULE"
        third = await day.waits("G-3", "20:00", "21:00", "guest")  # the share is given to all later
        await day.clock.skip_to(day.at("17:59"))
        assert (await day.entry(third)).state == WaitState.STATE_WAITING
        van = await day.books("VAN", "20:00", "21:00", "fleet")
        await day.until("18:01")
        assert (await day.entry(third)).state == WaitState.STATE_WAITING  # the fleet has it

        again = await a_charger_is_closed(day, second, third)

        # Too late to cancel; G-2 comes early to a place that is held, the van to the wrong one.
        await day.clock.skip_to(day.at("19:05"))
        assert await day.cancel_refused(first) == "BOOKING_RULE"
        await day.until("19:52")
        await holds_them(day, {"G-1": first, "G-2": again, "VAN": van})
        charger, evse = day.place(again)
        assert await charger.arrives("G-2", evse)
        await day.becomes(again, State.STATE_IN_USE)
        charger, evse = day.place(first)
        assert not await charger.arrives("VAN", evse)
        await day.until("20:01")
        for token, name in {"G-1": first, "VAN": van}.items():
            charger, evse = day.place(name)
            assert await charger.arrives(token, evse)
            await day.becomes(name, State.STATE_IN_USE)

        # The van stays for longer than was booked: here that is told, and no more.
        await day.until("20:58", step=CALM)
        for name in (first, again):
            charger, evse = day.place(name)
            await charger.leaves(evse)
        await day.becomes(van, State.STATE_OVERSTAYED)
        await day.until("21:10", step=CALM)
        charger, evse = day.place(van)
        await charger.leaves(evse)
        assert (await day.becomes(van, FULFILLED)).cause == "OVERSTAYED"
        assert (await day.entry(third)).state == WaitState.STATE_LAPSED
        stops = ("RemoteStopTransaction", "RequestStopTransaction")
        assert not any(each.asked(stop) for each in day.chargers.values() for stop in stops)
        once_each(day, [first, again, van])


async def a_charger_is_closed(day: Market, second: str, third: str) -> str:
    """The guest who booked last gives way, and not the van; and is the first one to come back."""
    await day.clock.skip_to(day.at("18:50"))
    gone = await day.closes(1, "20:00", "21:00", validate_only=True)
    assert gone == [second]
    assert day.last(second).state == State.STATE_CONFIRMED
    assert await day.closes(1, "20:00", "21:00") == [second]
    lost = await day.becomes(second, DISPLACED)
    assert (lost.cause, len(lost.alternatives)) == ("POOL_CLOSED", 3)
    assert await day.closes(0, "20:00", "21:00") == []
    assert (await day.entry(third)).state == WaitState.STATE_WAITING
    assert (await day.entry(lost.waitlist_entry)).state == WaitState.STATE_OFFERED
    return await day.accepts(lost.waitlist_entry)
