"""CALLs of the back end and of ours at one station: one at a time, and each once."""

import asyncio
import json
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station_gateway.relay.their_calls import LEAST_TURN, WAITING_CHARS, WAITING_LIMIT, TheirCalls
from station_gateway.session.frames import MessageId
from station_gateway.session.pairing import Pairing, Side, head_of
from station_gateway.session.queue import Priority
from station_gateway.stations.waiting import StationQueue
from tests.support.stations.scripted_station import eventually

LONG_S, SHORT_S = 60.0, 0.1


class Wire:
    """A station, and both sides that send it CALLs."""

    def __init__(self, hold_s: float = 2 * LONG_S) -> None:
        self.our_turn = ""
        self.is_silent = False
        self.times: list[float] = []
        self.given_up = 0
        self.dropped: list[str] = []
        self.queue = StationQueue(limit=64, progress_delay_s=LONG_S)
        self.pairing = Pairing()
        self.out: list[tuple[Side, MessageId, str]] = []
        self.written: Counter[tuple[Side, str]] = Counter()
        self.begun: Counter[tuple[Side, str]] = Counter()
        self.answered: list[MessageId] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.theirs = TheirCalls(
            self.queue,
            self._write_theirs,
            self._spawn,
            give_up_ours=self._give_up,
            hold_s=hold_s,
            turn_s=LONG_S,
            dropped=self.dropped.append,
        )

    def _give_up(self) -> None:
        """Ours that is out counts as unanswered."""
        self.given_up += 1
        if self.out and self.out[0][0] is Side.OURS:
            self.answer()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.add(asyncio.get_running_loop().create_task(work))

    def _write_theirs(self, frame: str) -> MessageId | None:
        return self._write(Side.BACK_END, frame)

    def _write(self, side: Side, frame: str) -> MessageId | None:
        on_wire = head_of(self.pairing.call(side, frame)).message_id
        assert on_wire is not None
        self.written[side, frame] += 1
        self.out.append((side, on_wire, frame))
        self.times.append(asyncio.get_running_loop().time())
        assert len(self.out) == 1 or self.is_silent, "two CALLs are out at once"
        return on_wire

    async def our_call(self, frame: str, priority: Priority) -> None:
        """A command of ours, until it is written; `answer` ends its turn."""
        key = f"ours {sum(self.begun.values())}"
        self.begun[Side.OURS, frame] += 1
        await self.queue.wait_turn(key, priority, asyncio.get_running_loop().time() + LONG_S)
        self.our_turn = key
        self._write(Side.OURS, frame)

    async def call(self, side: Side, message_id: str, priority: Priority) -> None:
        frame = f'[2,"{message_id}","Reset",{{}}]'
        if side is Side.OURS:
            self._spawn(self.our_call(frame, priority))
        else:
            self.begun[side, frame] += 1
            await self.theirs.add(frame)

    def answer(self) -> None:
        """The station answers what is out; the answer goes to its asker."""
        if not self.out:
            return
        side, on_wire, frame = self.out.pop()
        self.answered.append(on_wire)
        paired = self.pairing.answer(f'[3,"{on_wire}",{{}}]')
        assert (paired.side, head_of(paired.frame)) == (side, head_of(frame.replace("2", "3", 1)))
        if side is Side.OURS:
            self.queue.leave(self.our_turn)
        else:
            self.theirs.answered(on_wire)

    def places(self) -> list[str]:
        """Everyone in the queue, in the order of service."""
        return list(self.queue._queue.keys())

    def answer_again(self) -> None:
        """A second answer ends no other turn."""
        if self.answered and self.answered[-1] not in [on_wire for _, on_wire, _ in self.out]:
            self.theirs.answered(self.answered[-1])


