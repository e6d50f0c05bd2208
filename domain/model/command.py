"""The vocabulary of a command: frozen dataclasses that read well as JSON in the Temporal web UI.

Times are aware datetimes in UTC. Absent means None. A bare number carries its unit in its name.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What is asked of a station."""

    START_SESSION = "START_SESSION"
    STOP_SESSION = "STOP_SESSION"
    UNLOCK_CONNECTOR = "UNLOCK_CONNECTOR"
    RESET = "RESET"
    RESERVE_NOW = "RESERVE_NOW"
    CANCEL_RESERVATION = "CANCEL_RESERVATION"


class State(StrEnum):
    """Where a command stands. The order of `domain/states.py` is the only order."""

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


class CompensationState(StrEnum):
    """Whether something that nobody wants any longer had to be undone, and how far that is."""

    NONE = "NONE"
    PENDING = "PENDING"
    DONE = "DONE"
    FAILED = "FAILED"


class WaitFor(StrEnum):
    """What the caller's RPC waits for."""

    SUBMITTED = "SUBMITTED"
    STATION_ANSWER = "STATION_ANSWER"
    OUTCOME = "OUTCOME"


class OfflinePolicy(StrEnum):
    """What to do when the station is not connected."""

    FAIL_FAST = "FAIL_FAST"
    WAIT = "WAIT"


class ResetMode(StrEnum):
    """How a station restarts. What a version cannot do is refused by the broker."""

    SOFT = "SOFT"
    HARD = "HARD"
    ON_IDLE = "ON_IDLE"
    IMMEDIATE_AND_RESUME = "IMMEDIATE_AND_RESUME"


class Verdict(StrEnum):
    """What a station's answer means, whatever the OCPP version's word for it was."""

    ACCEPTED = "ACCEPTED"
    SCHEDULED = "SCHEDULED"
    REJECTED = "REJECTED"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    FAILED = "FAILED"
    UNREADABLE = "UNREADABLE"


@dataclass(frozen=True)
class IdToken:
    """A driver's token without its value: nobody can read it from a history or a log.

    masked: at most the last four characters, for humans ("****1234").
    sealed: the value, encrypted; only the gateway opens it.
    digest: keyed digest of type and value, for comparing tokens.
    """

    type: str
    masked: str
    sealed: str
    digest: str


@dataclass(frozen=True)
class SchedulePeriod:
    """From `start_s` seconds after the session's start, at most `limit` (in the rate's unit)."""

    start_s: int
    limit: float
    number_phases: int | None = None


@dataclass(frozen=True)
class ChargingProfile:
    """Limits for the session that is being started (OCPP's TxProfile)."""

    rate_unit: str  # "W" or "A"
    periods: tuple[SchedulePeriod, ...]
    stack_level: int = 0
    profile_kind: str = "Relative"  # or "Absolute"
    start_schedule: datetime | None = None
    duration_s: int | None = None
    min_charging_rate: float | None = None


@dataclass(frozen=True)
class StartSpec:
    """What StartSession asked for. `evse_id` None: any EVSE."""

    id_token: IdToken
    evse_id: int | None = None
    connector_id: int | None = None
    group_id_token: IdToken | None = None
    reservation: str | None = None
    charging_profile: ChargingProfile | None = None


@dataclass(frozen=True)
class StopSpec:
    """What StopSession asked for (exactly one of the targets), and what the broker found for it.

    The targets are echoed as given. `wire_id` is the id that goes to the station;
    `resolved_transaction` is the transaction's id of ours (part of its resource name), None when
    we never heard of it.
    """

    transaction: str | None = None
    start_command: str | None = None
    evse_id: int | None = None
    id_token: IdToken | None = None
    reservation: str | None = None
    transaction_id: str | None = None
    wire_id: str = ""
    resolved_transaction: str | None = None


@dataclass(frozen=True)
class UnlockSpec:
    """What UnlockConnector asked for. `evse_id` None: the connector's number names the EVSE."""

    connector_id: int
    evse_id: int | None = None
    stop_first: bool = False

    @property
    def on_evse(self) -> int:
        """The EVSE of the connector."""
        return self.connector_id if self.evse_id is None else self.evse_id

    @property
    def on_connector(self) -> int:
        """The connector's number on its EVSE."""
        return 1 if self.evse_id is None else self.connector_id


@dataclass(frozen=True)
class ResetSpec:
    """What Reset asked for. `evse_id` None: the whole station."""

    mode: ResetMode
    evse_id: int | None = None


@dataclass(frozen=True)
class ReserveSpec:
    """What ReserveNow asked for, and what the broker made for it. `evse_id` None: any EVSE.

    expire_time: the end of the hold; computed when `ttl_s` was given.
    reservation: our id of the reservation (part of its resource name). wire_id: the station's,
    minted by the broker and never used again.
    """

    id_token: IdToken
    expire_time: datetime
    evse_id: int | None = None
    connector_id: int | None = None
    connector_type: str = ""
    group_id_token: IdToken | None = None
    ttl_s: float | None = None
    reservation: str = ""
    wire_id: int = 0


@dataclass(frozen=True)
class CancelReservationSpec:
    """What CancelReservation asked for, and what the broker found for it.

    reservation: as given; None when the request named the station and its own id.
    resolved_reservation: our id of the reservation, None when we never heard of it.
    """

    wire_id: int
    reservation: str | None = None
    resolved_reservation: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class CallError:
    """A CALLERROR in the station's own words, bounded in length."""

    code: str
    description: str = ""


@dataclass(frozen=True)
class StationAnswer:
    """What the station said, in its own words, and what that means to us.

    transaction_id: 2.x only, when a session was already running (cable first).
    """

    verdict: Verdict
    status: str = ""
    reason_code: str = ""
    additional_info: str = ""
    call_error: CallError | None = None
    transaction_id: str | None = None


@dataclass(frozen=True)
class SessionFacts:
    """What is known about the session. `transaction`: our id; `transaction_id`: OCPP's."""

    transaction: str
    transaction_id: str
    evse_id: int | None = None
    start_time: datetime | None = None
    stop_time: datetime | None = None
    meter_start_wh: int | None = None
    meter_stop_wh: int | None = None
    stop_reason: str = ""


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
    """Which hold a command was about. `transaction`: our id of the session that used it."""

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
    """What was undone because nobody wanted it any longer: a session, or a hold.

    reservation: our id of the hold's reservation; wire_id: the station's.
    """

    state: CompensationState = CompensationState.NONE
    reason: str = ""
    transaction: str | None = None
    transaction_id: str | None = None
    update_time: datetime | None = None
    reservation: str | None = None
    wire_id: int | None = None


class CallbackEvents(StrEnum):
    """Which changes of a command are posted to its callback."""

    OUTCOMES = "OUTCOMES"
    ALL = "ALL"


@dataclass(frozen=True)
class Callback:
    """Where a command's news are posted. `default`: by the settings of the caller's credential."""

    url: str
    events: CallbackEvents = CallbackEvents.OUTCOMES
    default: bool = False


@dataclass(frozen=True)
class Command:
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
    start: StartSpec | None = None
    stop: StopSpec | None = None
    unlock: UnlockSpec | None = None
    reset: ResetSpec | None = None
    reserve: ReserveSpec | None = None
    cancel_reservation: CancelReservationSpec | None = None
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
