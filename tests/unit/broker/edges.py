"""Requests that were read, and what tests ask of the edges of the commands."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import pytest
from evcommand.v1 import remote_command_pb2 as command_pb
from google.protobuf.timestamp_pb2 import Timestamp

from broker.commands.drafting import Origin, draft
from broker.commands.edge import CommandEdge, Found, ParsedRequest
from broker.commands.showing import command_out
from broker.errors import FieldViolation, Reason, Refusal
from broker.proto import id_token
from domain.model.command import Command
from domain.model.specs import IdToken, StartSpec, StopSpec
from tests.unit.broker.requests import NOW, REQUEST_ID
from tests.unit.broker.things import DRIVER, SEALER

BAD_TIME = Timestamp(seconds=10**15)
RESERVATION = "reservations/0123456789abcdef01234567"
ORIGIN = Origin("default", "desk", "")


def seal(value: str, type: str = "ISO14443") -> IdToken:
    """A token as the broker keeps it."""
    return id_token.seal(SEALER, type, value)


TOKEN = DRIVER
START = ParsedRequest(
    StartSpec(TOKEN, evse_id=1), NOW, "CP/1", REQUEST_ID, token_chars={"id_token": len("04A1B2C3")}
)
STOP = ParsedRequest(StopSpec(evse_id=1), NOW, "CP/1", REQUEST_ID)


def drafted(
    edge: CommandEdge[Any, Any], parsed: ParsedRequest[Any], send_until: datetime | None = None
) -> Command:
    """The command of a request for which nothing else was found."""
    found = Found("CP/1", parsed.spec, send_until)
    return draft(edge.kind, REQUEST_ID, parsed, found, origin=ORIGIN)


def shown(command: Command) -> command_pb.RemoteCommand:
    """The command as a client sees it."""
    return command_out(command)


def fields_of(violations: Iterable[FieldViolation]) -> list[str]:
    """The names of the bad fields."""
    return [violation.field for violation in violations]


def refused(reason: Reason) -> Any:
    """Expects a refusal for this reason."""
    return pytest.raises(Refusal, check=lambda refusal: refusal.reason is reason)


def is_possible(check: Callable[[], None]) -> bool:
    """Whether a station's version can be asked for it; a refusal names the field."""
    try:
        check()
    except Refusal as refusal:
        assert refusal.reason is Reason.NOT_POSSIBLE_ON_STATION
        assert refusal.violations
        return False
    return True
