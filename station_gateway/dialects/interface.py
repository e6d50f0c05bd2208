"""What every dialect module offers: the same functions in the same order, all of them pure.

A dialect translates between the payloads of one OCPP version and the domain's words. It knows
nothing of sockets, clocks, tasks or databases.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from contract.commands import AskStationResult
from domain.model.answers import CallError, StationAnswer
from domain.model.specs import (
    CancelReservationSpec,
    Kind,
    ReserveSpec,
    ResetSpec,
    StartSpec,
    StopSpec,
    UnlockSpec,
)
from station_gateway.dialects.messages import (
    Confirmation,
    OutgoingCall,
    Payload,
    StationCall,
    Unreadable,
)

Answer = Payload | CallError | Unreadable
"""What came back for a CALL of ours: CALLRESULT payload, CALLERROR, or neither."""


@dataclass(frozen=True, slots=True)
class Violation:
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
        """As in `Station.ocpp_version`: "1.6", "2.0.1", "2.1"."""

    @property
    def SUBPROTOCOL(self) -> str:  # noqa: N802
        """The websocket subprotocol: "ocpp1.6", "ocpp2.0.1", "ocpp2.1"."""

    @property
    def ERRORS(self) -> ErrorWords:  # noqa: N802
        """This version's CALLERROR codes."""

    @property
    def EXTENDED_FRAMES(self) -> bool:  # noqa: N802
        """Whether frame types 5 (CALLRESULTERROR) and 6 (SEND) exist: OCPP 2.1."""

    def check_call(self, action: str, payload: Payload) -> Violation | None:
        """Judge (and repair in place) the payload of a station's CALL."""

    def check_send(self, action: str, payload: Payload) -> Violation | None:
        """Judge (and repair in place) the payload of a station's SEND; not called without
        `EXTENDED_FRAMES`."""

    def check_answer(self, action: str, payload: Payload) -> Violation | None:
        """Judge (and repair in place) the payload of a station's CALLRESULT."""

    def start(
        self,
        spec: StartSpec,
        *,
        token_value: str,
        group_token_value: str | None,
        remote_start_id: int,
    ) -> OutgoingCall:
        """Ask for a session. Raises: Unsendable."""

    def stop(self, spec: StopSpec) -> OutgoingCall:
        """Ask for a session's end. Raises: Unsendable."""

    def unlock(self, spec: UnlockSpec) -> OutgoingCall:
        """Ask for a cable to be let go. Raises: Unsendable."""

    def reset(self, spec: ResetSpec) -> OutgoingCall:
        """Ask for a restart, of the station or of one EVSE. Raises: Unsendable."""

    def reserve(
        self, spec: ReserveSpec, *, token_value: str, group_token_value: str | None
    ) -> OutgoingCall:
        """Ask for a hold; the same wire id again replaces it. Raises: Unsendable."""

    def cancel_reservation(self, spec: CancelReservationSpec) -> OutgoingCall:
        """Ask for the end of a hold. Raises: Unsendable."""

    def ask(
        self,
        kind: Kind,
        *,
        evse_id: int | None = None,
        connector_id: int | None = None,
        wire_id: str = "",
    ) -> OutgoingCall:
        """Ask what became of a command; safe to repeat."""

    def read_asked(self, answer: Answer) -> AskStationResult:
        """What the station said to `ask`."""

    def get_connection_timeout(self) -> OutgoingCall:
        """Ask how long the station waits for the cable after an accepted start."""

    def read_connection_timeout(self, answer: Answer) -> float | None:
        """The station's connection timeout in seconds; None when it did not say."""

    def read_answer(self, kind: Kind, answer: Answer) -> StationAnswer:
        """What the answer to a command means. Never raises."""

    def read_call(self, action: str, payload: Payload, now: datetime) -> StationCall:
        """The message of a station, after `check_call` let it pass. Raises: CallRefused."""

    def reply(self, call: StationCall, said: Confirmation) -> Payload:
        """The CALLRESULT payload for a message that `read_call` made."""
