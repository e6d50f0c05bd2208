"""Inputs and results of the command workflow, its updates, its signal and its activities.

Each workflow, update, signal and activity takes one frozen dataclass (`...Input`) and returns one
(`...Result`). The fields are the payload: they stand in stored histories, so a field is added only
with a default and is never given another meaning, and no default changes: a field that has it is
not written (`converter.py`). A key that the dataclass does not have is
ignored when a history is read. The names of the classes are not stored.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from domain.commands.sending import SendAct
from domain.commands.timing import Timing
from domain.evidence.facts import Act, Asked
from domain.model.answers import StationAnswer
from domain.model.command import Command, Compensation, Outcome, SessionFacts, State, WaitFor
from domain.model.specs import CommandSpecs, Kind

# The workflow, its updates and its signal.


LOOKS_WHILE_SENDING = 1
"""The edition since which a command looks at the facts while its frame is out."""

ACTS_AFTER_REFUSALS = 1
"""The edition since which a command acts on what comes after its refusal."""

SENDS_DIRECTLY = 2
"""The edition since which a command's frame goes over the gateway's direct line, where it can."""

UNDOES_ON_GUARD = 3
"""The edition since which what is being undone when a command ends goes on without a wake-up."""

EDITION = 3
"""The newest edition of the command workflow: new commands keep to it."""


@dataclass(frozen=True)
class CommandInput:
    """Input of the command workflow: the command as its caller submitted it (QUEUED).

    so_far: of a run that goes on where another one left off; `command` is as the log has it then.
    edition: which edition of the workflow's code the command keeps to, in all of its runs. What an
        edition added is not done by runs of older ones, so that their histories replay.
    """

    command: Command
    timing: Timing = field(default_factory=Timing)
    so_far: "CommandSoFar | None" = None
    edition: int = 0


@dataclass(frozen=True)
class CommandResult:
    """Result of the command workflow."""

    outcome: Outcome
    compensation: Compensation = field(default_factory=Compensation)


@dataclass(frozen=True)
class SubmitInput:
    """Input of the `submit` update: what the caller waits for."""

    wait_for: WaitFor = WaitFor.STATION_ANSWER


@dataclass(frozen=True)
class CancelInput:
    """Input of the `cancel` update. reason: the caller's own words; may be empty."""

    reason: str = ""


@dataclass(frozen=True)
class UpdateResult:
    """Result of every update: the log holds at least this revision of the command or reservation.

    The caller reads the log for everything else.
    """

    revision: int


@dataclass(frozen=True)
class WakeInput:
    """Input of the `wake` signal: a fact was written that concerns this workflow.

    The signal carries no fact. The workflow reads all facts, so a lost signal loses nothing.
    reason: a word for the person who reads the history.
    """

    reason: str = ""


# prepare_command: where is the station, and may the command be sent?


@dataclass(frozen=True)
class UnsentAttempt:
    """An attempt that certainly sent nothing; another attempt follows.

    attempt: its number. cause: an UPPER_SNAKE word of `domain/model/outcomes.py`.
    why: as in `SendFrameResult`. line: as in `SendFrameInput`.
    """

    attempt: int
    cause: str
    at: datetime
    why: str = ""
    line: str = ""


@dataclass(frozen=True)
class PrepareCommandInput:
    """Input of `prepare_command`.

    now: the workflow's time, so that the history shows the time that the decision used.
    look_only: find the gateway and record nothing (for a question, a repeat or an undo).
    asked: what the station said about the session that an unlock stops first.
    tried: the attempt before this one, when it sent nothing.
    attempt: of the command's frame that comes next; 0: only route.
    hand_over: also hand that frame to the gateway, when the command may be sent now.
    """

    command: Command
    now: datetime
    look_only: bool = False
    timing: Timing = field(default_factory=Timing)
    asked: Asked | None = None
    tried: UnsentAttempt | None = None
    attempt: int = 0
    hand_over: bool = False