async def breathe() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("chars", "limit"), [(WAITING_CHARS // 2, 2), (1, WAITING_LIMIT)], ids=["long", "many"]
)
async def test_the_back_end_is_not_read_while_too_much_waits(chars: int, limit: int) -> None:
    wire = Wire()
    adding = [
        asyncio.create_task(wire.theirs.add(f'[2,"{number}","Reset",{{"x":"{"x" * chars}"}}]'))
        for number in range(limit + 1)
    ]
    await breathe()
    assert [task.done() for task in adding] == [True] * limit + [False]  # the first one is out
    wire.answer()
    await asyncio.wait_for(adding[-1], LONG_S)
    for _ in range(limit):
        await breathe()
        wire.answer()
    await asyncio.wait_for(asyncio.gather(*wire.tasks), LONG_S)
    wire.theirs.end()


async def test_a_silent_station_holds_up_no_call_of_the_back_end_for_longer_than_the_hold() -> None:
    hold_s = 4 * SHORT_S
    wire = Wire(hold_s)
    wire.is_silent = True
    for name in ("first", "second", "third"):
        await wire.call(Side.BACK_END, name, Priority.NORMAL)
    await eventually(lambda: len(wire.out) == 3)
    first_s, second_s, third_s = wire.times
    assert hold_s <= second_s - first_s < LONG_S
    assert LEAST_TURN * hold_s <= third_s - second_s < hold_s
    await asyncio.wait_for(asyncio.gather(*wire.tasks), LONG_S)
    wire.theirs.end()


async def test_after_half_of_the_hold_a_call_of_the_back_end_is_before_all_that_wait() -> None:
    wire = Wire(hold_s=2 * SHORT_S)
    await wire.call(Side.OURS, "out", Priority.NORMAL)
    await breathe()
    await wire.call(Side.BACK_END, "theirs", Priority.NORMAL)
    await wire.call(Side.OURS, "urgent", Priority.URGENT)
    await eventually(lambda: wire.places()[1:2] == ["back end 3"])
    wire.answer()
    await breathe()
    assert [side for side, _, _ in wire.out] == [Side.BACK_END]
    wire.answer()
    await asyncio.wait_for(asyncio.gather(*wire.tasks), LONG_S)
    wire.theirs.end()


async def test_at_the_end_of_the_hold_a_call_of_ours_that_is_out_is_given_up() -> None:
    wire = Wire(hold_s=SHORT_S)
    await wire.call(Side.OURS, "silent", Priority.URGENT)
    await breathe()
    await wire.call(Side.BACK_END, "theirs", Priority.NORMAL)
    await eventually(lambda: [side for side, _, _ in wire.out] == [Side.BACK_END])
    wire.theirs.end()


STEPS = st.one_of(
    st.tuples(
        st.sampled_from(Side),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from([Priority.URGENT, Priority.NORMAL]),
    ),
    st.sampled_from(["answer", "again"]),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(STEPS, max_size=25))
def test_one_call_is_out_at_a_time_and_each_goes_out_once(steps: list[Any]) -> None:
    async def play() -> None:
        wire = Wire()
        for step in steps:
            if step == "answer":
                wire.answer()
            elif step == "again":
                wire.answer_again()
            else:
                await wire.call(*step)
            await breathe()
        for _ in range(2 * len(steps) + 1):
            wire.answer()
            await breathe()
        wire.theirs.end()
        for task in wire.tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        assert wire.written == wire.begun

    asyncio.run(play())


async def test_what_waits_is_dropped_when_its_back_end_is_lost() -> None:
    wire = Wire()
    for number in range(WAITING_LIMIT):
        await wire.call(Side.BACK_END, f"lost-{number}", Priority.NORMAL)
    adding = asyncio.create_task(wire.call(Side.BACK_END, "lost-last", Priority.NORMAL))
    await asyncio.sleep(0)
    assert not adding.done()
    assert wire.theirs.drop_waiting() == WAITING_LIMIT
    assert [json.loads(frame)[1] for frame in wire.dropped[-2:]] == ["lost-31", "lost-last"]
    async with asyncio.timeout(5):
        await adding
    await wire.call(Side.BACK_END, "new", Priority.NORMAL)
    for _ in range(20):
        wire.answer()
        await asyncio.sleep(0)
    assert wire.answered == ["lost-0", "new"]
    for task in wire.tasks:
        task.cancel()
