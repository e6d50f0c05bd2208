"""The flaws of a hostile station, by name.

Every flaw was seen in the field, or is the effect of a fault of power, network or software on an
honest station. A flaw changes one thing and leaves the rest honest, so that flaws can be combined.
Each one overrides methods of `simulator.behaviour.Behaviour`.
"""

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from simulator.behaviour import Behaviour
from simulator.flaws.answers import (
    AnswersCallError,
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
from simulator.flaws.moments import (
    FewMessageIds,
    ForgetsSessions,
    LateToken,
    LosesAnswers,
    OneBreath,
    RefusesAndBegins,
    RestartsWarm,
    SkipsBoot,
)
from simulator.flaws.odd_reports import (
    BeginsTwice,
    ConnectorZero,
    EndsBeforeStart,
    NamesReservation,
    NoToken,
    OddFields,
    OddText,
    WrongTag,
)
from simulator.flaws.power import DoubleSocket, NeverBootsAfterReset, ReportsSessionsAfterBoot
from simulator.flaws.reservations import (
    ForgetsReservations,
    KeepsReservations,
    LosesHoldOnRefusedChange,
    RefusesSameReservationId,
    RevivesReservations,
)

__all__ = [
    "FLAWS",
    "AnswersCallError",
    "BeginsTwice",
    "ConnectorZero",
    "DoesNothing",
    "DoubleSocket",
    "DropsBeforeAnswer",
    "DuplicateAnswers",
    "DuplicateMessages",
    "EndsBeforeStart",
    "EventsBeforeAnswers",
    "ExtraFields",
    "FewMessageIds",
    "ForgetsReservations",
    "ForgetsSessions",
    "IdsAsStrings",
    "KeepsReservations",
    "Late",
    "LateToken",
    "LosesAnswers",
    "LosesHoldOnRefusedChange",
    "MinusOneIds",
    "Mute",
    "NamesReservation",
    "NeverBootsAfterReset",
    "NoReservationId",
    "NoToken",
    "OddFields",
    "OddText",
    "OneBreath",
    "RebootsInMidCommand",
    "RefusesAndBegins",
    "RefusesSameReservationId",
    "ReportsSessionsAfterBoot",
    "RestartsWarm",
    "RevivesReservations",
    "Silent",
    "SkipsBoot",
    "Slow",
    "UnknownStatusWord",
    "WrongClock",
    "WrongTag",
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
        "call-error": AnswersCallError,
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
        "late-token": LateToken,
        "no-token": NoToken,
        "loses-answers": LosesAnswers,
        "odd-fields": OddFields,
        "odd-text": OddText,
        "skips-boot": SkipsBoot,
        "forgets-sessions": ForgetsSessions,
        "ends-before-start": EndsBeforeStart,
        "wrong-tag": WrongTag,
        "connector-zero": ConnectorZero,
        "names-reservation": NamesReservation,
        "restarts-warm": RestartsWarm,
        "few-message-ids": FewMessageIds,
        "one-breath": OneBreath,
        "refuses-and-begins": RefusesAndBegins,
        "begins-twice": BeginsTwice,
    }
)


def parse_flaw(text: str) -> Behaviour:
    """Reads a flaw from NAME or NAME=VALUE.

    Raises: ValueError for an unknown name or a wrong value; the message says what is allowed.
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
    """The field that VALUE sets, and its default. None: the flaw takes no value."""
    settings = [(each.name, each.default) for each in fields(kind)]  # type: ignore[arg-type]
    return settings[-1] if settings else None


def _converted(text: str, default: Any) -> Any:
    if isinstance(default, frozenset):
        return frozenset(text.split(","))
    return type(default)(text)