@dataclass(frozen=True)
class PrepareCommandResult:
    """Result of `prepare_command`: the station's gateway, and what to do with the command.

    gateway: the process that holds the station's socket; None when no process does.
    revision: the command's revision in the log, after it was recorded as queued.
    course: send it; wait for the station until `look_again`; or conclude it with `outcome`. For an
        unlock also: stop a session first, or ask the station about that session.
    ocpp_transaction_id, transaction, evse_id: the session that an unlock stops or asks about.
    stopped_first: how that session ended.
    offered: the frame may have been handed over, by this decision or by one that was cut off.
    sent: what became of it. None: nothing is known; the same attempt is then asked for on the
        gateway's task queue.
    line: what became of the offer over the gateway's direct line: a word of
        `domain/model/ways.py`; "": nothing was to be handed over.
    """

    gateway: str | None
    revision: int = 0
    course: SendAct = SendAct.SEND
    progress: str = ""
    outcome: Outcome | None = None
    look_again: datetime | None = None
    ocpp_transaction_id: str = ""
    transaction: str = ""
    evse_id: int | None = None
    stopped_first: SessionFacts | None = None
    offered: bool = False
    sent: "SendFrameResult | None" = None
    line: str = ""

    def onto(self, command: Command) -> Command:
        """The command with what was recorded about it."""
        return replace(
            command,
            revision=self.revision,
            progress=self.progress,
            stopped_first=self.stopped_first,
        )


@dataclass(frozen=True)
class CommandSoFar:
    """What a run of the command workflow knows beside the command, for the run after it.

    outcome: never a provisional UNKNOWN. on_wire: its own frame may have been written.
    attempt: of the newest frame. asked: the station's newest reply to a question.
    tried: the newest attempt that sent nothing. look_again: when the facts are read again.
    woken: a wake-up came that no look has heeded. cancel: the caller wants the command back.
    cancel_noted: the log has it. cancel_done: it was taken back, or noted as too late.
    guard_until: until when it is on guard; None before that.
    late_news: this run was begun because news came of a command whose workflow had ended.
    line: what became of the newest offer of its own frame, as in `PrepareCommandResult`.
    """

    outcome: Outcome | None = None
    on_wire: bool = False
    attempt: int = 0
    asked: Asked | None = None
    tried: UnsentAttempt | None = None
    look_again: datetime | None = None
    woken: bool = False
    cancel: CancelInput | None = None
    cancel_noted: bool = False
    cancel_done: bool = False
    guard_until: datetime | None = None
    late_news: bool = False
    line: str = ""


# send_frame: one frame, by the gateway that holds the station.


@dataclass(frozen=True)
class SendFrameInput(CommandSpecs):
    """Input of `send_frame`.

    command: the command's name; for a reservation's own frame, the reservation's name.
    kind: the kind of the frame; the spec of this kind is set and all others are None. The frame's
        kind may differ from the command's: an unlock may send a STOP_SESSION first, and an unwanted
        session is ended by a STOP_SESSION.
    attempt: 1, 2, 3 ... for each command. Command and attempt together are the key of the intent.
    not_after: nothing is written to the socket after this time, time in the queue included.
    undo: this frame undoes an effect, or belongs to a reservation: no command's state is written.
    offered: the attempt may have been handed over before, so "not sent" is said only after a look
        at its intent.
    initial: the command as it was submitted, where the log may not have it yet: on a direct line.
    line: what became of the attempt's offer over the gateway's direct line: a word of
        `domain/model/ways.py`. The line itself says USED. "": it was not offered there.
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
    offered: bool = False
    initial: Command | None = None
    line: str = ""


class SendStatus(StrEnum):
    """What became of a frame. These three are never merged: the next step differs for each."""

    NOT_SENT = "NOT_SENT"
    NO_ANSWER = "NO_ANSWER"
    ANSWERED = "ANSWERED"


@dataclass(frozen=True)
class SendFrameResult:
    """Result of `send_frame` and of `settle_send`.

    cause: an UPPER_SNAKE word of `domain/model/outcomes.py`; empty when ANSWERED.
    retry: only for NOT_SENT: another gateway, or a later moment, may still send the frame.
    why: only for NOT_SENT: an UPPER_SNAKE word that is more exact than the cause; may be empty.
    answer: set when ANSWERED.
    effect_timeout_s: how long the station waits for the cable, when this is known.
    revision: the command's revision in the log; 0 when the result could not be written there.
    message_id: OCPP's id of the frame, also found in logs and traces; "" when nothing was sent.
    decides: whether the answer may be the end of the command, as it was recorded. Results of older
        versions do not say so: there every readable answer might.
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
    decides: bool = True
    why: str = ""


