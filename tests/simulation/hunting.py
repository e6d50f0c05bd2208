"""Looks for one kind of lie in the worlds that have a command of the right kind."""

from itertools import count, islice

from domain.model.specs import Kind
from tests.simulation.repeatable.chance import Chance
from tests.simulation.rules.lies import lies
from tests.simulation.world.plots import plot_of
from tests.simulation.world.stage import Stage
from tests.simulation.world.world import is_calm

ENOUGH = 150


def found_within(stage: Stage, word: str, kind: Kind, worlds: int = ENOUGH) -> bool:
    """Whether a lie with this word is found in the first worlds that have such a command."""
    seeds = (seed for seed in count(1) if kind in _kinds_of(seed))
    return any(word in lie for seed in islice(seeds, worlds) for lie in lies(stage.play(seed)))


def _kinds_of(seed: int) -> tuple[Kind, ...]:
    return plot_of(Chance(f"{seed}/plot"), calm=is_calm(Chance(f"{seed}/world"))).kinds
