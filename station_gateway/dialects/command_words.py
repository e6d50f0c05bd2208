"""The row that each command has in each OCPP version: how its frame is written and answered.

A dialect offers one table, `COMMANDS: Kind -> CommandWords`. A row tells all that this version
knows about one command: how its frame is written, what the status words of its answer mean, and
which read-only question tells afterwards what became of it. So a new command is a new row in each
dialect. A test proves that each table has a row for every kind: a command that a version does not
know has the row `NOT_IN_THIS_VERSION`, which sends nothing.

The functions of a row get everything that they write. Sealed tokens are opened before, in one place
(`station_gateway.commands.frames`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from domain.model.answers import CallError, StationAnswer, Verdict
from domain.model.specs import Spec
from station_gateway.dialects import fields, verdicts
from station_gateway.dialects.messages import (
    Answer,
    OutgoingCall,
    QuestionAnswer,
    Unreadable,
    Unsendable,
)

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class FrameParts:
    """What goes into a command's frame beside its spec.

    id_token, group_id_token: the opened values of the spec's tokens; None: the spec has none.
    number: OCPP 2.x writes it as remoteStartId; 0 before the send has its number.
    """

    id_token: str | None = None
    group_id_token: str | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class QuestionSubject:
    """What a question is about. None or "": not named."""

    evse_id: int | None = None
    connector_id: int | None = None
    ocpp_transaction_id: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A read-only CALL that tells what became of a command. It is safe to repeat.

    write: makes the frame. read: reads the answer; never raises.
    each_connector: the station tells about one connector at a time, which the frame must name.
    """

    write: Callable[[QuestionSubject], OutgoingCall]
    read: Callable[[Answer], QuestionAnswer]
    each_connector: bool = False


@dataclass(frozen=True, slots=True)
class CommandWords(Generic[S]):
    """One command in the words of one OCPP version.

    write: makes action and payload. Raises: Unsendable.
    answers: the meaning of every status word of the answer. A word that is not here is UNREADABLE.
    question: asked when the outcome is not known. None: nothing can be asked.
    wants_evse: many stations refuse the frame when it names no EVSE; the only EVSE of a station is
        then filled in.
    """

    write: Callable[[S, FrameParts], OutgoingCall]
    answers: Mapping[str, Verdict] = field(default_factory=dict)
    question: Question | None = None
    wants_evse: bool = False

    def read_answer(self, answer: Answer) -> StationAnswer:
        """What the answer of a station to this command means. Never raises."""
        return verdicts.read_status(self.answers, answer)


def _write_nothing(spec: Spec, parts: FrameParts) -> OutgoingCall:
    del spec, parts
    raise Unsendable("this OCPP version has no such command")


NOT_IN_THIS_VERSION: CommandWords[Spec] = CommandWords(_write_nothing)
"""The row of a command that the version has no words for: nothing is sent."""


def read_trigger(answer: Answer) -> QuestionAnswer:
    """Whether the station will send what TriggerMessage asked for. The answer is no fact itself."""
    if isinstance(answer, CallError | Unreadable):
        return not_told(answer)
    return QuestionAnswer(detail=fields.text(answer, "status", verdicts.STATUS_CHARS))


def ask_boot() -> OutgoingCall:
    """TriggerMessage of BootNotification, which all versions write in the same way."""
    return "TriggerMessage", {"requestedMessage": "BootNotification"}


def agrees_to_trigger(answer: Answer) -> bool:
    """Whether the station will send what TriggerMessage asked for."""
    return isinstance(answer, dict) and answer.get("status") == "Accepted"


SETS_PASSWORD = frozenset({"ChangeConfiguration", "SetVariables"})
"""The actions by which the versions give a station another password; we send no others of them."""


def not_told(answer: CallError | Unreadable) -> QuestionAnswer:
    """The result of a question that brought no CALLRESULT."""
    if isinstance(answer, CallError):
        return QuestionAnswer(detail=answer.code)
    return QuestionAnswer(detail="unreadable answer")