# settle_send: was an attempt sent although its gateway is silent?


@dataclass(frozen=True)
class SettleSendInput:
    """Input of `settle_send`. An attempt without an intent is settled as "never sent".

    give_up: nobody waits for the answer of this attempt any longer: a frame that was perhaps sent
        is recorded as sent without an answer. False: only ask; the gateway is still at work.
    undo: the frame undoes an effect or belongs to a reservation, as in `SendFrameInput`.
    """

    tenant: str
    command: str
    attempt: int
    now: datetime
    give_up: bool = True
    undo: bool = False
    station: str = ""


# weigh_evidence: what do all facts mean for the command now?


@dataclass(frozen=True)
class WeighEvidenceInput:
    """Input of `weigh_evidence`. asked: the station's reply to our last question, if any."""

    tenant: str
    command: str
    timing: Timing
    now: datetime
    asked: Asked | None = None


@dataclass(frozen=True)
class WeighEvidenceResult:
    """Result of `weigh_evidence`: the decision, which is recorded already.

    act: what to do next. look_again: when to weigh again; None: only when woken. Of an UNDO: until
        when its frame may wait for its turn; None: for the usual time.
    state, outcome, compensation, progress, revision: the command as the log has it now.
    ocpp_transaction_id, transaction, evse_id: the session to stop (UNDO, SEND_AGAIN).
    """

    act: Act
    state: State
    revision: int = 0
    look_again: datetime | None = None
    outcome: Outcome | None = None
    compensation: Compensation = field(default_factory=Compensation)
    ocpp_transaction_id: str = ""
    transaction: str = ""
    evse_id: int | None = None
    progress: str = ""

    def onto(self, command: Command) -> Command:
        """The command with what was recorded about it."""
        return replace(
            command,
            state=self.state,
            outcome=self.outcome,
            compensation=self.compensation,
            progress=self.progress,
            revision=self.revision,
        )


# record_change: what only the workflow knows.


class ChangeKind(StrEnum):
    """What `record_change` writes; `domain/commands/transitions.py` has the rule of each.

    NOT_SENT: sending was given up. CANCEL_ASKED: the caller wants the command back, too late.
    CANCELLED: the command was taken back. GUARD_ENDED: late evidence is not acted on any longer.
    HEARD: the result of a frame that the gateway could not write down itself.
    STEP_HEARD: the same for an unlock's first step, which does not change the command itself.
    """

    NOT_SENT = "NOT_SENT"
    HEARD = "HEARD"
    STEP_HEARD = "STEP_HEARD"
    CANCEL_ASKED = "CANCEL_ASKED"
    CANCELLED = "CANCELLED"
    GUARD_ENDED = "GUARD_ENDED"


@dataclass(frozen=True)
class RecordChangeInput:
    """Input of `record_change`.

    cause: for NOT_SENT. detail: a sentence, or the caller's reason for a cancel.
    attempt, heard: for HEARD and STEP_HEARD: the frame's attempt, and what became of it.
    """

    tenant: str
    command: str
    change: ChangeKind
    now: datetime
    cause: str = ""
    detail: str = ""
    attempt: int = 0
    heard: SendFrameResult | None = None


@dataclass(frozen=True)
class RecordChangeResult:
    """Result of `record_change`: the command as the log has it now."""

    command: Command
