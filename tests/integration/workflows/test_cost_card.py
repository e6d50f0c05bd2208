"""The cost card: exact counts by the real server, the same on every machine."""

import pytest

from tests.support.benches.command_bench import Bench
from tests.support.histories import command_costs

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_start_with_effect_costs_at_most_21_events_and_10_transitions(
    real_bench: Bench,
) -> None:
    cost = await command_costs.start(real_bench)
    assert cost.events <= 21, cost.kinds
    assert cost.transitions <= 10, cost
    assert cost.kinds["MARKER_RECORDED"] == 2  # the route look-up and the fact read


async def test_stop_with_effect_costs_as_much_as_a_start(real_bench: Bench) -> None:
    cost = await command_costs.stop(real_bench)
    assert cost.events <= 21, cost
    assert cost.transitions <= 10, cost


async def test_a_single_phase_command_costs_at_most_15_events_and_7_transitions(
    real_bench: Bench,
) -> None:
    cost = await command_costs.refused_start(real_bench)
    assert cost.events <= 15, cost
    assert cost.transitions <= 7, cost


async def test_an_unlock_costs_at_most_15_events_and_7_transitions(real_bench: Bench) -> None:
    cost = await command_costs.unlock(real_bench)
    assert cost.events <= 15, cost
    assert cost.transitions <= 7, cost


async def test_an_unlock_that_stops_first_costs_at_most_26_events_and_14_transitions(
    real_bench: Bench,
) -> None:
    cost = await command_costs.unlock_stop_first(real_bench)
    assert cost.events <= 26, cost
    assert cost.transitions <= 14, cost


async def test_a_reset_to_its_boot_costs_at_most_26_events_and_14_transitions(
    real_bench: Bench,
) -> None:
    cost = await command_costs.reset(real_bench)
    assert cost.events <= 26, cost
    assert cost.transitions <= 14, cost


async def test_the_naive_shape_costs_11_events_and_6_transitions(real_bench: Bench) -> None:
    cost = await command_costs.naive(real_bench.client, f"naive-{real_bench.station}")
    assert (cost.events, cost.transitions) == (11, 6), cost


async def test_a_single_phase_command_costs_8_events_and_3_transitions_on_the_direct_line(
    direct_bench: Bench,
) -> None:
    for play in (command_costs.unlock, command_costs.refused_start):
        cost = await play(direct_bench)
        assert (cost.events, cost.transitions) == (8, 3), cost


async def test_a_start_and_a_stop_cost_14_events_and_6_transitions_on_the_direct_line(
    direct_bench: Bench,
) -> None:
    for play in (command_costs.start, command_costs.stop):
        cost = await play(direct_bench)
        assert cost.events <= 14, cost
        assert cost.transitions <= 6, cost


async def test_a_single_phase_command_costs_6_events_and_2_transitions_with_eager_start(
    direct_bench: Bench,
) -> None:
    direct_bench.eager = True
    for play in (command_costs.unlock, command_costs.refused_start):
        cost = await play(direct_bench)
        assert (cost.events, cost.transitions) == (6, 2), cost


async def test_a_start_and_a_stop_cost_12_events_and_5_transitions_with_eager_start(
    direct_bench: Bench,
) -> None:
    direct_bench.eager = True
    for play in (command_costs.start, command_costs.stop):
        cost = await play(direct_bench)
        assert cost.events <= 12, cost
        assert cost.transitions <= 5, cost
