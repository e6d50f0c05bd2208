"""The cost card of reservations: exact counts by the real server, the same on every machine."""

from collections.abc import Awaitable, Callable

import pytest

from tests.support.benches.command_bench import Bench
from tests.support.histories.costs import Cost
from tests.support.histories.hold_costs import HOLD_CARD

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("story", "events", "transitions"),
    [row[1:] for row in HOLD_CARD],
    ids=[row[0] for row in HOLD_CARD],
)
async def test_a_reservation_costs_no_more_than_its_card_says(
    real_bench: Bench,
    story: Callable[[Bench], Awaitable[Cost]],
    events: int,
    transitions: int,
) -> None:
    cost = await story(real_bench)
    assert cost.events <= events, cost.kinds
    assert cost.transitions <= transitions, cost.kinds
