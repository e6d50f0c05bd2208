"""CancelReservation: a station lets a reservation go, and its answer is the outcome.

Accepted is the outcome, unless a session carries the number of a reservation of ours: then it was
used and is not cancelled. Rejected means that the station has no such reservation, and the facts
say what that means. If a session carries the number, the reservation was used. If it is ours, it
has ended, which is what was asked for; but while its place is shown as reserved, the station
contradicts itself, and the outcome is UNKNOWN. If nobody here ever heard of it, the station knows
no such reservation.

A lost answer is no reason to worry: the frame may be repeated, and finds nothing left to do. The
same is done after an error of the station's own: it says neither yes nor no.
"""

from datetime import datetime, timedelta

from domain.commands.rules import (
    CommandRules,
    FoundTarget,
    FrameSpec,
    NamedTarget,
    ReservationUpdate,
    StationQuestion,
    guarded_for_the_window,
    looked_at_with_answer,
    never_watched,
    unknown_or,
)
from domain.commands.timing import Timing
from domain.evidence.facts import Act, Decision, Facts, Need, NeededFacts, told_at
from domain.evidence.frames import ReservationFrame, heard_or_sent, next_try
from domain.evidence.holds import contradiction
from domain.evidence.proof import Proof, signs
from domain.evidence.station_event import (
    Concern,
    EventKind,
    OpenFrame,
    StationEvent,
    concern_of_reservation,
    yes_if,
)
from domain.limits import FRAME_PAUSE, MAX_CANCEL_FRAMES, REFUSAL_SLIP, SETTLING
from domain.model.answers import StationAnswer
from domain.model.command import Code, Command, Outcome, ReservationFacts, State
from domain.model.outcomes import Cause, ending, in_its_words, refusal, still_unknown
from domain.model.specs import CancelReservationSpec, Kind, OfflinePolicy, required
from domain.ocpp_words import ConnectorStatus
from domain.reservations.reservation import ReservationState
from domain.reservations.transitions import cancelled


def _outcome_of_answer(command: Command, answer: StationAnswer) -> Outcome | None:
    """A yes is final. Whether "no such reservation" is good, facts tell."""
    if answer.said_no_such:
        return None
    if answer.verdict.is_no:
        return refusal(answer)
    spec = required(command.cancel_reservation)
    return about_reservation(spec, Cause.RESERVATION_CANCELLED, in_its_words(answer))


def _is_undecided(command: Command, answer: StationAnswer) -> bool:
    """Whether the answer is an error to a repeat: the first frame may have worked."""
    lost_before = command.outcome is not None and command.outcome.code is Code.UNKNOWN
    return lost_before and answer.call_error is not None


def judge_cancel(command: Command, facts: Facts, timing: Timing, now: datetime) -> Decision:
    """The next step of a CancelReservation that was sent."""
    del timing
    spec, frames = required(command.cancel_reservation), facts.asks
    if not frames:
        return Decision(Act.WAIT)
    if any(frame.agreed for frame in frames):
        cancelled_there = about_reservation(spec, Cause.RESERVATION_CANCELLED)
        # A number that is not ours may be an older one, used again.
        used = _used(spec, facts) if spec.found_reservation is not None else None
        return Decision(Act.CONCLUDE, outcome=used or cancelled_there)
    last = frames[-1]
    if last.said_no_such:
        return _not_there(command, spec, facts, now)
    if last.answer is not None and last.refused and len(frames) == 1:
        return after_a_no(last, refusal(last.answer), now)
    if command.state is State.DONE:
        return Decision(Act.WAIT)
    if last.pending:
        return Decision(Act.WAIT, look_again=now + FRAME_PAUSE)
    if now >= command.not_after or len(frames) >= MAX_CANCEL_FRAMES:
        return Decision(Act.CONCLUDE, outcome=still_unknown(command))
    due = next_try(frames) if facts.connected_since else command.not_after
    if now < due:
        return Decision(Act.WAIT, look_again=min(due, command.not_after))
    return Decision(Act.SEND_AGAIN, reason="No usable answer; cancelling twice does no harm.")


def about_reservation(
    spec: CancelReservationSpec, cause: Cause, words: str = "", transaction: str | None = None
) -> Outcome:
    """An outcome about the reservation that was to end. transaction: our id of its session."""
    about = ReservationFacts(spec.found_reservation, spec.wire_id, transaction=transaction)
    return ending(cause, words, reservation=about)


def _used(spec: CancelReservationSpec, facts: Facts) -> Outcome | None:
    """The outcome when a session carries the number, whatever the station answered; else None."""
    user = next((s for s in facts.sessions if s.reservation_id == spec.wire_id), None)
    if user is None:
        return None
    return about_reservation(spec, Cause.RESERVATION_USED, transaction=user.name)


