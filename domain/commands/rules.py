"""What defines a command: the questions that each of the six files answers.

A kind of command is more than a frame. How long may it wait before it is pointless to send it? What
happens when its station is offline? What does an answer mean, and is that the end, or does the
effect come later? Which facts decide then? Who still looks when all is over, and what is undone
when nobody wants the effect any longer? `CommandRules` holds one answer to each question, and has
no defaults: a new command that leaves a question open does not type-check.

`domain/commands/table.py` has the rules of every kind. Nothing else branches on the kind.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.commands.sending import SendDecision, Whereabouts
from domain.commands.timing import Timing, leaves_by
from domain.evidence.facts import Act, Decision, Facts, NeededFacts
from domain.evidence.frames import heard_or_sent
from domain.evidence.proof import Proof
from domain.evidence.sessions import SentFrame, Session
from domain.evidence.station_event import Concern, OpenFrame, StationEvent
from domain.model.answers import StationAnswer
from domain.model.command import Code, Command, CompensationState, Outcome, State
from domain.model.outcomes import Cause, ending, still_unknown
from domain.model.specs import Kind, OfflinePolicy, Spec
from domain.reservations.reservation import Reservation, ReservationState

Judge = Callable[[Command, Facts, Timing, datetime], Decision]
Prove = Callable[[Command, Facts, Timing, datetime], Proof]


@dataclass(frozen=True)
class FrameSpec:
    """A frame that a workflow sends besides the command's own: its kind and its spec."""

    kind: Kind
    spec: Spec


@dataclass(frozen=True)
class SessionTarget:
    """A session that a frame is about. transaction: our id of it."""

    ocpp_transaction_id: str = ""
    transaction: str = ""
    evse_id: int | None = None


@dataclass(frozen=True)
class StationQuestion:
    """What a station is asked about: a transaction where one is known, else an EVSE."""

    evse_id: int | None = None
    connector_id: int | None = None
    ocpp_transaction_id: str = ""


@dataclass(frozen=True)
class NamedTarget:
    """What a command is to end, as its names say before it is sent.

    ocpp_transaction_id: "" for none. transaction: our id of the session, where OCPP's does not tell
        which one it is. reservation: our id of the reservation.
    """

    ocpp_transaction_id: str = ""
    transaction: str | None = None
    reservation: str | None = None


@dataclass(frozen=True)
class FoundTarget:
    """The target as the fleet knows it. None: the command names none, or it was never heard of."""

    session: Session | None = None
    reservation: Reservation | None = None


@dataclass(frozen=True)
class ReservationUpdate:
    """What the newest change of a command means for a reservation in the log.

    reservation: our id of it. key: the same key of the same reservation is written once.
    change: from the reservation as it is known to what it becomes.
    wake_states, reason: in these states afterwards the reservation's own workflow has work to do,
        for this reason.
    initial: what to begin with when the log does not know the reservation; None: nothing is written
        then. Its workflow id is still empty.
    """

    reservation: str
    key: str
    change: Callable[[Reservation], Reservation]
    wake_states: frozenset[ReservationState]
    reason: str
    initial: Reservation | None = None


@dataclass(frozen=True)
class UndoRules:
    """How the effect of a command is undone when nobody wants it any longer.

    title: what the frame's title begins with. progress: what a cancelled command waits for.
    frame: the frame that undoes it; the session is the one that the decision to undo names.
    """

    title: str
    progress: str
    frame: Callable[[Command, SessionTarget], FrameSpec]


@dataclass(frozen=True)
class FirstStepRules:
    """What a command may have to do before it is sent.

    applies: whether this very command has such a step. decide: send it, or do the step.
    if_not_sent: its outcome when the step was taken and the command is not sent after all.
    if_cancelled: the same when its caller took it back.
    """

    applies: Callable[[Command], bool]
    decide: Callable[[Command, Facts, Whereabouts, Timing, datetime], SendDecision]
    if_not_sent: Callable[[Command], Outcome]
    if_cancelled: Callable[[Command], Outcome]


