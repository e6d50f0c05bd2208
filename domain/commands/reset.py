"""Reset: a station or an EVSE restarts, followed until it is back and was looked at again.

An accepted reset has done nothing yet. Its proof is a boot: a BootNotification on a socket that was
opened after our frame left, or on the old one after the station had agreed, with a reason that
fits. A station that only lost its network comes back without one, and one that is asked for it says
"Triggered": neither is a restart. The proof counts whatever was answered and whenever it came, also
when the answer was lost: many stations drop their socket before they answer. After the deadline it
counts only when the station names the reset as its reason, or was away all the while. Else somebody
may have switched the station off and on hours later. While an earlier reset is still owed its boot,
a boot proves nothing for a frame without an answer: the station may never have got it. A boot that
a reset of another back end (CSMS) may have brought is no proof either, whatever was answered.

After the boot the connectors and the sessions that ran before are looked at again, for a named time
at most. One EVSE restarts without a boot: there its connectors' status is the proof,
after one was Unavailable or when all tell theirs anew; a car that comes or goes is none, and while
a session of the EVSE runs on nothing is. A reset is
never repeated. Without a proof, "it did not restart" is said only when the socket that carried the
frame is still the station's socket; else the outcome is UNKNOWN, and a late boot raises it.
"""

from datetime import datetime, timedelta

from domain.commands.rules import (
    CommandRules,
    StationQuestion,
    always_decided,
    guarded_for_the_window,
    never_ended,
    never_watched,
    no_reservation,
    nothing_to_end,
    unknown_or,
)
from domain.commands.timing import Timing, next_look
from domain.evidence.facts import (
    Act,
    Decision,
    Facts,
    Need,
    NeededFacts,
    agreed,
    given_answer,
    refused,
)
from domain.evidence.frames import heard_or_sent
from domain.evidence.proof import Proof, signs
from domain.evidence.restart import RestartFacts, ended_by_its_driver, why_not_confirmed
from domain.evidence.sessions import SentFrame, Session
from domain.evidence.station_event import (
    Concern,
    EventKind,
    OpenFrame,
    StationEvent,
    concern_of_any,
    yes_if,
)
from domain.evidence.targets import has_settled, settling_time
from domain.limits import ASK_AFTER_BOOT, FIRST_LOOK, LONGEST_LOOK, REFUSAL_SLIP
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Code, Command, Outcome, ResetFacts, State
from domain.model.outcomes import Cause, cause_of, ending, refusal
from domain.model.specs import OfflinePolicy, ResetSpec, required
from domain.ocpp_words import RESET_REASONS, BootReason

_BY_OUR_RESET = {BootReason.REMOTE_RESET, BootReason.SCHEDULED_RESET}


def _outcome_of_answer(command: Command, answer: StationAnswer) -> Outcome | None:
    """A no is the outcome. After a yes the restart is still to come."""
    del command
    return refusal(answer) if answer.verdict.is_no else None


def _first_look(
    frame: SentFrame,
    answer: StationAnswer | None,
    timing: Timing,
    connection_timeout_s: float | None,
) -> datetime:
    """Soon in any case: a station that restarts loses its socket without a word."""
    del answer, timing, connection_timeout_s
    return heard_or_sent(frame) + FIRST_LOOK


