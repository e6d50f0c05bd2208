"""What the back end (CSMS) that a station stands behind is like: one seed, one temper."""

from dataclasses import dataclass

from tests.simulation.repeatable.chance import Chance

LONGEST_S = 30.0
"""The latest answer that it still gives."""


@dataclass(frozen=True)
class BackEndTemper:
    """By default it answers at once, and wants nothing itself.

    wishes: how many commands of its own it has for the station. follows: how often it asks for the
    start that a caller of ours asks for, too. is_patient: one CALL of its own is out at a time.
    late, silent: how often an answer takes up to half a minute, or never comes.
    refuses: tokens that it refuses. is_moody: how often it refuses any other one.
    drops_every_s: on average, 0 never. half_open: how often the gateway is not told of that.
    away_s: how long it can be away then. ids: "own", or "zero": it gives sessions none (1.6).
    knows_again: a start that is told again keeps its id (1.6). tells_groups: of tokens.
    """

    wishes: int = 0
    follows: float = 0.0
    is_patient: bool = True
    late: float = 0.0
    silent: float = 0.0
    refuses: tuple[str, ...] = ()
    is_moody: float = 0.0
    drops_every_s: float = 0.0
    half_open: float = 0.0
    away_s: float = 0.0
    ids: str = "own"
    knows_again: bool = True
    tells_groups: bool = True

    @property
    def is_reliable(self) -> bool:
        """Whether each report of the station gets an answer soon."""
        return not (self.late or self.silent or self.drops_every_s)


def back_end_temper_of(chance: Chance, *, calm: bool) -> BackEndTemper:
    """The temper of a seed. In a calm world it serves the station, and does nothing else."""
    if calm:
        return BackEndTemper()
    return BackEndTemper(
        wishes=chance.pick((0, 1, 2, 4, 8)),
        follows=chance.pick((0.0, 0.5, 1.0)),
        is_patient=chance.happens(0.5),
        late=chance.pick((0.0, 0.0, 0.1, 0.4)),
        silent=chance.pick((0.0, 0.0, 0.05, 0.2)),
        refuses=chance.pick(((), (), ("TAG-A",), ("TAG-B", "TAG-C"))),
        is_moody=chance.pick((0.0, 0.0, 0.1)),
        drops_every_s=chance.pick((0.0, 0.0, 40.0, 120.0)),
        half_open=chance.pick((0.0, 0.3)),
        away_s=chance.pick((0.0, 10.0, 40.0)),
        ids=chance.weighed(own=9, zero=1),
        knows_again=chance.happens(0.7),
        tells_groups=chance.happens(0.5),
    )
