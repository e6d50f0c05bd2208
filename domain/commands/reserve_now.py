"""What became of a ReserveNow: the truth, and that nothing is held which nobody asked for.

A yes is the outcome. While the answer is lost the frame is repeated with the same number, which
the station takes for the same hold, as long as the command may be sent. A no to a repeat may only
mean that the place is held by the first frame. So when the answer stays lost, or a repeat is
refused, or the command was taken back, the hold is cancelled at the station until that says
Accepted, or Rejected (it holds no such thing), or the hold has run out by our clock. Until then the
outcome is UNKNOWN or CANCELLED, and the compensation says that it is PENDING. A session that
carries the number is proof that the place was held: it was used, and is not undone.
"""

from datetime import datetime, timedelta

from domain.commands.timing import Timing
from domain.evidence.facts import Act, Decision, Facts
from domain.evidence.frames import HoldFrame
from domain.evidence.sessions import Session
from domain.model.command import (
    Code,
    Command,
    CompensationState,
    Outcome,
    ReservationFacts,
    State,
)
from domain.model.outcomes import Cause, cause_of, ending
from domain.model.specs import ReserveSpec
from domain.model.states import is_definite
from domain.model.transitions import reserve_refusal

MAX_RESERVE_FRAMES = 3
"""How often a ReserveNow is written for one command."""

AGAIN_PAUSE = timedelta(seconds=5)
"""The pause after a frame without a usable answer; each next one is twice as long."""

LONGEST_PAUSE = timedelta(minutes=10)