@dataclass(frozen=True)
class CommandRules:
    """All rules of one kind of command.

    verb: what it does, for an operator. title: what its title names besides the station.
    not_after: how long after its creation it is still sent, when its caller said nothing.
    offline_policy: what happens when the station is offline, when its caller said nothing.
    priority: its place in a station's queue. 0 goes first, equals go in order of arrival. What ends
        the flow of energy or frees a driver's cable goes before what begins something.
    barred_by_quarantine: it begins a session or opens a lock, so it is not sent to a station of
        which nobody knows who it is (`domain.model.twins`).
    repeatable: a frame that was perhaps sent may be written again, as a second one finds nothing
        left to do. A stop only while the same session is known to run.
    awaits_effect: an accepted command is final only when its effect was seen.
    effect_progress: what it waits for after a yes; "" where the answer is final.

    outcome_of_answer: the outcome that a readable answer alone decides; None: facts decide. The
        station knows the message.
    is_undecided: whether this command is in a state in which even such an answer decides nothing.
    first_look: when to look at the facts for the first time after a frame was sent, unless woken.
    no_is_weighed: a no is no end of the command when the station reported something since the
        frame: then facts decide. yes_is_weighed: a yes neither, when a session carries the number
        of the reservation. no_settles: a no is told only when its effect can no longer follow: some
        stations say no and act all the same, and what they did cannot be undone.
    judge, judge_compensating, judge_done: the next step, by all facts: while the effect is awaited,
        while it is undone after a cancel, and on guard after the end.
    proof: what speaks for the effect and against it, and what is not known. A negative that
        `judge` chooses is only said when it holds. unproven: what is said otherwise.
    is_guarded: whether late evidence about the finished command is acted on. It has an outcome, and
        a frame of it may have been sent. guard_end: until when.
    watched_for: how long after such an end that is not guarded a workflow is begun anew when late
        evidence comes; None: never. A watch costs nothing while nothing comes.

    needed_facts: by which facts it is judged. concern: which messages of its station may matter.
    target: what it is to end. already_ended: the outcome when that has ended before the sending.
    question: what its station is asked about it. repeated: the spec of a frame that is sent again;
        a stop takes the transaction id that it is given.
    reservation_update: what its newest change means for a reservation; None: nothing.
    admits_token: its token may charge at the station while a frame of it is open.
    undo: None when its effect cannot be taken back. first_step: None when it has none.
    """

    verb: str
    title: Callable[[Command], list[str]]
    not_after: timedelta
    offline_policy: OfflinePolicy
    priority: int
    barred_by_quarantine: bool
    repeatable: bool
    awaits_effect: bool
    effect_progress: str

    outcome_of_answer: Callable[[Command, StationAnswer], Outcome | None]
    is_undecided: Callable[[Command, StationAnswer], bool]
    first_look: Callable[[SentFrame, StationAnswer | None, Timing, float | None], datetime]
    no_is_weighed: bool
    yes_is_weighed: bool
    no_settles: bool
    judge: Judge
    judge_compensating: Judge
    judge_done: Judge
    proof: Prove
    unproven: Callable[[Command, Facts], Outcome]
    is_guarded: Callable[[Command, Outcome], bool]
    guard_end: Callable[[Command, Timing, datetime], datetime]
    watched_for: Callable[[Outcome], timedelta | None]

    needed_facts: Callable[[Command], NeededFacts]
    concern: Callable[[StationEvent, OpenFrame], Concern]
    target: Callable[[Command], NamedTarget]
    already_ended: Callable[[Command, FoundTarget], Outcome | None]
    question: Callable[[Command], StationQuestion]
    repeated: Callable[[Command, str], Spec]
    reservation_update: Callable[[Command, datetime], ReservationUpdate | None]
    admits_token: bool
    undo: UndoRules | None
    first_step: FirstStepRules | None


# --- Answers that several commands give


def nothing_to_end(command: Command) -> NamedTarget:
    """Of a command that ends nothing."""
    del command
    return NamedTarget()


def never_ended(command: Command, found: FoundTarget) -> Outcome | None:
    """Of a command that ends nothing: it is always sent."""
    del command, found
    return None


def no_reservation(command: Command, now: datetime) -> ReservationUpdate | None:
    """Of a command that neither makes nor ends a reservation."""
    del command, now
    return None


def never_watched(outcome: Outcome) -> timedelta | None:
    """Of a command that has no effect later than its guard."""
    del outcome
    return None


def unknown_or(cause: Cause) -> Callable[[Command, Facts], Outcome]:
    """Of a command that is UNKNOWN as it was before, else of this cause."""

    def unproven(command: Command, facts: Facts) -> Outcome:
        lost = command.outcome is not None and command.outcome.code is Code.UNKNOWN
        return unknown_as_before(command, facts) if lost else ending(cause)

    return unproven


def unknown_as_before(command: Command, facts: Facts) -> Outcome:
    """Of a command whose UNKNOWN has no further cause."""
    del facts
    return still_unknown(command)


def always_decided(command: Command, answer: StationAnswer) -> bool:
    """Of a command whose answer means the same in every state."""
    del command, answer
    return False


def guarded_for_the_window(command: Command, timing: Timing, now: datetime) -> datetime:
    """The end of the guard of most commands: a fixed time after the end."""
    del command
    return now + timedelta(seconds=timing.guard_s)


def looked_at_with_answer(
    frame: SentFrame,
    answer: StationAnswer | None,
    timing: Timing,
    connection_timeout_s: float | None,
) -> datetime:
    """The first look of a command whose answer decides, or nothing does: straight away."""
    del answer, timing, connection_timeout_s
    return heard_or_sent(frame)


def undone_in_time(judge: Judge) -> Judge:
    """Of a command whose caller waits while its effect is undone: that frame leaves soon enough.

    `look_again` of a decision to undo is until when its frame may wait for its turn.
    """

    def judged(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
        decision, known = judge(command, facts, timing, now), command.compensation
        waits = command.state is not State.DONE and decision.outcome is None
        if decision.act is not Act.UNDO or not waits:
            return decision
        pending = known.state is CompensationState.PENDING
        since = (known.update_time if pending else None) or now
        return replace(decision, look_again=leaves_by(since, timing, now))

    return judged