def _not_there(
    command: Command, spec: CancelReservationSpec, facts: Facts, now: datetime
) -> Decision:
    """The next step after "no such reservation". A place that was let go is soon shown as free."""
    ours, last = spec.found_reservation is not None, facts.asks[-1]
    used = _used(spec, facts)
    if used is not None:
        return Decision(Act.CONCLUDE, outcome=used)
    held = next((e for e in facts.connectors if e.status == ConnectorStatus.RESERVED), None)
    if held is None or not ours:
        if ours:
            gone = about_reservation(spec, Cause.RESERVATION_GONE)
            return Decision(Act.CONCLUDE, outcome=gone)
        return after_a_no(last, about_reservation(spec, Cause.RESERVATION_UNKNOWN), now)
    if command.state is State.DONE:
        return Decision(Act.WAIT)
    settled = heard_or_sent(last) + SETTLING
    if now < settled:
        return Decision(Act.WAIT, look_again=settled, progress=contradiction(held))
    left = about_reservation(spec, Cause.FACTS_STILL_ON_STATION, contradiction(held))
    return Decision(Act.CONCLUDE, outcome=left)


def after_a_no(last: ReservationFrame, no: Outcome, now: datetime) -> Decision:
    """A no is told when a place where it was done all the same would have been shown so."""
    return told_at(heard_or_sent(last) + REFUSAL_SLIP, no, now)


def _proof(command: Command, facts: Facts, timing: Timing, now: datetime) -> Proof:
    """What says that a reservation was cancelled, or was not, and what is not known."""
    del timing, now
    number = required(command.cancel_reservation).wire_id
    last = facts.asks[-1] if facts.asks else None
    used = any(session.reservation_id == number for session in facts.sessions)
    return Proof(
        speaks_for=signs(
            undone_there=not used and any(frame.agreed for frame in facts.asks),
            hold_left=not used and _is_left(facts),
        ),
        speaks_against=signs(refused=last is not None and last.refused, used_there=used),
        not_known=signs(report_not_taken=bool(facts.untaken) and not used),
    )


def _is_left(facts: Facts) -> bool:
    """Whether a place that was shown as reserved is shown otherwise since the first frame."""
    return any(
        each.previous_status == ConnectorStatus.RESERVED
        and each.status != ConnectorStatus.RESERVED
        and bool(facts.asks)
        and each.status_time > facts.asks[0].send_time
        for each in facts.connectors
    )


# --- The other rules


def frame_that_cancels(wire_id: int, reservation: str) -> FrameSpec:
    """The cancel of a reservation that a ReserveNow may have made. reservation: our id of it."""
    spec = CancelReservationSpec(wire_id, found_reservation=reservation)
    return FrameSpec(Kind.CANCEL_RESERVATION, spec)


def _concern(event: StationEvent, frame: OpenFrame) -> Concern:
    """While the station denies the reservation, each change of a place may show its end."""
    if event.what == EventKind.CONNECTOR_STATUS:
        return yes_if(frame.answered and not event.changes_nothing)
    return concern_of_reservation(event, frame)


def _is_guarded(command: Command, outcome: Outcome) -> bool:
    """An UNKNOWN cancel may still be answered."""
    del command
    return outcome.code is Code.UNKNOWN


def _needed_facts(command: Command) -> NeededFacts:
    number = required(command.cancel_reservation).wire_id
    needs = {Need.SESSIONS_OF_RESERVATION, Need.RESERVATION_FRAMES, Need.RESERVED_CONNECTORS}
    return NeededFacts(frozenset(needs), reservation_number=number)


def _target(command: Command) -> NamedTarget:
    return NamedTarget(reservation=required(command.cancel_reservation).found_reservation)


def _already_ended(command: Command, found: FoundTarget) -> Outcome | None:
    """A reservation that has ended needs no cancelling."""
    known = found.reservation
    if known is None or not known.ended:
        return None
    spec = required(command.cancel_reservation)
    cause = Cause.RESERVATION_ALREADY_ENDED
    return about_reservation(spec, cause, transaction=known.transaction)


def _reservation_update(command: Command, now: datetime) -> ReservationUpdate | None:
    """A cancel that succeeded ends the reservation; its own workflow is told."""
    spec, outcome = required(command.cancel_reservation), command.outcome
    if spec.found_reservation is None:
        return None
    if command.state is not State.DONE or outcome is None or outcome.code is not Code.SUCCEEDED:
        return None
    return ReservationUpdate(
        reservation=spec.found_reservation,
        key=f"cancelled:{command.name}",
        change=lambda known: cancelled(known, spec.reason, now),
        wake_states=frozenset({ReservationState.CANCELLED}),
        reason="cancelled",
    )


def _question(command: Command) -> StationQuestion:
    """Nothing can be asked: OCPP has no question about a reservation."""
    del command
    return StationQuestion()


def _title(command: Command) -> list[str]:
    return [f"number {required(command.cancel_reservation).wire_id}"]


def _repeated(command: Command, ocpp_transaction_id: str) -> CancelReservationSpec:
    del ocpp_transaction_id
    return required(command.cancel_reservation)


CANCEL_RESERVATION = CommandRules(
    verb="Cancel reservation",
    title=_title,
    not_after=timedelta(hours=1),
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
    yes_is_weighed=True,
    no_settles=True,
    judge=judge_cancel,
    judge_compensating=judge_cancel,
    judge_done=judge_cancel,
    proof=_proof,
    unproven=unknown_or(Cause.EFFECT_NOT_EXCLUDED),
    is_guarded=_is_guarded,
    guard_end=guarded_for_the_window,
    watched_for=never_watched,
    needed_facts=_needed_facts,
    concern=_concern,
    target=_target,
    already_ended=_already_ended,
    question=_question,
    repeated=_repeated,
    reservation_update=_reservation_update,
    admits_token=False,
    undo=None,
    first_step=None,
)