def judge_reset(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
    """The next step of a reset that was sent: awaited, or DONE as UNKNOWN and on guard."""
    spec, frame = required(command.reset), facts.frame
    if frame is None:
        return Decision(Act.WAIT)
    # A proof counts before the deadline is looked at: it may be read late.
    deadline = reset_deadline(command, frame, timing)
    if _has_booted(command, facts.restart, frame, deadline):
        return _reconcile(command, spec, facts, timing, now)
    if spec.evse_id is not None and _evse_is_back(command, facts, frame):
        unsettled = _settling(facts, now)
        if unsettled:
            progress = _phase(command, facts, frame)
            return Decision(Act.WAIT, look_again=max(unsettled), progress=progress)
        return _conclude(command, spec, facts, Cause.EVSE_RESTARTED, now)
    if command.state is State.DONE:
        return Decision(Act.WAIT)
    if refused(command, frame):
        no = refusal(required(command.station_answer))
        proof = _proof(command, facts, timing, now)
        settled = now >= heard_or_sent(frame) + REFUSAL_SLIP
        if now >= deadline or (settled and proof.holds(Cause(no.cause))):
            return Decision(Act.CONCLUDE, outcome=no)
    if now >= deadline:
        return _conclude(command, spec, facts, _not_restarted(command, spec, facts, frame), now)
    return _wait(command, facts, frame, deadline, now)


def is_scheduled(command: Command) -> bool:
    """Whether the station said that it waits for its last session."""
    answer = command.station_answer
    return answer is not None and answer.verdict is Verdict.SCHEDULED


def reset_deadline(command: Command, frame: SentFrame, timing: Timing) -> datetime:
    """When a reset without a proof is given up."""
    answer = given_answer(command, frame)
    wait_s = timing.reset_effect_s
    if answer is not None and answer.verdict is Verdict.SCHEDULED:
        wait_s = timing.reset_scheduled_s
    elif answer is not None and answer.verdict.is_no:
        wait_s = timing.effect_margin_s  # what it still does after a no would be late
    return heard_or_sent(frame) + timedelta(seconds=wait_s)


def _has_booted(
    command: Command, restart: RestartFacts, frame: SentFrame, deadline: datetime
) -> bool:
    booted = restart.boot_time
    if booted is None or booted <= frame.send_time:
        return False
    if restart.boot_reason == BootReason.TRIGGERED:
        return False  # it was asked for a BootNotification, and sent one
    if restart.boot_owed and frame.answer_time is None:
        return False  # whether the station got this frame before that restart nobody knows
    if restart.theirs:
        return False  # a station that gets two resets may restart once
    by_reset = restart.boot_reason in _BY_OUR_RESET
    if booted > deadline and not (by_reset or _was_away(restart, deadline)):
        return False
    if restart.boot_is_newer:
        return True
    # On the old socket the messages are in order: a station agrees before it restarts.
    answered = frame.answer_time
    in_order = answered is not None and booted > answered
    return in_order and agreed(command, frame) and (by_reset or restart.boot_is_of_now)


def _was_away(restart: RestartFacts, deadline: datetime) -> bool:
    """Whether the station was offline from before the deadline until it booted."""
    down, back = restart.down_time, restart.connected_time
    return down is not None and back is not None and down <= deadline <= back


def _evse_is_back(command: Command, facts: Facts, frame: SentFrame) -> bool:
    """Whether the EVSE's connectors prove its restart, which the station has agreed to.

    A restart ends the EVSE's session first: while one runs, no status proves anything. A station
    that connects again tells every status anew, and so does one whose driver has just left.
    """
    restart, answered = facts.restart, frame.answer_time
    if answered is None or not agreed(command, frame) or restart.theirs:
        return False
    if any(session.active for session in restart.running):
        return False
    ends = [end for session in restart.running if (end := session.stop_received_time) is not None]
    if any(each.was_down(max([answered, *ends])) for each in restart.connectors):
        return True
    left = any(ended_by_its_driver(session, answered) for session in restart.running)
    if is_scheduled(command) or left or not restart.connectors or not restart.same_socket:
        return False
    return all(each.told_anew(max([answered, *ends])) for each in restart.connectors)


# --- after the boot


def _reconcile(
    command: Command, spec: ResetSpec, facts: Facts, timing: Timing, now: datetime
) -> Decision:
    """The next step after the boot: connectors and earlier sessions are looked at again."""
    booted = facts.restart.boot_time or now
    over = booted + timedelta(seconds=timing.reconcile_s)
    silent = [each for each in facts.restart.connectors if not each.told_since(booted)]
    running = any(session.active for session in facts.restart.running)
    settling = _settling(facts, now)
    if now >= over or not (silent or running or settling):
        return _conclude(command, spec, facts, Cause.STATION_RESTARTED, now)
    asked = facts.asked is not None and facts.asked.at >= booted
    if silent and not asked and facts.restart.connected and now >= booted + ASK_AFTER_BOOT:
        return Decision(Act.ASK)
    looks = [over, *settling, booted + ASK_AFTER_BOOT]
    look = min(each for each in looks if each > now)
    progress = "The station has restarted; looking at its connectors and sessions again."
    return Decision(Act.WAIT, look_again=look, progress=progress)


def _settling(facts: Facts, now: datetime) -> list[datetime]:
    """When the ends stand that nobody reported: such a session may as well run on until then."""
    dues = [settling_time(session) for session in facts.restart.running]
    return [due for due in dues if due is not None and due > now]


# --- without a proof


def _wait(
    command: Command, facts: Facts, frame: SentFrame, deadline: datetime, now: datetime
) -> Decision:
    look = next_look(SentFrame(frame.id, frame.attempt, frame.send_time), now, deadline)
    look = min(look, now + LONGEST_LOOK)
    return Decision(Act.WAIT, look_again=look, progress=_phase(command, facts, frame))


def _phase(command: Command, facts: Facts, frame: SentFrame) -> str:
    if not facts.restart.connected:
        return "The station is down; waiting for it to come back."
    if not facts.restart.same_socket:
        return "The station has reconnected; waiting for its boot."
    if is_scheduled(command):
        return "The station will restart when its last session has ended."
    if agreed(command, frame):
        return "The station agreed; waiting for it to restart."
    return ""


def _not_restarted(command: Command, spec: ResetSpec, facts: Facts, frame: SentFrame) -> Cause:
    if not facts.restart.connected:
        return Cause.OFFLINE_AT_DEADLINE
    if facts.restart.same_socket and spec.evse_id is None:
        return Cause.STATION_DID_NOT_RESTART
    if agreed(command, frame):
        return Cause.RESTART_NOT_CONFIRMED
    known = command.outcome.cause if command.outcome else ""
    return cause_of(known, Code.UNKNOWN, Cause.RESTART_NOT_CONFIRMED)


def _conclude(
    command: Command, spec: ResetSpec, facts: Facts, cause: Cause, now: datetime
) -> Decision:
    return Decision(Act.CONCLUDE, outcome=_outcome(command, spec, facts, cause, now))


def _outcome(
    command: Command, spec: ResetSpec, facts: Facts, cause: Cause, now: datetime
) -> Outcome:
    """The outcome. A session whose end has not settled is named neither as running nor as ended."""
    restart, booted = facts.restart, cause is Cause.STATION_RESTARTED
    return ending(
        cause,
        why_not_confirmed(restart) if cause is Cause.RESTART_NOT_CONFIRMED else "",
        reset=ResetFacts(
            evse_id=spec.evse_id,
            scheduled=is_scheduled(command),
            down_time=_loss_before_boot(restart) if booted else restart.down_time,
            boot_time=restart.boot_time if booted else None,
            boot_reason=restart.boot_reason if booted else "",
            running=tuple(session.name for session in restart.running if session.active),
            ended=tuple(session.name for session in restart.running if has_settled(session, now)),
        ),
    )


def _loss_before_boot(restart: RestartFacts) -> datetime | None:
    """The loss of the socket that led to the boot. A later loss is another story."""
    down, boot = restart.down_time, restart.boot_time
    return None if down is not None and boot is not None and down > boot else down


# --- The proof that it did not restart


def _proof(command: Command, facts: Facts, timing: Timing, now: datetime) -> Proof:
    """What says that the station restarted, or did not, and what is not known."""
    frame, restart = facts.frame, facts.restart
    if frame is None:
        return Proof()
    answer = given_answer(command, frame)
    full_time = now >= heard_or_sent(frame) + timedelta(seconds=timing.reset_effect_s)
    return Proof(
        speaks_for=signs(
            booted=_booted_for_itself(restart, frame),
            ended_by_reset=any(_ended_by_reset(session, frame) for session in restart.running),
            connector_down=any(each.went_down(frame.send_time) for each in restart.connectors),
        ),
        speaks_against=signs(refused=refused(command, frame), same_connection=restart.same_socket),
        not_known=signs(
            report_not_taken=bool(facts.untaken),
            station_away=_may_be_restarting(command, frame, restart, timing, now),
            station_error=answer is not None and answer.is_error and not full_time,
        ),
    )


def _may_be_restarting(
    command: Command, frame: SentFrame, restart: RestartFacts, timing: Timing, now: datetime
) -> bool:
    """Whether the socket of a refused frame was lost, and the station is not back for good."""
    if restart.same_socket or not refused(command, frame):
        return False
    return not restart.connected or now < reset_deadline(command, frame, timing)


def _booted_for_itself(restart: RestartFacts, frame: SentFrame) -> bool:
    """Whether the station said that it has booted, and not because it was asked to say so."""
    booted = restart.boot_time
    asked_for = restart.boot_reason == BootReason.TRIGGERED
    return booted is not None and booted > frame.send_time and not asked_for


def _ended_by_reset(session: Session, frame: SentFrame) -> bool:
    told = session.stop_received_time
    return session.stop_reason in RESET_REASONS and told is not None and told > frame.send_time


# --- The other rules


def _is_guarded(command: Command, outcome: Outcome) -> bool:
    """A station whose reset is UNKNOWN may still boot."""
    del command
    return outcome.code is Code.UNKNOWN


def _needed_facts(command: Command) -> NeededFacts:
    return NeededFacts(frozenset({Need.RESTART}), evse_id=required(command.reset).evse_id)


def _concern(event: StationEvent, frame: OpenFrame) -> Concern:
    """Boots and the status of connectors. No session: a restart is judged by what comes after it.

    A reset that was put off is followed for days, and nothing else may wake it.
    """
    match event.what:
        case EventKind.TRANSACTION:
            return Concern.NO
        case EventKind.BOOTED:
            return Concern.YES
        case EventKind.CONNECTOR_STATUS:
            if frame.evse_id is None:
                return Concern.IF_ALL_REPORTED
            return yes_if(frame.evse_id == event.evse_id)
        case _:
            return concern_of_any(event, frame)


def _question(command: Command) -> StationQuestion:
    return StationQuestion(required(command.reset).evse_id)


def _title(command: Command) -> list[str]:
    spec = required(command.reset)
    what = "the whole station" if spec.evse_id is None else f"EVSE {spec.evse_id}"
    return [what, spec.mode.value]


def _repeated(command: Command, ocpp_transaction_id: str) -> ResetSpec:
    del ocpp_transaction_id
    return required(command.reset)


RESET = CommandRules(
    verb="Reset",
    title=_title,
    not_after=timedelta(minutes=15),
    offline_policy=OfflinePolicy.WAIT,
    priority=2,
    barred_by_quarantine=False,
    repeatable=False,
    awaits_effect=True,
    effect_progress="The station agreed; waiting for it to restart.",
    outcome_of_answer=_outcome_of_answer,
    is_undecided=always_decided,
    first_look=_first_look,
    no_is_weighed=True,
    yes_is_weighed=False,
    no_settles=True,
    judge=judge_reset,
    judge_compensating=judge_reset,
    judge_done=judge_reset,
    proof=_proof,
    unproven=unknown_or(Cause.RESTART_NOT_CONFIRMED),
    is_guarded=_is_guarded,
    guard_end=guarded_for_the_window,
    watched_for=never_watched,
    needed_facts=_needed_facts,
    concern=_concern,
    target=nothing_to_end,
    already_ended=never_ended,
    question=_question,
    repeated=_repeated,
    reservation_update=no_reservation,
    admits_token=False,
    undo=None,
    first_step=None,
)
