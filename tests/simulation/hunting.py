"""Looks for one kind of lie in the worlds that have a command of the right kind.

seen_in: a world in which this lie has been found. It is played first, if it is one of the worlds,
because a hunt ends at the first find. If the lie is not found there, all others are played.
"""

from collections.abc import Iterable, Iterator
from itertools import count, islice

from domain.model.specs import Kind
from tests.simulation.repeatable.chance import Chance
from tests.simulation.rules.lies import lies
from tests.simulation.station.field.tempers import field_temper_of
from tests.simulation.station.tempers import temper_of
from tests.simulation.world.plots import plot_of
from tests.simulation.world.stage import Stage
from tests.simulation.world.world import has_lines, is_calm, strays_of

ENOUGH = 150
FEW = 60


def found_within(
    stage: Stage, word: str, kind: Kind, worlds: int = ENOUGH, *, seen_in: int = 0
) -> bool:
    """Whether a lie with this word is found in the first worlds that have such a command."""
    seeds = (seed for seed in count(1) if kind in _kinds_of(seed))
    return _found(stage, word, islice(seeds, worlds), seen_in)


def absent(stage: Stage, word: str, kind: Kind, *, seen_in: int) -> bool:
    """Whether no lie with this word is in the first few worlds that have such a command.

    seen_in: a world with this lie where nothing prevents it. It is played, too.
    """
    seeds = (seed for seed in count(1) if kind in _kinds_of(seed))
    return not _found(stage, word, {seen_in, *islice(seeds, FEW)}, 0)


def found_in_the_field(
    stage: Stage,
    word: str,
    station: str,
    kind: Kind | None = None,
    *,
    odd: tuple[str, ...] = (),
    also: str = "",
    seen_in: int = 0,
) -> bool:
    """The same, in the first worlds whose station is of this kind, and in which it alone fails.

    odd: how the names of its odd fields begin, of which it has one at least. also: it is of this
    kind, too.
    """
    return _found(stage, word, islice(field_seeds(station, kind, odd, also), FEW), seen_in)


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


def found_on_stray_lines(stage: Stage, word: str, worlds: int, *, seen_in: int) -> bool:
    """The same, in the first worlds in which messages stray on direct lines."""
    return _found(stage, word, stray_seeds(worlds), seen_in)


def stray_seeds(worlds: int) -> list[int]:
    """The seeds of the first worlds in which messages stray on direct lines."""
    return list(islice((seed for seed in count(1) if _strays(seed)), worlds))


def _strays(seed: int) -> bool:
    calm = is_calm(Chance(f"{seed}/world"))
    version = temper_of(Chance(f"{seed}/temper"), calm=calm).version
    spared = calm or field_temper_of(Chance(f"{seed}/field"), version, calm=calm).spared
    there = has_lines(Chance(f"{seed}/line")) and strays_of(Chance(f"{seed}/strays")) > 0
    return there and not spared


def found_behind(
    stage: Stage, word: str, kind: Kind | None = None, worlds: int = 300, *, seen_in: int = 0
) -> bool:
    """The same, in the first worlds whose station stands behind another back end."""
    seeds = (seed for seed in count(1) if kind is None or kind in _kinds_of(seed))
    return _found(stage, word, islice(seeds, worlds), seen_in, behind=True)


def _found(
    stage: Stage, word: str, seeds: Iterable[int], seen_in: int, *, behind: bool = False
) -> bool:
    in_order = _first_there(seeds, seen_in)
    return any(word in lie for seed in in_order for lie in lies(stage.play(seed, behind=behind)))


def _first_there(seeds: Iterable[int], seen_in: int) -> Iterator[int]:
    """The seeds with `seen_in` first if it is one of them. Looks for no more than are asked for."""
    left, before = iter(seeds), list[int]()
    for seed in left if seen_in else ():
        if seed == seen_in:
            yield seed
            break
        before.append(seed)
    yield from before
    yield from left


def _kinds_of(seed: int) -> tuple[Kind, ...]:
    return plot_of(Chance(f"{seed}/plot"), calm=is_calm(Chance(f"{seed}/world"))).kinds
