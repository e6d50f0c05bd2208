"""What crosses Temporal: one frozen dataclass in, one out. New fields have defaults."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.commands.sending import SendAct
from domain.commands.timing import Timing as Timing  # noqa: PLC0414
from domain.evidence.facts import Act, Asked
from domain.model.answers import StationAnswer
from domain.model.command import Command, Compensation, Outcome, SessionFacts, State, WaitFor
from domain.model.specs import (
    CommandSpecs,
    Kind,
)
from domain.reservations.next_step import ReservationAct
from domain.reservations.reservation import Reservation


@dataclass(frozen=True)
class CommandInput:
    """Input of the command workflow: the command as the caller submitted it (QUEUED)."""

    command: Command
    timing: Timing = field(default_factory=Timing)


@dataclass(frozen=True)
class SubmitInput:
    """Input of the `submit` update: what the caller waits for."""

    wait_for: WaitFor = WaitFor.STATION_ANSWER


@dataclass(frozen=True)
class CancelInput:
    """Input of the `cancel` update."""

    reason: str = ""


@dataclass(frozen=True)
class UpdateResult:
    """Result of both updates: the log holds at least this revision of the command."""

    revision: int


@dataclass(frozen=True)
class WakeInput:
    """The `wake` signal: something was written to the fleet that concerns this command.

    It carries no fact: the workflow reads the fact, so that a lost signal loses nothing.
    """

    reason: str = ""


@dataclass(frozen=True)
class UnsentAttempt:
    """An attempt that certainly sent nothing, and is followed by another one.

    attempt: its number. cause: an UPPER_SNAKE word.
    """

    attempt: int
    cause: str
    at: datetime


@dataclass(frozen=True)
class PrepareCommandInput:
    """Input of `prepare_command`: where would this command be sent now?

    now: the workflow's time, so that a history tells what was decided by.
    look_only: find the way and record nothing (for questions and for undoing).
    asked: what the station said about the session that an unlock stops first.
    tried: the attempt before, when it sent nothing.
    """

    command: Command
    now: datetime
    look_only: bool = False
    timing: Timing = field(default_factory=Timing)
    asked: Asked | None = None
    tried: UnsentAttempt | None = None


@dataclass(frozen=True)
class PrepareCommandResult:
    """Who holds the station's socket right now, and what that means for the command.

    gateway: None when nobody does.
    boot_accepted: False while BootNotification was not yet accepted; nothing is sent then.
    revision: of the command in the log, after it was recorded as queued.
    course: send, wait for the station (until `look_again`), or concluded with `outcome`; an unlock
        may have to stop a session first, or to ask about it.
    wire_id, transaction, evse_id: of that session.
    stopped_first: how it ended.
    """

    gateway: str | None
    boot_accepted: bool = False
    ocpp_version: str = ""
    revision: int = 0
    course: SendAct = SendAct.SEND
    progress: str = ""
    outcome: Outcome | None = None
    look_again: datetime | None = None
    wire_id: str = ""
    transaction: str = ""
    evse_id: int | None = None
    stopped_first: SessionFacts | None = None


@dataclass(frozen=True)
class SendFrameInput(CommandSpecs):
    """Input of `send_frame`, run by the gateway that holds the station.

    attempt: 1, 2, ... of this command; with the command's name it is the key of the intent.
    not_after: nothing is written to the socket after it, queueing included.
    kind: of the frame; it says which spec is set. An unlock that stops a session first sends a
        STOP_SESSION, and so does a start whose session nobody wants.
    undo: a compensating frame, or one of a reservation: no command's state is written.
    command: for a reservation's own frames, the reservation's id.
    """

    command: str
    tenant: str
    workflow_id: str
    station: str
    kind: Kind
    attempt: int
    not_after: datetime
    answer_timeout_s: float
    undo: bool = False


class SendStatus(StrEnum):
    """The three results of a send that are never merged."""

    NOT_SENT = "NOT_SENT"
    NO_ANSWER = "NO_ANSWER"
    ANSWERED = "ANSWERED"


@dataclass(frozen=True)
class SendFrameResult:
    """Result of `send_frame` and of `settle_send`.

    cause: an UPPER_SNAKE word of `domain/outcomes.py` when not ANSWERED.
    retry: NOT_SENT only: another gateway or a later moment may still send it.
    effect_timeout_s: the station's own connection timeout, when it is known.
    revision: of the command in the log, 0 when the result could not be written there.
    message_id: of the frame, as logs, traces and the story have it; "" when none was sent.
    """

    status: SendStatus
    cause: str = ""
    retry: bool = False
    answer: StationAnswer | None = None
    send_time: datetime | None = None
    answer_time: datetime | None = None
    effect_timeout_s: float | None = None
    revision: int = 0
    message_id: str = ""


@dataclass(frozen=True)
class SettleSendInput:
    """Input of `settle_send`: was this attempt sent? If nobody knows, it is decided now: no.

    give_up: nobody waits for an answer of this attempt any longer, so a frame that was perhaps
    sent is recorded as sent without an answer. False: only ask, its gateway is still at work.
    """

    tenant: str
    command: str
    attempt: int
    now: datetime
    give_up: bool = True
    undo: bool = False
    station: str = ""


@dataclass(frozen=True)
class WeighEvidenceInput:
    """Input of `weigh_evidence`: what do all known facts mean for this command now?"""

    tenant: str
    command: str
    timing: Timing
    now: datetime
    asked: Asked | None = None


@dataclass(frozen=True)
class WeighEvidenceResult:
    """What the facts mean; it is recorded already.

    act: what to do next; look_again: when, None for "when woken".
    wire_id, evse_id: of the session to be stopped (UNDO) or tried (SEND_AGAIN).
    guarded: late evidence about the command still matters.
    """

    act: Act
    state: State
    revision: int = 0
    look_again: datetime | None = None
    outcome: Outcome | None = None
    compensation: Compensation = field(default_factory=Compensation)
    guarded: bool = False
    wire_id: str = ""
    transaction: str = ""
    evse_id: int | None = None
    progress: str = ""


class ChangeKind(StrEnum):
    """What `record_change` writes: see `domain/changes.py` and the guard's end.

    HEARD: a gateway's result that the gateway itself could not write down. STEP_HEARD: the same of
    a first step, which says nothing about the command itself.
    """

    NOT_SENT = "NOT_SENT"
    HEARD = "HEARD"
    STEP_HEARD = "STEP_HEARD"
    CANCEL_ASKED = "CANCEL_ASKED"
    CANCELLED = "CANCELLED"
    GUARD_ENDED = "GUARD_ENDED"


@dataclass(frozen=True)
class RecordChangeInput:
    """Input of `record_change`."""

    tenant: str
    command: str
    change: ChangeKind
    now: datetime
    cause: str = ""
    detail: str = ""
    attempt: int = 0
    heard: SendFrameResult | None = None


@dataclass(frozen=True)
class CommandResult:
    """Result of the command workflow."""

    outcome: Outcome
    compensation: Compensation = field(default_factory=Compensation)


@dataclass(frozen=True)
class AskStationInput:
    """Input of `ask_station`: what became of this start or stop? Safe to repeat."""

    station: str
    kind: Kind
    command: str
    evse_id: int | None = None
    connector_id: int | None = None
    wire_id: str = ""
    timeout_s: float = 10.0


@dataclass(frozen=True)
class AskStationResult:
    """What the station said when asked. None: it could not or did not say.

    ongoing: the transaction asked for is running (2.x).
    messages_in_queue: facts are still on the station and will come (2.x).
    asked: True when the station answered at all.
    """

    asked: bool
    ongoing: bool | None = None
    messages_in_queue: bool | None = None
    detail: str = ""

    def as_fact(self, at: datetime, before: Asked | None) -> Asked:
        """The reply as one more fact about the command. before: the one before, if any."""
        return Asked(
            at=at,
            times=(before.times if before else 0) + 1,
            replied=self.asked,
            ongoing=self.ongoing,
            messages_in_queue=self.messages_in_queue,
            detail=self.detail,
        )


@dataclass(frozen=True)
class RecordChangeResult:
    """A change was written to the log (or was there already): the command as it now stands."""

    command: Command
    outcome: Outcome | None = None


@dataclass(frozen=True)
class ReservationInput:
    """Input of the reservation workflow; what it is about stands in the event log."""

    tenant: str
    reservation: str
    station: str


@dataclass(frozen=True)
class ChangeInput:
    """Input of the `change` update: another end or another EVSE. None: it stays as it is.

    request_id: makes repeats one change.
    """

    request_id: str
    expire_time: datetime | None = None
    evse_id: int | None = None


@dataclass(frozen=True)
class WeighReservationInput:
    """Input of `weigh_reservation`: what do all facts mean for this hold, and what is to do?

    not_before: a moment so near that it is waited for, and the facts are read then.
    """

    tenant: str
    reservation: str
    now: datetime
    not_before: datetime | None = None


@dataclass(frozen=True)
class WeighReservationResult:
    """What to do next about a hold; what the facts mean is recorded already.

    request: the frame to be sent, with `gateway` (None: nobody holds the station's socket).
    """

    act: ReservationAct
    reservation: Reservation
    look_again: datetime | None = None
    gateway: str | None = None
    request: SendFrameInput | None = None


@dataclass(frozen=True)
class ChangeReservationInput:
    """Input of `change_reservation`: note a change that was asked for, or an operator's end of it.

    change: None: the reservation is withdrawn, for `reason`.
    """

    tenant: str
    reservation: str
    now: datetime
    change: ChangeInput | None = None
    reason: str = ""


@dataclass(frozen=True)
class ReservationResult:
    """Result of a run of the reservation workflow: how the reservation stands."""

    state: str
    cause: str
