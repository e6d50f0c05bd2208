"""ReserveNow: a station keeps an EVSE for a driver, or certainly keeps nothing.

A yes is the outcome. While the answer is lost the frame is repeated with the same number, which the
station takes for the same reservation, as long as the command may be sent. A no to a repeat may
only mean that the first frame has taken the EVSE. So the reservation is cancelled at the station
when the answer stays lost, when a repeat is refused, or when the caller took the command back. The
cancelling goes on until the station says Accepted, or Rejected (it has no such reservation) and the
place is not shown as reserved, or until the reservation has run out by our clock. Until then the
outcome is UNKNOWN or CANCELLED, and the compensation is PENDING. A station may keep a reservation
past its end, so what has run out, or what the station denies and shows, is FAILED and not DONE.
The reservation's own workflow goes on cancelling it. A session that carries the number has used the
reservation: it is not undone.
"""

from datetime import datetime, timedelta

from domain.commands.cancel_reservation import after_a_no, frame_that_cancels
from domain.commands.rules import (
    CommandRules,
    FrameSpec,
    ReservationUpdate,
    SessionTarget,
    StationQuestion,
    UndoRules,
    looked_at_with_answer,
    never_ended,
    never_watched,
    nothing_to_end,
    undone_in_time,
)
from domain.commands.timing import Timing, answer_may_be_late, undo_report
from domain.evidence.facts import Act, Decision, Facts, Need, NeededFacts
from domain.evidence.frames import may_be_held, next_try
from domain.evidence.holds import (
    is_denied,
    next_cancel,
    shows_hold,
    unknown_hold,
    unknown_so_far,
    why_not_undone,
)
from domain.evidence.proof import Proof, signs
from domain.evidence.sessions import Session
from domain.evidence.station_event import concern_of_reservation
from domain.limits import FRAME_PAUSE, MAX_RESERVE_FRAMES
from domain.model.answers import StationAnswer
from domain.model.command import (
    GIVEN_UP,
    Code,
    Command,
    CompensationState,
    Outcome,
    ReservationFacts,
    State,
)
from domain.model.outcomes import Cause, ending, in_its_words, refusal
from domain.model.specs import OfflinePolicy, ReserveSpec, required
from domain.model.states import is_definite
from domain.ocpp_words import ReserveAnswer
from domain.reservations.transitions import follow_request, requested, states_with_work
from domain.reservations.users import digests_of, has_group, is_of_another

_BY_WORD: dict[str, Cause] = {
    ReserveAnswer.OCCUPIED: Cause.EVSE_OCCUPIED,
    ReserveAnswer.FAULTED: Cause.EVSE_FAULTED,
    ReserveAnswer.UNAVAILABLE: Cause.EVSE_UNAVAILABLE,
}


def _outcome_of_answer(command: Command, answer: StationAnswer) -> Outcome | None:
    """Every readable answer is final."""
    if answer.verdict.is_no:
        return reserve_refusal(answer)
    return reserved(required(command.reserve), in_its_words(answer))


def reserve_refusal(answer: StationAnswer) -> Outcome:
    """The outcome of a ReserveNow that was refused, by the station's own word."""
    cause = _BY_WORD.get(answer.status)
    return refusal(answer) if cause is None else ending(cause, in_its_words(answer))


def _is_undecided(command: Command, answer: StationAnswer) -> bool:
    """Whether even a plain answer decides nothing yet.

    A yes that nobody wants any longer has to be undone first. A no to a repeat may only mean that
    the first frame, whose answer is lost, has taken the EVSE.
    """
    if command.state is State.COMPENSATING:
        return True
    if command.compensation.state is not CompensationState.NONE:
        return True
    if answer.verdict.is_yes:
        return command.cancel_reason is not None
    lost_before = command.outcome is not None and command.outcome.code is Code.UNKNOWN
    return lost_before and answer.verdict.is_no


