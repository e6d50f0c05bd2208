"""Looks for one kind of lie in the worlds that have a command of the right kind."""

from collections.abc import Iterator
from itertools import count, islice

from domain.model.specs import Kind
from tests.simulation.repeatable.chance import Chance
from tests.simulation.rules.lies import lies
from tests.simulation.station.field.tempers import field_temper_of
from tests.simulation.station.tempers import temper_of
from tests.simulation.world.plots import plot_of
from tests.simulation.world.stage import Stage
from tests.simulation.world.world import is_calm

ENOUGH = 150
FEW = 60


def found_within(stage: Stage, word: str, kind: Kind, worlds: int = ENOUGH) -> bool:
    """Whether a lie with this word is found in the first worlds that have such a command."""
    seeds = (seed for seed in count(1) if kind in _kinds_of(seed))
    return any(word in lie for seed in islice(seeds, worlds) for lie in lies(stage.play(seed)))


def found_in_the_field(
    stage: Stage,
    word: str,
    station: str,
    kind: Kind | None = None,
    *,
    odd: tuple[str, ...] = (),
    also: str = "",
) -> bool:
    """The same, in the first worlds whose station is of this kind, and in which it alone fails.

    odd: how the names of its odd fields begin, of which it has one at least. also: it is of this
    kind, too.
    """
    found = (
        lie
        for seed in islice(field_seeds(station, kind, odd, also), FEW)
        for lie in lies(stage.play(seed))
        if word in lie
    )
    return next(found, None) is not None


def field_seeds(
    station: str, kind: Kind | None = None, odd: tuple[str, ...] = (), also: str = ""
) -> Iterator[int]:
    """The seeds of worlds with a station of this kind. kind: and with such a command."""
    for seed in count(1):
        calm = is_calm(Chance(f"{seed}/world"))
        version = temper_of(Chance(f"{seed}/temper"), calm=calm).version
        field = field_temper_of(Chance(f"{seed}/field"), version, calm=calm)
        fits = {station, also or station} <= set(field.kinds) and (field.spared or calm)
        fits = fits and (not odd or any(name.startswith(odd) for name in field.odd_fields))
        if fits and (kind is None or kind in _kinds_of(seed)):
            yield seed


def _kinds_of(seed: int) -> tuple[Kind, ...]:
    return plot_of(Chance(f"{seed}/plot"), calm=is_calm(Chance(f"{seed}/world"))).kinds
