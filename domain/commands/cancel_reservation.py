"""What became of a CancelReservation: the truth, from the station's answer and the facts.

Accepted is the outcome. Rejected means that the station holds no such thing: if a session carries
the number, the reservation was used and is not cancelled; if the reservation is ours, it has ended,
which is what was asked for; if nobody here ever heard of it, the station knows no such reservation.
A lost answer is no reason to worry: the frame may be repeated, it finds nothing left to do. An
error in answer to a repeat says nothing about the first frame.
"""

from datetime import datetime

from domain.commands.reserve_now import AGAIN_PAUSE, next_try
from domain.evidence.facts import Act, Decision, Facts
from domain.model.command import Code, Command, Outcome, ReservationFacts, State
from domain.model.outcomes import Cause, cause_of, ending
from domain.model.specs import CancelReservationSpec
from domain.model.transitions import refusal

MAX_CANCEL_FRAMES = 5
"""How often a CancelReservation is written for one command."""


def judge_cancel(command: Command, facts: Facts, now: datetime) -> Decision:
    """The next step of a CancelReservation that was sent."""
    spec, frames = command.cancel_reservation, facts.asks
    if spec is None or not frames:
        return Decision(Act.WAIT)
    if any(frame.agreed for frame in frames):
        return Decision(Act.CONCLUDE, outcome=cancelled(spec, Cause.RESERVATION_CANCELLED))
    last = frames[-1]
    if last.said_no_such:
        return Decision(Act.CONCLUDE, outcome=_not_there(spec, facts))
    if last.answer is not None and not last.unreadable and len(frames) == 1:
        return Decision(Act.CONCLUDE, outcome=refusal(last.answer))
    if command.state is State.DONE:
        return Decision(Act.WAIT)
    if last.pending:
        return Decision(Act.WAIT, look_again=now + AGAIN_PAUSE)
    if now >= command.not_after or len(frames) >= MAX_CANCEL_FRAMES:
        known = command.outcome.cause if command.outcome else ""
        unknown = cause_of(known, Code.UNKNOWN, Cause.ANSWER_TIMEOUT)
        return Decision(Act.CONCLUDE, outcome=ending(unknown))
    due = next_try(frames) if facts.connected_since else command.not_after
    if now < due:
        return Decision(Act.WAIT, look_again=min(due, command.not_after))
    return Decision(Act.SEND_AGAIN, reason="No answer; cancelling twice does no harm.")


def cancelled(spec: CancelReservationSpec, cause: Cause, transaction: str | None = None) -> Outcome:
    """An outcome about the reservation that a command was to end."""
    about = ReservationFacts(spec.resolved_reservation, spec.wire_id, transaction=transaction)
    return ending(cause, reservation=about)


def _not_there(spec: CancelReservationSpec, facts: Facts) -> Outcome:
    user = next((s for s in facts.sessions if s.reservation_id == spec.wire_id), None)
    if user is not None:
        return cancelled(spec, Cause.RESERVATION_USED, user.name)
    ours = spec.resolved_reservation is not None
    return cancelled(spec, Cause.RESERVATION_GONE if ours else Cause.RESERVATION_UNKNOWN)
