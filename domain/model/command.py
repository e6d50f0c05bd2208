"""The vocabulary of a command: frozen dataclasses that read well as JSON in the Temporal web UI.

Times are aware datetimes in UTC. Absent means None. A bare number carries its unit in its name.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.model.answers import StationAnswer
from domain.model.specs import CommandSpecs, Kind, OfflinePolicy


class State(StrEnum):
    """Where a command stands. `states.py` has the only order."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    AWAITING_EFFECT = "AWAITING_EFFECT"
    COMPENSATING = "COMPENSATING"
    DONE = "DONE"


class Code(StrEnum):
    """How a command ended. Every code but UNKNOWN is definite and never changes."""

    SUCCEEDED = "SUCCEEDED"
    REJECTED = "REJECTED"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    NOT_SENT = "NOT_SENT"
    NO_EFFECT = "NO_EFFECT"
    UNKNOWN = "UNKNOWN"
    CANCELLED = "CANCELLED"


GIVEN_UP = frozenset({Code.NO_EFFECT, Code.UNKNOWN, Code.CANCELLED})
"""Ends after which a frame that was sent may still have an effect that nobody wants."""


class CompensationState(StrEnum):
    """How far the undoing of an unwanted effect is. NONE: nothing had to be undone."""

    NONE = "NONE"
    PENDING = "PENDING"
    DONE = "DONE"
    FAILED = "FAILED"


class WaitFor(StrEnum):
    """What the caller's RPC waits for."""

    SUBMITTED = "SUBMITTED"
    STATION_ANSWER = "STATION_ANSWER"
    OUTCOME = "OUTCOME"


@dataclass(frozen=True)
class SessionFacts:
    """What is known about the session. `transaction`: our id; `ocpp_transaction_id`: OCPP's.

    end_reported: False when it has ended although the station never said so.
    """

    transaction: str
    ocpp_transaction_id: str
    evse_id: int | None = None
    start_time: datetime | None = None
    stop_time: datetime | None = None
    meter_start_wh: int | None = None
    meter_stop_wh: int | None = None
    stop_reason: str = ""
    end_reported: bool = True


@dataclass(frozen=True)
class ResetFacts:
    """How a restart went. Times are ours.

    evse_id: None for the whole station. scheduled: the station said that it waits for its last
    session. down_time: when its socket was lost. boot_reason: OCPP 2.x's word.
    running, ended: our ids of the transactions that ran when the restart was asked for, by how they
    are now.
    """

    evse_id: int | None = None
    scheduled: bool = False
    down_time: datetime | None = None
    boot_time: datetime | None = None
    boot_reason: str = ""
    running: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReservationFacts:
    """Which reservation a command was about. `transaction`: our id of the session that used it."""

    reservation: str | None
    wire_id: int
    evse_id: int | None = None
    expire_time: datetime | None = None
    transaction: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How it ended: code, stable cause word, a sentence for a human, and at most one of the facts.

    session: of a start or a stop, and of an unlock that stopped one first.
    """

    code: Code
    cause: str
    message: str
    session: SessionFacts | None = None
    reset: ResetFacts | None = None
    reservation: ReservationFacts | None = None


@dataclass(frozen=True)
class Compensation:
    """What was undone because nobody wanted it any longer: a session, or a reservation.

    reservation: our id of the reservation; wire_id: the station's.
    used_by_another: the reservation was used by a session of a token that is not its holder's.
    """

    state: CompensationState = CompensationState.NONE
    reason: str = ""
    transaction: str | None = None
    ocpp_transaction_id: str | None = None
    update_time: datetime | None = None
    reservation: str | None = None
    wire_id: int | None = None
    used_by_another: bool = False


class CallbackEvents(StrEnum):
    """Which changes of a command are posted to its callback."""

    OUTCOMES = "OUTCOMES"
    ALL = "ALL"


@dataclass(frozen=True)
class Callback:
    """Where changes of a command are posted. `default`: as the caller's credential is set up."""

    url: str
    events: CallbackEvents = CallbackEvents.OUTCOMES
    default: bool = False


@dataclass(frozen=True)
class Command(CommandSpecs):
    """A command as it is now: the snapshot that the event log keeps and the API shows.

    name: the resource id without its collection (the request id).
    progress: what it waits for now, one sentence, empty when DONE.
    caller: name of the credential that asked; "" when the broker runs without credentials.
    revision: grows by one with every recorded change; 0 before the first.
    stopped_first: the session that an unlock has stopped before it was sent.
    """

    name: str
    tenant: str
    kind: Kind
    station: str
    state: State
    create_time: datetime
    not_after: datetime
    workflow_id: str
    offline_policy: OfflinePolicy = OfflinePolicy.FAIL_FAST
    outcome: Outcome | None = None
    station_answer: StationAnswer | None = None
    compensation: Compensation = field(default_factory=Compensation)
    progress: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    caller: str = ""
    trace_id: str = ""
    cancel_reason: str | None = None
    send_time: datetime | None = None
    answer_time: datetime | None = None
    outcome_time: datetime | None = None
    revision: int = 0
    callback: Callback | None = None
    stopped_first: SessionFacts | None = None
