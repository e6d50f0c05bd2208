"""How long a call waits for its command, and for what."""

import asyncio
from typing import Any

import pytest

from broker.reading.waiting import (
    Patience,
    either,
    is_satisfied,
    patience_for,
    wait_for_command,
)
from broker.settings import BrokerSettings
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Code, Command, Outcome, State, WaitFor
from tests.unit.broker.things import command


def answered(**changes: object) -> Command:
    return command(station_answer=StationAnswer(Verdict.ACCEPTED, "Accepted"), **changes)


UNKNOWN = Outcome(Code.UNKNOWN, "CONNECTION_LOST_AFTER_SEND", "")
REJECTED = Outcome(Code.REJECTED, "STATION_REJECTED", "")


@pytest.mark.parametrize(
    ("known", "satisfied"),
    [
        (command(), {WaitFor.SUBMITTED}),
        (command(state=State.SENT), {WaitFor.SUBMITTED}),
        (answered(state=State.AWAITING_EFFECT), {WaitFor.SUBMITTED, WaitFor.STATION_ANSWER}),
        (
            command(state=State.AWAITING_EFFECT, outcome=UNKNOWN),
            {WaitFor.SUBMITTED, WaitFor.STATION_ANSWER},
        ),
        (command(state=State.DONE, outcome=UNKNOWN), set(WaitFor)),
        (answered(state=State.COMPENSATING, outcome=REJECTED), set(WaitFor)),
    ],
)
def test_a_wait_ends_when_the_command_is_as_far_as_wanted(
    known: Command, satisfied: set[WaitFor]
) -> None:
    assert {wait for wait in WaitFor if is_satisfied(known, wait)} == satisfied


class Call:
    """As much of a gRPC context as a wait looks at."""

    def __init__(self, remaining_s: float | None) -> None:
        self._remaining_s = remaining_s

    def time_remaining(self) -> float | None:
        return self._remaining_s


@pytest.mark.parametrize(
    ("own_s", "patience_s"), [(None, 600.0), (10.0, 9.75), (0.1, 0.0), (10_000.0, 600.0)]
)
async def test_a_call_returns_before_its_own_deadline(
    own_s: float | None, patience_s: float
) -> None:
    call: Any = Call(own_s)
    patience = patience_for(call, BrokerSettings(), asyncio.Event())
    assert patience.remaining_s == pytest.approx(patience_s, abs=0.05)


async def test_patience_ends_with_the_drain() -> None:
    draining = asyncio.Event()
    patience = Patience(asyncio.get_running_loop().time() + 60, draining)
    assert patience.remaining_s > 50
    draining.set()
    assert patience.remaining_s == 0


async def test_a_waiting_call_returns_with_the_change_it_waited_for() -> None:
    changed, states = asyncio.Event(), [command(), answered()]

    async def read() -> Command:
        changed.set()
        return states.pop(0)

    patience = Patience(asyncio.get_running_loop().time() + 5, asyncio.Event())
    found = await wait_for_command(changed, read, WaitFor.STATION_ANSWER, patience)
    assert found is not None
    assert found.station_answer is not None


async def test_a_waiting_call_returns_the_command_as_it_is_when_the_broker_drains() -> None:
    draining = asyncio.Event()

    async def read() -> Command:
        asyncio.get_running_loop().call_soon(draining.set)
        return command()

    patience = Patience(asyncio.get_running_loop().time() + 5, draining)
    found = await wait_for_command(asyncio.Event(), read, WaitFor.OUTCOME, patience)
    assert found == command()


@pytest.mark.parametrize("turns", range(8))
async def test_a_cancelled_wait_never_goes_on(turns: int) -> None:
    # A watch whose cancel was swallowed here ran on for its client that had gone.
    one, other = asyncio.Event(), asyncio.Event()

    async def endless() -> None:
        while True:
            await either(one, other, 10)
            one.clear()

    waiting = asyncio.create_task(endless())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    one.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    assert waiting.cancel()
    await asyncio.wait([waiting], timeout=1)
    assert waiting.cancelled()
