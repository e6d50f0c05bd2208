"""Turns of planning: nobody waits for ever, and nobody computes beside those who have a turn."""

import asyncio
import threading
from dataclasses import dataclass

import pytest

from broker.bookings.turns import PlanningTurns, computed
from broker.errors import Reason, Refusal
from broker.settings import BrokerSettings

SETTINGS = BrokerSettings(plans_at_once=1, planning_patience_s=60.0, deadline_margin_s=0.25)


@dataclass
class Call:
    """A call with so many seconds left."""

    left_s: float | None = None

    def time_remaining(self) -> float | None:
        return self.left_s


async def refused(turns: PlanningTurns, call: Call) -> Refusal:
    with pytest.raises(Refusal) as caught:
        async with asyncio.timeout(10), turns.turn(call):
            pass
    return caught.value


async def test_who_gets_no_turn_is_told_before_the_deadline() -> None:
    turns = PlanningTurns(SETTINGS)
    async with turns.turn(Call()):
        error = await refused(turns, Call(0.26))
    assert error.reason is Reason.TOO_MANY_CALLS
    assert "Nothing was booked" in str(error)
    async with turns.turn(Call(0.3)):  # the place was given back
        pass


async def test_who_has_no_deadline_waits_no_longer_than_the_broker_says() -> None:
    turns = PlanningTurns(BrokerSettings(plans_at_once=1, planning_patience_s=0.01))
    async with turns.turn(Call()):
        for call in (Call(), Call(900.0)):
            assert (await refused(turns, call)).reason is Reason.TOO_MANY_CALLS


async def test_a_caller_who_goes_while_he_waits_leaves_his_place_in_the_line() -> None:
    turns, served = PlanningTurns(SETTINGS), []

    async def one(name: str) -> None:
        async with turns.turn(Call()):
            served.append(name)

    async with turns.turn(Call()):
        gone, stays = asyncio.create_task(one("gone")), asyncio.create_task(one("stays"))
        await asyncio.wait([gone], timeout=0)
        gone.cancel()
    await asyncio.wait_for(stays, 10)
    assert served == ["stays"]


async def test_a_turn_lasts_until_its_thread_is_done_though_the_caller_has_gone() -> None:
    turns, begun, go_on = PlanningTurns(SETTINGS), asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def compute() -> None:
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(10)

    async def search() -> None:
        async with turns.turn(Call()):
            await computed(compute)

    caller = asyncio.create_task(search())
    await asyncio.wait_for(begun.wait(), 10)
    caller.cancel()
    assert (await refused(turns, Call(0.26))).reason is Reason.TOO_MANY_CALLS
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(caller, 10)
    async with turns.turn(Call(1.0)):
        pass


async def test_what_was_computed_is_returned_or_raised() -> None:
    assert await computed(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await computed(lambda: 1 // 0)
