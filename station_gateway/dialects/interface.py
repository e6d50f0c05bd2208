"""What every dialect module offers: the same names in the same order, all of them pure.

A dialect translates between the payloads of one OCPP version and the domain's words. It knows
nothing of sockets, clocks, tasks or databases.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from domain.model.answers import StationAnswer
from domain.model.specs import (
    Kind,
)
from domain.ocpp_words import Capabilities
from station_gateway.dialects.command_words import CommandWords
from station_gateway.dialects.mending.mends import Mends
from station_gateway.dialects.messages import (
    Answer,
    Confirmation,
    OutgoingCall,
    Payload,
    StationCall,
)


@dataclass(frozen=True, slots=True)
class PayloadViolation:
    """Why a payload is refused. `description` names the field, never its value."""

    code: str
    description: str


@dataclass(frozen=True, slots=True)
class ErrorWords:
    """This version's spelling of the CALLERROR codes.

    framework, message_type: None where the version has no such code; such frames are ignored.
    """

    format: str
    missing: str
    occurrence: str
    property: str
    type: str
    not_implemented: str = "NotImplemented"
    not_supported: str = "NotSupported"
    internal: str = "InternalError"
    security: str = "SecurityError"
    framework: str | None = None
    message_type: str | None = None


class Dialect(Protocol):
    """A module `station_gateway.dialects.vNN` (modules satisfy protocols)."""

    @property
    def VERSION(self) -> str:  # noqa: N802
        """The version as in `Station.ocpp_version`: "1.6", "2.0.1", "2.1"."""

    @property
    def SUBPROTOCOL(self) -> str:  # noqa: N802
        """The websocket subprotocol: "ocpp1.6", "ocpp2.0.1", "ocpp2.1"."""

    @property
    def CAPABILITIES(self) -> Capabilities:  # noqa: N802
        """What this version can express."""

    @property
    def ERRORS(self) -> ErrorWords:  # noqa: N802
        """This version's CALLERROR codes."""

    @property
    def ONE_EFFECT(self) -> frozenset[str]:  # noqa: N802
        """Actions of reports that must not count twice when the station repeats them."""

    @property
    def REPORTS(self) -> Collection[str]:  # noqa: N802
        """The actions of a station that tell facts. Where they are odd they can be mended."""

    @property
    def COMMANDS(self) -> Mapping[Kind, CommandWords[Any]]:  # noqa: N802
        """How each command is written, answered and asked about. A row for every kind."""

    def check_call(self, action: str, payload: Payload) -> PayloadViolation | None:
        """Judge (and repair in place) the payload of a station's CALL."""

    def take_call(self, action: str, payload: Payload) -> Mends | PayloadViolation:
        """As `check_call`, but an odd report is mended in place where it is certain."""

    def mend_call(self, action: str, payload: Payload) -> Mends | PayloadViolation:
        """Mend a report whose values `read_call` refused. `action` is one of `REPORTS`."""

    def subject_of(self, payload: Payload) -> tuple[int | None, str]:
        """EVSE and transaction id of a refused report; None and "" where it does not say."""

    def check_send(self, action: str, payload: Payload) -> PayloadViolation | None:
        """Judge (and repair in place) the payload of a station's SEND.

        Not called where the version has no extended frames.
        """

    def check_answer(self, action: str, payload: Payload) -> PayloadViolation | None:
        """Judge (and repair in place) the payload of a station's CALLRESULT."""

    def take_answer(self, action: str, payload: Payload) -> Mends | PayloadViolation:
        """As `check_answer`, but odd words and ids are mended in place where they are certain."""

    def ask_boot(self) -> OutgoingCall:
        """Ask the station to boot (TriggerMessage). `command_words.agrees_to_trigger` reads it."""

    def get_connection_timeout(self) -> OutgoingCall:
        """Ask how long the station waits for the cable after an accepted start."""

    def read_connection_timeout(self, answer: Answer) -> float | None:
        """The station's connection timeout in seconds; None when it did not say."""

    def set_password(self, password: str) -> OutgoingCall:
        """Give the station another password for Basic authentication. Raises: Unsendable."""

    def read_set_password(self, answer: Answer) -> StationAnswer:
        """Whether it takes the password; SCHEDULED: at its next restart. Never raises."""

    def read_call(self, action: str, payload: Payload, now: datetime) -> StationCall:
        """The message of a station, after `check_call` let it pass. Raises: CallRefused."""

    def reply(self, call: StationCall, said: Confirmation) -> Payload:
        """The CALLRESULT payload for a message that `read_call` made."""