@undone_in_time
def judge_reserve(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
    """The next step of a ReserveNow that was sent: awaited, COMPENSATING, or DONE and on guard."""
    spec = required(command.reserve)
    if not facts.asks:
        return Decision(Act.SETTLE if command.state is State.COMPENSATING else Act.WAIT)
    # A session that carries the number is proof, so it is looked for before any answer counts.
    user = next((s for s in facts.sessions if s.reservation_id == spec.wire_id), None)
    if user is not None:
        return _used(command, spec, facts, user)
    if _is_unwanted(command):
        return _undo(command, spec, facts, timing, now)
    return _await(command, spec, facts, now)


def reserved(spec: ReserveSpec, words: str = "", session: Session | None = None) -> Outcome:
    """The outcome RESERVED, with the reservation that was made, and the session that used it."""
    made = ReservationFacts(
        reservation=spec.reservation,
        wire_id=spec.wire_id,
        evse_id=spec.evse_id,
        expire_time=spec.expire_time,
        transaction=session.name if session else None,
    )
    return ending(Cause.RESERVED, words, reservation=made)


def _is_unwanted(command: Command) -> bool:
    """Whether nothing may stay reserved: it was taken back or given up, or is being undone."""
    return (
        command.state in {State.COMPENSATING, State.DONE}
        or command.compensation.state is not CompensationState.NONE
    )


def _used(command: Command, spec: ReserveSpec, facts: Facts, session: Session) -> Decision:
    outcome = None if is_definite(command.outcome) else reserved(spec, session=session)
    if command.compensation.state is CompensationState.PENDING:
        another = is_of_another(session, digests_of(facts.frame), of_group=has_group(facts.frame))
        who = "A session of another token" if another else "A session"
        why = f"{who} used the reservation before it could be cancelled."
        return Decision(
            Act.UNDO_FAILED,
            session=session,
            outcome=outcome,
            reason=why,
            reservation=_own_reservation(spec),
            by_another=another,
        )
    if outcome is not None:
        return Decision(Act.CONCLUDE, outcome=outcome)
    return Decision(Act.SETTLE if command.state is State.COMPENSATING else Act.WAIT)


def _await(command: Command, spec: ReserveSpec, facts: Facts, now: datetime) -> Decision:
    if any(frame.agreed for frame in facts.asks):
        return Decision(Act.CONCLUDE, outcome=reserved(spec))
    last = facts.asks[-1]
    if last.pending:
        return Decision(Act.WAIT, look_again=now + FRAME_PAUSE)
    if last.refused and last.answer is not None:
        if shows_hold(facts):
            return _begin_undo(command, spec, facts, "It was refused, and the place is reserved.")
        if len(facts.asks) == 1:
            return after_a_no(last, reserve_refusal(last.answer), now)
        return _begin_undo(
            command, spec, facts, "A repeat was refused; the first frame may hold it."
        )
    until = min(command.not_after, spec.expire_time)
    if now >= until or len(facts.asks) >= MAX_RESERVE_FRAMES:
        return _begin_undo(command, spec, facts, "The station did not say whether it holds it.")
    due = next_try(facts.asks) if facts.connected_since else until
    if now < due:
        return Decision(Act.WAIT, look_again=min(due, until))
    reason = "No usable answer; the same number may be asked for again."
    return Decision(Act.SEND_AGAIN, reason=reason)


# --- After it was taken back or given up


def _undo(
    command: Command, spec: ReserveSpec, facts: Facts, timing: Timing, now: datetime
) -> Decision:
    if not may_be_held(facts.asks, facts.cancels) and not shows_hold(facts):
        return _nothing_held(command, facts)
    over, undoing = now >= spec.expire_time, command.compensation.state
    denied = is_denied(facts, now)
    if undoing is not CompensationState.PENDING:
        if (over or denied) and undoing is CompensationState.FAILED:
            return Decision(Act.WAIT)
        given_up = "The station said yes after its command was given up."
        why = given_up if command.cancel_reason is None else "The command was cancelled."
        return _begin_undo(command, spec, facts, why)
    if over or denied:
        return _run_out(command, spec, facts, now)
    if command.state is not State.DONE and _is_late(command, facts, timing, now):
        return Decision(Act.CONCLUDE, outcome=_known_so_far(command, facts))
    return _next_cancel(spec, facts, timing, command, now)


def _begin_undo(command: Command, spec: ReserveSpec, facts: Facts, reason: str) -> Decision:
    """The reservation is cancelled; a caller does not wait for a station that is away."""
    outcome = None if facts.connected_since else _known_so_far(command, facts)
    return Decision(Act.UNDO, reason=reason, outcome=outcome, reservation=_own_reservation(spec))


def _own_reservation(spec: ReserveSpec) -> ReservationFacts:
    """The reservation that the station may have made, as what is to be cancelled."""
    return ReservationFacts(spec.reservation, spec.wire_id)


def _run_out(command: Command, spec: ReserveSpec, facts: Facts, now: datetime) -> Decision:
    """It is over, or the station denies what it shows: whether it holds it is not known."""
    last = facts.cancels[-1] if facts.cancels else None
    if last is not None and last.pending and now < spec.expire_time + FRAME_PAUSE:
        return Decision(Act.WAIT, look_again=spec.expire_time + FRAME_PAUSE)
    outcome = None
    if command.state is not State.DONE and not is_definite(command.outcome):
        outcome = unknown_hold(command, facts)
    return Decision(Act.UNDO_FAILED, outcome=outcome, reason=why_not_undone(facts))


def _nothing_held(command: Command, facts: Facts) -> Decision:
    """The station said that nothing is reserved: that decides the outcome, if none is decided."""
    outcome = None
    if not is_definite(command.outcome):
        last = facts.asks[-1]
        no_such = bool(facts.cancels) and facts.cancels[-1].said_no_such
        refused = last.answer if last.refused and no_such else None
        outcome = reserve_refusal(refused) if refused else ending(Cause.HOLD_UNDONE)
    if command.compensation.state in {CompensationState.PENDING, CompensationState.FAILED}:
        return Decision(Act.UNDONE, outcome=outcome)
    if outcome is not None:
        return Decision(Act.CONCLUDE, outcome=outcome)
    return Decision(Act.SETTLE if command.state is State.COMPENSATING else Act.WAIT)


def _is_late(command: Command, facts: Facts, timing: Timing, now: datetime) -> bool:
    """Whether the caller has waited long enough: not at all where nobody can cancel."""
    since = command.compensation.update_time or now
    in_vain = facts.connected_since is None or any(frame.cannot for frame in facts.cancels)
    return in_vain or now >= undo_report(since, timing)


def _known_so_far(command: Command, facts: Facts) -> Outcome:
    """The outcome that is reported while the reservation is still being cancelled."""
    known = command.outcome
    return known if known and is_definite(known) else unknown_so_far(command, facts)


def _next_cancel(
    spec: ReserveSpec, facts: Facts, timing: Timing, command: Command, now: datetime
) -> Decision:
    frames, end = facts.cancels, spec.expire_time
    if facts.connected_since is None:
        return Decision(Act.WAIT, look_again=end)
    if frames and frames[-1].pending:
        return Decision(Act.WAIT, look_again=min(now + FRAME_PAUSE, end))
    if frames and frames[-1].cannot:
        return Decision(Act.WAIT, look_again=end)
    due = next_cancel(facts, now)
    if now < due:
        return Decision(Act.WAIT, look_again=min(due, _sooner(command, timing, now, end)))
    since, silent = command.compensation.update_time, not frames or frames[-1].answer is None
    if command.state is not State.DONE and silent and answer_may_be_late(since, timing, now):
        return Decision(Act.CONCLUDE, outcome=_known_so_far(command, facts))  # and cancel it then
    return Decision(
        Act.UNDO, reason=command.compensation.reason, reservation=_own_reservation(spec)
    )


def _sooner(command: Command, timing: Timing, now: datetime, end: datetime) -> datetime:
    """The end of the reservation, or the time to report if that comes first."""
    since = command.compensation.update_time
    if command.state is State.DONE or since is None:
        return end
    report = undo_report(since, timing)
    return min(report, end) if report > now else end


# --- The proof that nothing is reserved


def _proof(command: Command, facts: Facts, timing: Timing, now: datetime) -> Proof:
    """What says that the station holds it, or does not, and what is not known."""
    del timing, now
    number = required(command.reserve).wire_id
    settled = any(frame.settles_cancel for frame in facts.cancels)
    return Proof(
        speaks_for=signs(
            session_is_ours=any(session.reservation_id == number for session in facts.sessions),
            hold_shown=shows_hold(facts),
        ),
        speaks_against=signs(
            refused=bool(facts.asks)
            and facts.asks[-1].refused
            and (settled or len(facts.asks) == 1),
            undone_there=settled,
        ),
        not_known=signs(report_not_taken=any(settled or one.contradicts for one in facts.untaken)),
    )


# --- The other rules


def _is_guarded(command: Command, outcome: Outcome) -> bool:
    """A station may say yes after all, or still has to be told to cancel."""
    compensated = command.compensation.state is not CompensationState.NONE
    return compensated or outcome.code in GIVEN_UP


def _guard_end(command: Command, timing: Timing, now: datetime) -> datetime:
    """When the reservation that was asked for would have run out."""
    end = required(command.reserve).expire_time
    return max(now, end) + timedelta(seconds=timing.effect_margin_s)


def _needed_facts(command: Command) -> NeededFacts:
    spec, needs = required(command.reserve), {Need.SESSIONS_OF_RESERVATION, Need.RESERVATION_FRAMES}
    return NeededFacts(frozenset(needs | {Need.CONNECTORS}), spec.evse_id, spec.wire_id)


def _question(command: Command) -> StationQuestion:
    """Nothing can be asked: OCPP has no question about a reservation but ReserveNow itself."""
    del command
    return StationQuestion()


def _title(command: Command) -> list[str]:
    spec = required(command.reserve)
    evse = f"EVSE {spec.evse_id}" if spec.evse_id is not None else "any EVSE"
    token, until = spec.id_token.masked, f"until {spec.expire_time:%Y-%m-%d %H:%M} UTC"
    return [evse, f"token {token}", until, f"number {spec.wire_id}"]


def _repeated(command: Command, ocpp_transaction_id: str) -> ReserveSpec:
    del ocpp_transaction_id
    return required(command.reserve)


def _reservation_update(command: Command, now: datetime) -> ReservationUpdate | None:
    """The reservation follows its command until it is HELD; then its own workflow cares for it."""
    spec = required(command.reserve)
    if not spec.reservation:
        return None
    return ReservationUpdate(
        reservation=spec.reservation,
        key=f"command:{command.revision}",
        change=lambda known: follow_request(known, command, now),
        wake_states=states_with_work(command),
        reason="held",
        initial=requested(command, spec.reservation, workflow_id=""),
    )


def _undo_frame(command: Command, _: SessionTarget) -> FrameSpec:
    """The reservation is cancelled by its number."""
    spec = required(command.reserve)
    return frame_that_cancels(spec.wire_id, spec.reservation)


RESERVE_NOW = CommandRules(
    verb="Reserve",
    title=_title,
    not_after=timedelta(minutes=2),
    offline_policy=OfflinePolicy.WAIT,
    priority=1,
    barred_by_quarantine=False,
    repeatable=True,
    awaits_effect=False,
    effect_progress="",
    outcome_of_answer=_outcome_of_answer,
    is_undecided=_is_undecided,
    first_look=looked_at_with_answer,
    no_is_weighed=False,
    yes_is_weighed=False,
    no_settles=True,
    judge=judge_reserve,
    judge_compensating=judge_reserve,
    judge_done=judge_reserve,
    proof=_proof,
    unproven=unknown_so_far,
    is_guarded=_is_guarded,
    guard_end=_guard_end,
    watched_for=never_watched,
    needed_facts=_needed_facts,
    concern=concern_of_reservation,
    target=nothing_to_end,
    already_ended=never_ended,
    question=_question,
    repeated=_repeated,
    reservation_update=_reservation_update,
    admits_token=False,
    undo=UndoRules(
        title="Cancel the hold of: ",
        progress="Cancelled; the station is told to hold nothing.",
        frame=_undo_frame,
    ),
    first_step=None,
)
