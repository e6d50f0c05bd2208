"""What the kinds of command differ in, as one table.

A command kind is defined by five answers. How long may it wait before it is pointless to send it
(a car must not start charging hours after its driver gave up; a reset may wait for the station)?
What happens when the station is offline? Who goes first in a station's queue (what ends energy
flow or frees a driver's cable goes before what begins something)? May the frame be written twice
(only where the second one finds nothing left to do)? And is the station's answer the end of it, or
does the effect come later and has to be watched for?
"""

from dataclasses import dataclass
from datetime import timedelta

from domain.model.specs import Kind, OfflinePolicy


@dataclass(frozen=True)
class KindRules:
    """The rules of one kind.

    not_after: how long after its creation a command of this kind is still sent, by default.
    priority: smaller goes first in a station's queue.
    repeatable: a frame that was perhaps sent may be written again (invariant I2).
    awaits_effect: the answer is not the outcome; facts decide.
    """

    not_after: timedelta
    offline_policy: OfflinePolicy
    priority: int
    repeatable: bool
    awaits_effect: bool


_FAIL_FAST, _WAIT = OfflinePolicy.FAIL_FAST, OfflinePolicy.WAIT

# fmt: off
RULES: dict[Kind, KindRules] = {
    #                                   not_after             offline     prio rep.   effect
    Kind.START_SESSION:      KindRules(timedelta(seconds=60), _FAIL_FAST, 1, False, True),
    Kind.STOP_SESSION:       KindRules(timedelta(minutes=5),  _WAIT,      0, True,  True),
    Kind.UNLOCK_CONNECTOR:   KindRules(timedelta(seconds=60), _FAIL_FAST, 0, False, False),
    Kind.RESET:              KindRules(timedelta(minutes=15), _WAIT,      2, False, True),
    Kind.RESERVE_NOW:        KindRules(timedelta(minutes=2),  _WAIT,      1, True,  False),
    Kind.CANCEL_RESERVATION: KindRules(timedelta(hours=1),    _WAIT,      1, True,  False),
}
# fmt: on

UNDOABLE = {Kind.START_SESSION, Kind.RESERVE_NOW}
"""What can be taken back after it was sent: its effect is waited for and undone."""


def default_not_after(kind: Kind) -> timedelta:
    """How long after its creation a command is still sent when its caller said nothing."""
    return RULES[kind].not_after


def default_offline_policy(kind: Kind) -> OfflinePolicy:
    """What to do with an offline station when the caller said nothing."""
    return RULES[kind].offline_policy


def priority(kind: Kind) -> int:
    """The place in a station's queue: 0 goes first, equals go in order of arrival."""
    return RULES[kind].priority


def repeatable(kind: Kind) -> bool:
    """Whether a frame that was perhaps sent may be written again.

    RemoteStop only while the same transaction is known to be open: see `domain/judgement.py`.
    """
    return RULES[kind].repeatable


def awaits_effect(kind: Kind) -> bool:
    """Whether an accepted command is final only when its effect was seen."""
    return RULES[kind].awaits_effect
