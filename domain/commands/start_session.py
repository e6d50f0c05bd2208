"""StartSession: a session begins, and the command's caller is told the truth about it.

The order of the rules is the rule. A session that is ours decides, whatever was answered and in
whatever order the messages came. Without one, the station's own end of waiting decides early.
Otherwise the deadline decides, and there the burden of proof is on "nothing happened" (`_proof`):
the station must have agreed and have been connected since (then it would have reported a session),
or have said on being asked that it holds no unreported facts, and nothing may point to a session.
Without such proof the outcome is UNKNOWN. After a no, or an error of the station's own, the
deadline is short: what such a station still does is late.

The frame is written once, ever: a second one may become a second session.

A start that was given up can still happen: the station kept the request longer than it should, or
was offline and reports later. So after NO_EFFECT, UNKNOWN or CANCELLED the command stays on guard.
A session that begins now is not wanted: it is stopped (`compensation.py`). One exception is an
UNKNOWN outcome with a session that began within the command's own time; that is what was asked for,
and UNKNOWN is raised. A doubtful session is left alone, because it may be somebody else's. When the
doubt stays, the compensation of a command that says that nothing runs has failed.
"""

from datetime import datetime, timedelta

from domain.commands import compensation
from domain.commands.rules import (
    CommandRules,
    FrameSpec,
    SessionTarget,
    StationQuestion,
    UndoRules,
    always_decided,
    guarded_for_the_window,
    never_ended,
    no_reservation,
    nothing_to_end,
)
from domain.commands.stop_session import frame_that_stops
from domain.commands.timing import (
    Timing,
    ask_time,
    cable_deadline,
    is_steady,
    next_look,
)
from domain.evidence.asking import may_ask, quiet_at, said_all_at
from domain.evidence.facts import (
    Act,
    Decision,
    Facts,
    Need,
    NeededFacts,
    agreed,
    best_of,
    given_answer,
    in_its_words,
    over,
    refused,
    session_facts,
    token_was_refused,
    told_as_refused,
    without_session,
)
from domain.evidence.frames import heard_or_sent
from domain.evidence.matching import may_be_unasked
from domain.evidence.places import is_in_use, is_unclear, may_be_taken, was_in_use
from domain.evidence.proof import Proof, Sign, concerning, of_a_session, signs
from domain.evidence.sessions import Match, SentFrame, Session, cable_wait_ended, plug_settles
from domain.evidence.station_event import (
    Concern,
    EventKind,
    OpenFrame,
    StationEvent,
    concern_of_any,
    concerns_start,
    yes_if,
)
from domain.limits import ASK_SPACING, FIRST_LOOK, REFUSAL_WATCH
from domain.model.answers import StationAnswer
from domain.model.command import GIVEN_UP, Code, Command, Outcome, State
from domain.model.outcomes import Cause, ending, refusal, still_unknown
from domain.model.specs import OfflinePolicy, StartSpec, required
from domain.model.states import is_definite
from domain.ocpp_words import ChargingState


def _outcome_of_answer(_: Command, answer: StationAnswer) -> Outcome | None:
    """A no is the outcome. After a yes the session is still to come."""
    return refusal(answer) if answer.verdict.is_no else None


def _first_look(
    frame: SentFrame,
    answer: StationAnswer | None,
    timing: Timing,
    connection_timeout_s: float | None,
) -> datetime:
    """After a yes at the deadline, without an answer soon, after any other answer at once."""
    deadline = cable_deadline(frame, timing, connection_timeout_s)
    if answer is None:
        return min(frame.send_time + FIRST_LOOK, deadline)
    return deadline if answer.verdict.is_yes else heard_or_sent(frame)


# --- While the effect is awaited


