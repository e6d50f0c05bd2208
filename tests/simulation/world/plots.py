"""What is asked for in a world, in which order and how quickly: one seed, one plot."""

from dataclasses import dataclass

from domain.model.specs import Kind
from tests.simulation.repeatable.chance import Chance

_SESSIONS = (Kind.START_SESSION, Kind.START_SESSION, Kind.STOP_SESSION)
_HOLDS = (Kind.RESERVE_NOW, Kind.RESERVE_NOW, Kind.CANCEL_RESERVATION, Kind.START_SESSION)
_SERVICE = (
    Kind.UNLOCK_CONNECTOR,
    Kind.UNLOCK_CONNECTOR,
    Kind.RESET,
    Kind.START_SESSION,
)
_ALL = tuple(Kind)


@dataclass(frozen=True)
class Plot:
    """kinds: of the commands, in order. pauses: how long after each, about, in seconds."""

    kinds: tuple[Kind, ...]
    pauses: tuple[float, ...] = (0.0, 1.0, 10.0, 60.0)


def plot_of(chance: Chance, *, calm: bool) -> Plot:
    """The plot of a seed: it begins with what the rest may be about."""
    theme = chance.weighed(sessions=4, holds=4, service=2, all=2)
    among = {"sessions": _SESSIONS, "holds": _HOLDS, "service": _SERVICE, "all": _ALL}[theme]
    first = {"sessions": Kind.START_SESSION, "holds": Kind.RESERVE_NOW}.get(theme)
    more = chance.pick((0, 1, 1, 2, 3)) if not calm else chance.pick((0, 1, 2))
    kinds = [first or chance.pick(among), *(chance.pick(among) for _ in range(more))]
    return Plot(tuple(kinds))
