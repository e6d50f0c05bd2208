"""The hostile mode: what is wrong with a station, each flaw by its name.

Every flaw was seen in the field, or is what a fault of power, network or software makes of an
honest station. A flaw changes one thing and leaves the rest honest, so that flaws can be combined;
`simulator.behaviour` has the points at which they take hold.
"""

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from simulator.behaviour import Behaviour
from simulator.flaws.answers import (
    CallError,
    DoesNothing,
    DropsBeforeAnswer,
    EventsBeforeAnswers,
    Late,
    Mute,
    RebootsInMidCommand,
    Silent,
    Slow,
    UnknownStatusWord,
)
from simulator.flaws.frames import (
    DuplicateAnswers,
    DuplicateMessages,
    ExtraFields,
    IdsAsStrings,
    MinusOneIds,
    NoReservationId,
    WrongClock,
)
from simulator.flaws.reservations import (
    ForgetsReservations,
    KeepsReservations,
    LosesHoldOnRefusedChange,
    RefusesSameReservationId,
    RevivesReservations,
)
from simulator.flaws.power import DoubleSocket, NeverBootsAfterReset, ReportsSessionsAfterBoot

__all__ = [
    "FLAWS",
    "CallError",
    "DoesNothing",
    "DoubleSocket",
    "DropsBeforeAnswer",
    "DuplicateAnswers",
    "DuplicateMessages",
    "EventsBeforeAnswers",
    "ExtraFields",
    "ForgetsReservations",
    "IdsAsStrings",
    "KeepsReservations",
    "Late",
    "LosesHoldOnRefusedChange",
    "MinusOneIds",
    "Mute",
    "NeverBootsAfterReset",
    "NoReservationId",
    "RebootsInMidCommand",
    "RefusesSameReservationId",
    "ReportsSessionsAfterBoot",
    "RevivesReservations",
    "Silent",
    "Slow",
    "UnknownStatusWord",
    "WrongClock",
    "parse_flaw",
    "value_of",
]

FLAWS: Mapping[str, type[Behaviour]] = MappingProxyType(
    {
        "silent": Silent,
        "mute": Mute,
        "does-nothing": DoesNothing,
        "slow": Slow,
        "late": Late,
        "events-before-answers": EventsBeforeAnswers,
        "drop-before-answer": DropsBeforeAnswer,
        "reboot-in-mid-command": RebootsInMidCommand,
        "unknown-status-word": UnknownStatusWord,
        "call-error": CallError,
        "duplicate-answers": DuplicateAnswers,
        "duplicate-messages": DuplicateMessages,
        "minus-one-ids": MinusOneIds,
        "no-reservation-id": NoReservationId,
        "ids-as-strings": IdsAsStrings,
        "extra-fields": ExtraFields,
        "wrong-clock": WrongClock,
        "double-socket": DoubleSocket,
        "never-boots-after-reset": NeverBootsAfterReset,
        "reports-sessions-after-boot": ReportsSessionsAfterBoot,
        "forgets-reservations": ForgetsReservations,
        "keeps-reservations": KeepsReservations,
        "revives-reservations": RevivesReservations,
        "refuses-same-reservation-id": RefusesSameReservationId,
        "loses-hold-on-refused-change": LosesHoldOnRefusedChange,
    }
)


def parse_flaw(text: str) -> Behaviour:
    """A flaw as people write it: NAME or NAME=VALUE.

    Raises: ValueError that says which names, or what kind of value, there are.
    """
    name, equals, value = text.partition("=")
    kind = FLAWS.get(name)
    if kind is None:
        raise ValueError(f"{name!r} is none of: {', '.join(FLAWS)}")
    if not equals:
        return kind()
    setting = value_of(kind)
    if setting is None:
        raise ValueError(f"{name} takes no value")
    field_name, default = setting
    try:
        return kind(**{field_name: _converted(value, default)})
    except ValueError as error:
        raise ValueError(f"{name}: {value!r} is no {field_name}") from error


def value_of(kind: type[Behaviour]) -> tuple[str, Any] | None:
    """What VALUE means for this flaw, and its default. None: it takes no value."""
    settings = [(each.name, each.default) for each in fields(kind)]  # type: ignore[arg-type]
    return settings[-1] if settings else None


def _converted(text: str, default: Any) -> Any:
    if isinstance(default, frozenset):
        return frozenset(text.split(","))
    return type(default)(text)