def judge_reserve(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
    """The next step of a ReserveNow that was sent: awaited, COMPENSATING, or DONE and on guard."""
    spec = command.reserve
    if spec is None or not facts.asks:
        return Decision(Act.SETTLE if command.state is State.COMPENSATING else Act.WAIT)
    user = next((s for s in facts.sessions if s.reservation_id == spec.wire_id), None)
    if user is not None:
        return _used(command, spec, user)
    if _is_unwanted(command):
        return _undo(command, spec, facts, timing, now)
    return _await(command, spec, facts, now)


def reserved(spec: ReserveSpec, session: Session | None = None) -> Outcome:
    """The place was held."""
    held = ReservationFacts(
        reservation=spec.reservation,
        wire_id=spec.wire_id,
        evse_id=spec.evse_id,
        expire_time=spec.expire_time,
        transaction=session.name if session else None,
    )
    return ending(Cause.RESERVED, reservation=held)


def _is_unwanted(command: Command) -> bool:
    """Whether nothing may be held any longer: taken back, given up, or being undone."""
    return (
        command.state in {State.COMPENSATING, State.DONE}
        or command.compensation.state is not CompensationState.NONE
    )


def _used(command: Command, spec: ReserveSpec, session: Session) -> Decision:
    outcome = None if is_definite(command.outcome) else reserved(spec, session)
    if command.compensation.state is CompensationState.PENDING:
        why = "A session used the reservation before it could be cancelled."
        return Decision(Act.UNDO_FAILED, session=session, outcome=outcome, reason=why)
    if outcome is not None:
        return Decision(Act.CONCLUDE, outcome=outcome)
    return Decision(Act.SETTLE if command.state is State.COMPENSATING else Act.WAIT)


def _await(command: Command, spec: ReserveSpec, facts: Facts, now: datetime) -> Decision:
    if any(frame.agreed for frame in facts.asks):
        return Decision(Act.CONCLUDE, outcome=reserved(spec))
    last = facts.asks[-1]
    if last.pending:
        return Decision(Act.WAIT, look_again=now + AGAIN_PAUSE)
    if last.refused and last.answer is not None:
        if len(facts.asks) == 1:
            return Decision(Act.CONCLUDE, outcome=reserve_refusal(last.answer))
        return _begin_undo(command, facts, "A repeat was refused; the first frame may hold it.")
    until = min(command.not_after, spec.expire_time)
    if now >= until or len(facts.asks) >= MAX_RESERVE_FRAMES:
        return _begin_undo(command, facts, "The station did not say whether it holds it.")
    due = next_try(facts.asks) if facts.connected_since else until
    if now < due:
        return Decision(Act.WAIT, look_again=min(due, until))
    reason = "No answer; the same number may be asked for again."
    return Decision(Act.SEND_AGAIN, reason=reason)


def next_try(frames: tuple[HoldFrame, ...]) -> datetime:
    """When a frame without a usable answer may be written again."""
    last = frames[-1]
    pause = min(AGAIN_PAUSE * (1 << min(len(frames) - 1, 10)), LONGEST_PAUSE)
    return (last.answer_time or last.send_time) + pause


# --- what nobody wants any longer


def _undo(
    command: Command, spec: ReserveSpec, facts: Facts, timing: Timing, now: datetime
) -> Decision:
    if not _may_be_held(facts):
        return _nothing_held(command, facts)
    if command.compensation.state is not CompensationState.PENDING:
        over = command.compensation.state is CompensationState.DONE and now >= spec.expire_time
        return _run_out(command) if over else _begin_undo(command, facts, _why(command))
    if now >= spec.expire_time:
        return _run_out(command)
    if command.state is not State.DONE and _is_late(command, facts, timing, now):
        return _report_pending(command)
    return _next_cancel(spec, facts, timing, command, now)


def _begin_undo(command: Command, facts: Facts, reason: str) -> Decision:
    """The hold is cancelled; a caller does not wait for a station that is away."""
    away = facts.connected_since is None
    return Decision(Act.UNDO, reason=reason, outcome=_known_so_far(command) if away else None)


def _run_out(command: Command) -> Decision:
    """By our clock the hold is over; whether there ever was one stays unknown."""
    outcome = None
    if command.state is not State.DONE and not is_definite(command.outcome):
        outcome = _known_so_far(command)
    return Decision(Act.UNDONE, outcome=outcome, reason="The hold has run out.")


def _why(command: Command) -> str:
    if command.cancel_reason is not None:
        return "The command was cancelled."
    return "The station said yes after its command was given up."


def _may_be_held(facts: Facts) -> bool:
    """Whether the station may hold what a frame of ours asked for.

    A cancel settles what was asked for before it left, and what was answered before its answer.
    """
    settled = [frame for frame in facts.cancels if frame.settles_cancel]
    last = settled[-1] if settled else None
    return any(_may_hold(frame, last) for frame in facts.asks if not _is_plain_no(frame, facts))


def _is_plain_no(frame: HoldFrame, facts: Facts) -> bool:
    """The one frame was refused: nothing was ever held."""
    return frame.refused and len(facts.asks) == 1


def _may_hold(frame: HoldFrame, cancelled: HoldFrame | None) -> bool:
    if cancelled is None:
        return True
    if frame.send_time > cancelled.send_time:
        return True
    late_yes = frame.agreed and frame.answer_time is not None
    ended = cancelled.answer_time or cancelled.send_time
    return late_yes and frame.answer_time is not None and frame.answer_time > ended


def _nothing_held(command: Command, facts: Facts) -> Decision:
    """The station said so: what is known now is the outcome, if there was none."""
    outcome = None
    if not is_definite(command.outcome):
        last = facts.asks[-1]
        no_such = bool(facts.cancels) and facts.cancels[-1].said_no_such
        refused = last.answer if last.refused and no_such else None
        outcome = reserve_refusal(refused) if refused else ending(Cause.HOLD_UNDONE)
    if command.compensation.state is CompensationState.PENDING:
        return Decision(Act.UNDONE, outcome=outcome)
    if outcome is not None:
        return Decision(Act.CONCLUDE, outcome=outcome)
    return Decision(Act.SETTLE if command.state is State.COMPENSATING else Act.WAIT)


def _is_late(command: Command, facts: Facts, timing: Timing, now: datetime) -> bool:
    """Whether the caller has waited long enough for the undoing: it goes on without him."""
    since = command.compensation.update_time or now
    limit = timedelta(seconds=timing.answer_timeout_s + timing.effect_margin_s)
    return facts.connected_since is None or now >= since + limit


def _report_pending(command: Command) -> Decision:
    return Decision(Act.CONCLUDE, outcome=_known_so_far(command))


def _known_so_far(command: Command) -> Outcome:
    """What is reported while the hold is still being cancelled."""
    if command.outcome is not None and is_definite(command.outcome):
        return command.outcome
    known = command.outcome.cause if command.outcome else ""
    return ending(cause_of(known, Code.UNKNOWN, Cause.ANSWER_TIMEOUT))


def _next_cancel(
    spec: ReserveSpec, facts: Facts, timing: Timing, command: Command, now: datetime
) -> Decision:
    end = spec.expire_time
    frames = facts.cancels
    if facts.connected_since is None:
        return Decision(Act.WAIT, look_again=end)
    if frames and frames[-1].pending:
        return Decision(Act.WAIT, look_again=min(now + AGAIN_PAUSE, end))
    if frames and frames[-1].cannot:
        return Decision(Act.WAIT, look_again=_sooner(command, timing, now, end))
    due = next_try(frames) if frames and not frames[-1].settles_cancel else now
    if now < due:
        return Decision(Act.WAIT, look_again=min(due, _sooner(command, timing, now, end)))
    return Decision(Act.UNDO, reason=command.compensation.reason)


def _sooner(command: Command, timing: Timing, now: datetime, end: datetime) -> datetime:
    """The end of the hold, or before it the time to report."""
    since = command.compensation.update_time
    if command.state is State.DONE or since is None:
        return end
    report = since + timedelta(seconds=timing.answer_timeout_s + timing.effect_margin_s)
    return min(report, end) if report > now else end