def judge_start(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
    """The next step of a start that was sent and has no definite outcome yet."""
    frame = facts.frame
    if frame is None:
        return Decision(Act.WAIT)
    deadline = _patience(command, facts, frame, timing)
    # The order is the rule: a session of ours, the station's own word, the deadline.
    session, match = best_match(command, facts, frame, timing)
    ours = session if match is Match.MATCH else None
    settled = plug_settles(facts.connectors, frame, ours)
    if ours is not None and (settled is None or now >= settled or not ours.may_begin_again):
        return _started(ours, deadline, now)
    told = in_its_words(command, facts, frame)
    proof = _proof(command, facts, timing, now)
    if settled is not None and now < settled and not refused(command, frame):
        return Decision(Act.WAIT, look_again=settled)
    if told is not None and (now >= deadline or proof.holds(Cause(told.cause))):
        return Decision(Act.CONCLUDE, outcome=told)
    if now < deadline:
        return _before_deadline(command, facts, frame, timing, now)
    doubtful = ending(Cause.SESSION_DOUBTFUL) if session is not None else None
    return Decision(Act.CONCLUDE, outcome=doubtful or without_session(command, facts))


def _patience(command: Command, facts: Facts, frame: SentFrame, timing: Timing) -> datetime:
    """Until when a session is waited for. After a no of any kind it would be late."""
    answer = given_answer(command, frame)
    if answer is not None and answer.verdict.is_no:
        return heard_or_sent(frame) + timedelta(seconds=timing.effect_margin_s)
    return start_deadline(facts, frame, timing)


def start_deadline(facts: Facts, frame: SentFrame, timing: Timing) -> datetime:
    """When a start is given up."""
    return cable_deadline(frame, timing, facts.connection_timeout_s)


def best_match(
    command: Command, facts: Facts, frame: SentFrame, timing: Timing
) -> tuple[Session | None, Match]:
    """The session that is ours, else one that may be, else none."""
    return best_of(command, facts, frame, start_deadline(facts, frame, timing))


def _started(session: Session, deadline: datetime, now: datetime) -> Decision:
    """The next step when a session is ours: it started, was refused, or waits for a car."""
    if session.is_refused:
        return told_as_refused(session, deadline, now)
    if not session.is_accepted:
        return _not_judged(deadline, now)
    if not session.active:
        return Decision(Act.CONCLUDE, outcome=over(session, Cause.SESSION_STARTED_AND_ENDED))
    idle = session.charging_state == ChargingState.IDLE
    if idle and now < deadline:
        progress = "The station opened the session; waiting for the cable."
        return Decision(Act.WAIT, look_again=deadline, progress=progress)
    cause = Cause.SESSION_OPEN_WITHOUT_CABLE if idle else Cause.SESSION_STARTED
    return Decision(Act.CONCLUDE, outcome=ending(cause, session=session_facts(session)))


def _not_judged(deadline: datetime, now: datetime) -> Decision:
    """Nobody has judged the token yet: that is no refusal. A later event tells it, or nothing."""
    if now < deadline:
        progress = "The station opened the session; waiting for it to be authorised."
        return Decision(Act.WAIT, look_again=deadline, progress=progress)
    return Decision(Act.CONCLUDE, outcome=ending(Cause.SESSION_DOUBTFUL))


def _before_deadline(
    command: Command, facts: Facts, frame: SentFrame, timing: Timing, now: datetime
) -> Decision:
    deadline = _patience(command, facts, frame, timing)
    answer = given_answer(command, frame)
    if answer is not None and (answer.verdict.is_yes or answer.verdict.is_no):
        return Decision(Act.WAIT, look_again=deadline)
    from_then = ask_time(deadline, timing)
    if now < from_then:
        return Decision(Act.WAIT, look_again=next_look(frame, now, from_then))
    if may_ask(facts, now):
        return Decision(Act.ASK)
    return Decision(Act.WAIT, look_again=min(deadline, now + ASK_SPACING))


# --- The proof that nothing happened


def _said_all(facts: Facts, frame: SentFrame, timing: Timing) -> bool:
    """Whether the station had nothing to report when its own waits were over."""
    return said_all_at(facts, ask_time(start_deadline(facts, frame, timing), timing))


def _proof(command: Command, facts: Facts, timing: Timing, now: datetime) -> Proof:
    """What says that a session of ours began, or did not, and what is not known."""
    frame = facts.frame
    if frame is None:
        return Proof()
    session, match = best_match(command, facts, frame, timing)
    ours = session if match is Match.MATCH else None
    answer, asked = given_answer(command, frame), facts.asked
    over = now >= start_deadline(facts, frame, timing)
    steady = is_steady(facts.connected_since, now, timing)
    quiet = quiet_at(facts, heard_or_sent(frame))
    against = signs(
        refused=refused(command, frame),
        token_refused=ours is not None and ours.is_refused,
        wait_ended=(ours is not None and ours.timed_out)
        or (cable_wait_ended(facts.connectors, frame) and agreed(command, frame)),
        nothing_held_back=_said_all(facts, frame, timing),
        agreed_and_silent=agreed(command, frame) and over and steady and session is None,
    )
    if token_was_refused(command, frame) and against:
        against = (*against, Sign.TOKEN_ASKED)
    firm = {Sign.REFUSED, Sign.NOTHING_HELD_BACK} & set(against)
    return Proof(
        speaks_for=signs(
            session_is_ours=ours is not None and ours.is_accepted and not ours.timed_out,
            evse_in_use=is_in_use(facts, frame),
            evse_was_in_use=was_in_use(facts, frame),
        ),
        speaks_against=against,
        not_known=signs(
            session_may_be_ours=match is Match.DOUBTFUL
            or may_be_taken(facts, frame, start_deadline(facts, frame, timing)),
            token_not_judged=ours is not None and not (ours.is_accepted or ours.is_refused),
            report_not_taken=bool(concerning(facts.untaken, frame.evse_id)),
            held_back=asked is not None and asked.messages_in_queue is True,
            station_away=agreed(command, frame) and not against and not steady,
            station_error=answer is not None and answer.is_error and not against,
            evse_unclear=is_unclear(facts, frame),
            back_lately=ours is None and not firm and quiet is not None and now < quiet,
        ),
    )


# --- After it was given up, taken back or reported


def judge_late_start(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
    """The next step of a start that is COMPENSATING, or DONE and on guard."""
    under_way = compensation.pending(command, facts, timing, now)
    if under_way is not None:
        return under_way
    frame = facts.frame
    if frame is None:
        return compensation.nothing_more(command)
    session, match = best_match(command, facts, frame, timing)
    deadline = start_deadline(facts, frame, timing)
    is_ours = match is Match.MATCH
    his_own = compensation.may_be_his_own
    if session and is_ours and not his_own(command, facts, frame, session, deadline):
        if not is_definite(command.outcome) and session.start_time <= deadline:
            return judge_start(command, facts, timing, now)
        if may_be_unasked(session, frame):
            return compensation.of_doubtful_session(command, session, deadline, now)
        return compensation.of_late_session(command, session, deadline, now)
    if session is not None:
        patience = _patience(command, facts, frame, timing)
        return compensation.of_doubtful_session(command, session, patience, now)
    unread = of_a_session(concerning(facts.untaken, frame.evse_id))
    if unread and compensation.needs_a_look(command, deadline, now):
        return compensation.not_known()
    if command.state is State.COMPENSATING:
        return compensation.quiet(command, deadline, now)
    return _still_unknown(command, facts, frame, timing, now)


def _still_unknown(
    command: Command, facts: Facts, frame: SentFrame, timing: Timing, now: datetime
) -> Decision:
    if is_definite(command.outcome):
        return Decision(Act.WAIT)
    if _said_all(facts, frame, timing):
        return Decision(Act.CONCLUDE, outcome=without_session(command, facts))
    if facts.can_ask_status and may_ask(facts, now):
        return Decision(Act.ASK)
    quiet = quiet_at(facts, heard_or_sent(frame))
    if agreed(command, frame) and quiet is not None and now >= quiet:
        return Decision(Act.CONCLUDE, outcome=without_session(command, facts))
    return Decision(Act.WAIT, look_again=quiet if quiet is not None and now < quiet else None)


# --- The other rules


def _unproven(command: Command, facts: Facts) -> Outcome:
    """UNKNOWN with the cause that the command has already."""
    detail = facts.asked.detail if facts.asked else ""
    lost = command.outcome is not None and command.outcome.code is Code.UNKNOWN
    if lost or command.station_answer is None:
        return still_unknown(command, detail)
    return ending(Cause.START_NOT_EXCLUDED, detail)


_SAID_NO = frozenset({Code.REJECTED, Code.NOT_SUPPORTED})


def _is_guarded(_: Command, outcome: Outcome) -> bool:
    """A start that was given up may still happen. A refused session is watched instead."""
    refused_session = outcome.cause == Cause.AUTHORIZATION_REFUSED and outcome.session is not None
    return outcome.code in GIVEN_UP and not refused_session


def _watched_for(outcome: Outcome) -> timedelta | None:
    """A station that refused may begin all the same, soon after; then the session is stopped."""
    token_refused = outcome.cause == Cause.AUTHORIZATION_REFUSED
    return REFUSAL_WATCH if token_refused or outcome.code in _SAID_NO else None


def _needed_facts(command: Command) -> NeededFacts:
    spec = required(command.start)
    needs = {Need.SESSIONS_SINCE_FRAMES, Need.RUNNING_SESSIONS, Need.RIVALS, Need.CONNECTORS}
    return NeededFacts(frozenset(needs), evse_id=spec.evse_id)


def _concern(event: StationEvent, frame: OpenFrame) -> Concern:
    match event.what:
        case EventKind.TRANSACTION:
            return yes_if(concerns_start(event, frame))
        case EventKind.CONNECTOR_STATUS:
            same = frame.evse_id is not None and frame.evse_id == event.evse_id
            return Concern.IF_CABLE_WAIT_ENDED if same else Concern.NO
        case EventKind.CONNECTION_TIMEOUT:
            return Concern.YES
        case _:
            return concern_of_any(event, frame)


def _question(command: Command) -> StationQuestion:
    """By the transaction that the station's answer named; else by EVSE and connector."""
    spec, answer = required(command.start), command.station_answer
    named = answer.ocpp_transaction_id if answer else None
    return StationQuestion(spec.evse_id, spec.connector_id, named or "")


def _title(command: Command) -> list[str]:
    spec = required(command.start)
    evse = [f"EVSE {spec.evse_id}"] if spec.evse_id is not None else []
    return [*evse, f"token {spec.id_token.masked}"]


def _repeated(command: Command, _: str) -> StartSpec:
    return required(command.start)


def _undo_frame(_: Command, session: SessionTarget) -> FrameSpec:
    """The unwanted session is stopped by its own id."""
    return frame_that_stops(session)


START_SESSION = CommandRules(
    verb="Start session",
    title=_title,
    not_after=timedelta(seconds=60),
    offline_policy=OfflinePolicy.FAIL_FAST,
    priority=1,
    barred_by_quarantine=True,
    repeatable=False,
    awaits_effect=True,
    effect_progress="The station agreed; waiting for the session to start.",
    outcome_of_answer=_outcome_of_answer,
    is_undecided=always_decided,
    first_look=_first_look,
    no_is_weighed=True,
    yes_is_weighed=False,
    no_settles=False,
    judge=judge_start,
    judge_compensating=judge_late_start,
    judge_done=judge_late_start,
    proof=_proof,
    unproven=_unproven,
    is_guarded=_is_guarded,
    guard_end=guarded_for_the_window,
    watched_for=_watched_for,
    needed_facts=_needed_facts,
    concern=_concern,
    target=nothing_to_end,
    already_ended=never_ended,
    question=_question,
    repeated=_repeated,
    reservation_update=no_reservation,
    admits_token=True,
    undo=UndoRules(
        title="Stop the unwanted session of: ",
        progress="Cancelled; a session that still starts will be stopped.",
        frame=_undo_frame,
    ),
    first_step=None,
)
