"""The dialects by OCPP version, oldest first, and the schemas that judge what they write."""

from collections.abc import Mapping
from types import ModuleType

from domain.model.answers import StationAnswer
from domain.model.specs import (
    CancelReservationSpec,
    Kind,
    ReserveSpec,
    ResetSpec,
    Spec,
    StartSpec,
    StopSpec,
    UnlockSpec,
)
from station_gateway.dialects import v16, v21, v201
from station_gateway.dialects.command_words import FrameParts, Question
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import Answer, OutgoingCall
from station_gateway.dialects.schemas import SchemaSet

MODULES: Mapping[str, ModuleType] = {"1.6": v16, "2.0.1": v201, "2.1": v21}
DIALECTS: Mapping[str, Dialect] = {"1.6": v16, "2.0.1": v201, "2.1": v21}
NO_PARTS = FrameParts()
PACKAGES = {"1.6": "ocpp.v16", "2.0.1": "ocpp.v201", "2.1": "ocpp.v21"}


def schemas_of(dialect: Dialect) -> SchemaSet:
    """The standard's own schemas of a version."""
    schemas = MODULES[dialect.VERSION].SCHEMAS
    assert isinstance(schemas, SchemaSet)
    return schemas


KINDS: Mapping[type, Kind] = {
    StartSpec: Kind.START_SESSION,
    StopSpec: Kind.STOP_SESSION,
    UnlockSpec: Kind.UNLOCK_CONNECTOR,
    ResetSpec: Kind.RESET,
    ReserveSpec: Kind.RESERVE_NOW,
    CancelReservationSpec: Kind.CANCEL_RESERVATION,
}


def write(dialect: Dialect, spec: Spec, parts: FrameParts = NO_PARTS) -> OutgoingCall:
    """The frame of the command that this spec belongs to."""
    return dialect.COMMANDS[KINDS[type(spec)]].write(spec, parts)


def read_answer(dialect: Dialect, kind: Kind, answer: Answer) -> StationAnswer:
    """What an answer to a command of this kind means."""
    return dialect.COMMANDS[kind].read_answer(answer)


def question_about(dialect: Dialect, kind: Kind) -> Question:
    """The question that tells what became of a command of this kind."""
    question = dialect.COMMANDS[kind].question
    assert question is not None
    return question
