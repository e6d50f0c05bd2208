"""The bytes of a socket: parsed in slices, held up while there is a reason, never lost."""

import asyncio
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from domain.token_bucket import TokenBucket
from station_gateway.sockets.intake import SLICE_BYTES, Hold, Intake


class Transport:
    """Remembers whether it is read."""

    def __init__(self) -> None:
        self.reading = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return False


class Taken:
    """An intake and what it has parsed."""

    def __init__(self, *, rate: float = 1e12, burst: int = 10**9, frame_cost: int = 0) -> None:
        self.transport = Transport()
        self.parts: list[bytes] = []
        self.frames_in_a_part = 0
        self.slowed = 0
        self.hold_after = 0
        self.intake = Intake(
            cast(Any, self.transport),
            TokenBucket(rate, burst, asyncio.get_running_loop().time()),
            self._take,
            self._slowed,
            frame_cost=frame_cost,
        )

    @property
    def data(self) -> bytes:
        return b"".join(self.parts)

    def _take(self, part: bytes) -> None:
        self.parts.append(part)
        for _ in range(self.frames_in_a_part):
            self.intake.count_frame()
        if len(self.parts) == self.hold_after:
            self.intake.hold(Hold.QUEUE)

    def _slowed(self) -> None:
        self.slowed += 1


async def turn() -> None:
    """Let what is called soon run."""
    await asyncio.sleep(0)


async def test_what_came_is_parsed_in_slices() -> None:
    taken = Taken()
    data = bytes(range(256)) * 20
    taken.intake.received(data)
    assert taken.data == data
    assert max(map(len, taken.parts)) == SLICE_BYTES


async def test_a_hold_in_the_middle_keeps_the_rest_until_it_is_released() -> None:
    taken = Taken()
    taken.hold_after = 2
    data = bytes(range(256)) * 20
    taken.intake.received(data)
    assert taken.data == data[: 2 * SLICE_BYTES]
    assert not taken.transport.reading
    taken.intake.release(Hold.QUEUE)
    await turn()
    assert taken.data == data
    assert taken.transport.reading


async def test_reading_goes_on_when_the_last_reason_is_gone() -> None:
    taken = Taken()
    taken.intake.hold(Hold.QUEUE)
    taken.intake.hold(Hold.WRITES)
    taken.intake.received(b"later")
    taken.intake.release(Hold.QUEUE)
    await turn()
    assert (taken.data, taken.transport.reading) == (b"", False)
    taken.intake.release(Hold.WRITES)
    await turn()
    assert (taken.data, taken.transport.reading) == (b"later", True)


async def test_frames_cost_more_than_their_bytes() -> None:
    taken = Taken(rate=1e-3, burst=10_000, frame_cost=1_000)
    taken.frames_in_a_part = 4
    taken.intake.received(b"x" * 10 * SLICE_BYTES)
    assert len(taken.parts) == 2
    assert not taken.transport.reading
    assert taken.slowed == 1
    taken.intake.finish()


async def test_the_rest_is_parsed_at_the_end_of_the_bytes_as_far_as_the_rate_allows() -> None:
    taken = Taken(rate=1e-3, burst=3 * SLICE_BYTES)
    taken.hold_after = 1
    taken.intake.received(b"x" * 10 * SLICE_BYTES)
    assert len(taken.parts) == 1
    taken.intake.finish()
    assert len(taken.parts) == 4


STEPS = st.lists(
    st.one_of(
        st.binary(max_size=4 * SLICE_BYTES),
        st.tuples(st.sampled_from(["hold", "release"]), st.sampled_from([Hold.QUEUE, Hold.WRITES])),
    ),
    max_size=20,
)


@given(STEPS, st.integers(0, 8))
def test_no_order_of_holds_loses_doubles_or_reorders_a_byte(
    steps: list[bytes | tuple[str, Hold]], hold_after: int
) -> None:
    async def play() -> None:
        taken = Taken()
        taken.hold_after = hold_after
        sent = b""
        for step in steps:
            if isinstance(step, bytes):
                sent += step
                taken.intake.received(step)
            elif step[0] == "hold":
                taken.intake.hold(step[1])
            else:
                taken.intake.release(step[1])
            await turn()
            assert sent.startswith(taken.data)
        for why in Hold:
            taken.intake.release(why)
        await turn()
        taken.intake.release(Hold.QUEUE)  # its last part may have held it again
        await turn()
        assert taken.data == sent
        assert taken.transport.reading

    asyncio.run(play())


async def test_what_a_message_costs_its_reader_holds_up_what_comes_behind_it() -> None:
    taken = Taken(rate=1_000.0, burst=1_000)
    taken.intake.received(b"x" * 500)
    taken.intake.charge(600)
    taken.intake.received(b"y" * 10)
    assert (taken.data, taken.transport.reading) == (b"x" * 500, False)
    async with asyncio.timeout(5):
        while not taken.transport.reading:
            await asyncio.sleep(0.01)
    assert taken.data == b"x" * 500 + b"y" * 10


async def test_what_is_charged_after_the_end_starts_nothing() -> None:
    taken = Taken(rate=1.0, burst=10)
    taken.intake.finish()
    taken.intake.charge(1_000)
    assert taken.intake._timer is None
