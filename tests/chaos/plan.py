"""What is broken, when, and for how long: computed from a seed, so that a run can be repeated.

A plan deals its faults like cards: each round contains every fault of `DECK` once, in another
order. So a long run sees all of them equally often, and a short one sees no fault twice. Faults may
overlap; only a part that is broken is not broken a second time, nor for some seconds afterwards.
Between two rounds nothing is broken until all has been taken over.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

QUIET_S = 8.0
"""Nothing is broken at first: what is measured then is what the faults are compared with."""

CALM_S = 45.0
"""The pause between two rounds: what is asked for then has to be answered as in the quiet time."""

REST_S = 6.0
"""So long after it is back, a part is not broken again."""

_PAUSE_S = (3.0, 9.0)


class Break(StrEnum):
    """How something is broken.

    KILL: SIGKILL, and another process of its role after a while. STOP: SIGSTOP, then SIGCONT.
    DRAIN: SIGTERM, and another process as soon as it has ended. HANG: the network takes bytes and
    delivers none. CUT: the network drops every connection and takes none. RESTART: a server.
    JUMP: its wall clock is set wrong by minutes, and right again.
    """

    KILL = "kill"
    STOP = "stop"
    DRAIN = "drain"
    HANG = "hang"
    CUT = "cut"
    RESTART = "restart"
    JUMP = "jump"


@dataclass(frozen=True)
class Fault:
    """One thing that is broken.

    at_s: after the begin of the run. lasts_s: until it is mended. by_s: how far a clock jumps.
    """

    at_s: float
    how: Break
    target: str
    lasts_s: float
    by_s: float = 0.0


Card = tuple[Break, str, tuple[float, float]]

DECK: tuple[Card, ...] = (
    (Break.KILL, "gateway", (0.2, 3.0)),
    (Break.KILL, "worker", (0.2, 3.0)),
    (Break.KILL, "broker", (0.2, 3.0)),
    (Break.STOP, "gateway", (1.0, 10.0)),
    (Break.STOP, "worker", (1.0, 10.0)),
    (Break.STOP, "broker", (1.0, 6.0)),
    (Break.DRAIN, "gateway", (0.0, 0.0)),
    (Break.DRAIN, "worker", (0.0, 0.0)),
    (Break.DRAIN, "broker", (0.0, 0.0)),
    (Break.HANG, "stations>gateway", (1.0, 8.0)),
    (Break.CUT, "stations>gateway", (0.2, 4.0)),
    (Break.HANG, "gateway>database", (1.0, 6.0)),
    (Break.CUT, "gateway>database", (0.5, 4.0)),
    (Break.HANG, "worker>temporal", (1.0, 8.0)),
    (Break.CUT, "worker>temporal", (0.5, 4.0)),
    (Break.HANG, "gateway>temporal", (1.0, 8.0)),
    (Break.CUT, "gateway>temporal", (0.5, 4.0)),
    (Break.JUMP, "gateway", (3.0, 12.0)),
    (Break.JUMP, "worker", (3.0, 12.0)),
    (Break.JUMP, "broker", (3.0, 12.0)),
    (Break.RESTART, "database", (0.0, 0.0)),
    (Break.RESTART, "temporal", (0.0, 0.0)),
)
"""How each part may be broken, and for how many seconds."""

JUMPS_S = (60.0, 1200.0)
"""How far a clock jumps, forward or back: the shortest and the longest way."""

BOTH = (1, 2)
"""Of each role there are two processes; a target of the deck is one of them."""

_SERVERS = frozenset({"database", "temporal"})


def plan(seed: int, seconds: float) -> tuple[Fault, ...]:
    """The faults of a run that breaks things for so many seconds. Equal for equal arguments."""
    dice = random.Random(f"chaos/{seed}")
    faults: list[Fault] = []
    rested_s: dict[str, float] = {}
    at_s = QUIET_S
    for pause_s, (how, part, (shortest, longest)) in _dealt(dice):
        at_s += pause_s
        if at_s >= seconds:
            break
        target = _one_of(dice, part)
        lasts_s = round(dice.uniform(shortest, longest), 1)
        broken = _parts(target)
        begins_s = round(max(at_s, *(rested_s.get(one, 0.0) for one in broken)), 1)
        if begins_s < seconds:
            by_s = _jump_s(dice) if how is Break.JUMP else 0.0
            faults.append(Fault(begins_s, how, target, lasts_s, by_s))
            rested_s |= dict.fromkeys(broken, begins_s + lasts_s + REST_S)
    return tuple(sorted(faults, key=lambda one: one.at_s))


def _dealt(dice: random.Random) -> Iterator[tuple[float, Card]]:
    """Each card, and the seconds since the one before."""
    pause_s = 0.0
    while True:
        for card in dice.sample(DECK, len(DECK)):
            yield pause_s, card
            pause_s = dice.uniform(*_PAUSE_S)
        pause_s = CALM_S


def _jump_s(dice: random.Random) -> float:
    return round(dice.choice((-1, 1)) * dice.uniform(*JUMPS_S), 1)


def _one_of(dice: random.Random, part: str) -> str:
    """The numbered name of one of the two: "worker>temporal" becomes "worker-2>temporal"."""
    if part in _SERVERS:
        return part
    number = dice.choice(BOTH)
    role = "gateway" if "gateway" in part else part.partition(">")[0]
    return part.replace(role, f"{role}-{number}")


def _parts(target: str) -> set[str]:
    """The process that is broken, or whose network is; or the server."""
    parts = set(target.split(">"))
    return parts if parts <= _SERVERS else parts - _SERVERS - {"stations"}
