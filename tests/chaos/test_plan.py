"""A plan is computed from its seed, and is a plan that can be carried out."""

import pytest

from tests.chaos.plan import CALM_S, DECK, JUMPS_S, QUIET_S, REST_S, Break, plan

SEEDS = pytest.mark.parametrize("seed", range(5))


@SEEDS
def test_a_plan_is_the_same_for_the_same_seed(seed: int) -> None:
    assert plan(seed, 600) == plan(seed, 600)


def test_other_seeds_make_other_plans() -> None:
    assert len({plan(seed, 120) for seed in range(20)}) == 20


@SEEDS
def test_nothing_is_broken_before_the_quiet_time_is_over_nor_after_the_end(seed: int) -> None:
    assert all(QUIET_S <= fault.at_s < 120 for fault in plan(seed, 120))


@SEEDS
def test_a_part_has_a_rest_before_it_is_broken_again(seed: int) -> None:
    back: dict[str, float] = {}
    for fault in plan(seed, 1200):
        assert fault.at_s >= back.get(fault.target, 0)
        back[fault.target] = fault.at_s + fault.lasts_s + REST_S - 0.1


@SEEDS
def test_a_long_plan_breaks_everything_in_every_way(seed: int) -> None:
    broken = {(fault.how, fault.target) for fault in plan(seed, 3600)}
    ways = {(how, target) for how, target, _ in DECK}
    assert {how for how, _ in broken} == set(Break)
    assert ways <= {(how, target.replace("-1", "").replace("-2", "")) for how, target in broken}


@SEEDS
def test_clocks_jump_by_minutes_forward_and_back_and_nothing_else_jumps(seed: int) -> None:
    jumps = [fault.by_s for fault in plan(seed, 3600) if fault.how is Break.JUMP]
    assert all(JUMPS_S[0] <= abs(each) <= JUMPS_S[1] for each in jumps)
    assert min(jumps) < 0 < max(jumps)
    assert not any(fault.by_s for fault in plan(seed, 3600) if fault.how is not Break.JUMP)


def test_nothing_is_broken_between_two_rounds() -> None:
    last, first = plan(1, 3600)[len(DECK) - 1 : len(DECK) + 1]
    assert first.at_s - last.at_s >= CALM_S - 0.1
