"""What became of a CancelReservation: one test per situation. T0 is when the first frame left."""

from dataclasses import replace

import pytest

from domain.commands import transitions as changes
from domain.commands.judging import is_guarded, judge
from domain.commands.rules import FoundTarget, NamedTarget
from domain.commands.table import COMMANDS
from domain.commands.wording import title
from domain.evidence.facts import Act, Facts
from domain.evidence.frames import ReservationFrame
from domain.model.answers import CallError, StationAnswer, Verdict
from domain.model.command import Code, Command, ReservationFacts
from domain.model.outcomes import Cause, ending
from domain.model.specs import Kind
from domain.reservations.reservation import ReservationState
from domain.reservations.transitions import EndCause, ended
from tests.unit.domain.holds import hold
from tests.unit.domain.situations import (
    ACCEPTED,
    REJECTED,
    RESERVATION,
    TIMING,
    answered,
    asks,
    at,
    available,
    cancel,
    lost,
    session,
)

RULES = COMMANDS[Kind.CANCEL_RESERVATION]
ERROR = StationAnswer(Verdict.FAILED, call_error=CallError("InternalError"))
NO_RIGHT = StationAnswer(Verdict.REJECTED, call_error=CallError("SecurityError"))


def known(*answers: StationAnswer | None, **changed: object) -> Facts:
    facts = Facts(frames=len(answers), asks=asks(*answers), connected_since=at(-100))
    return replace(facts, **changed)  # type: ignore[arg-type]


def said(command: Command, facts: Facts, now_s: float = 10) -> str:
    decision = judge(command, facts, TIMING, at(now_s))
    return decision.outcome.cause if decision.outcome else decision.act.value


def test_a_cancel_that_worked_tells_which_reservation_has_ended() -> None:
    outcome = answered(cancel()).outcome
    assert outcome is not None
    assert (outcome.code, outcome.cause) == (Code.SUCCEEDED, Cause.RESERVATION_CANCELLED)
    assert outcome.reservation == ReservationFacts(RESERVATION, 42)


def test_a_number_that_is_not_ours_is_told_all_the_same() -> None:
    outcome = answered(cancel(ours=False)).outcome
    assert outcome is not None
    assert outcome.reservation == ReservationFacts(None, 42)


def test_no_such_reservation_is_for_the_facts_and_an_error_says_nothing() -> None:
    assert answered(cancel(), REJECTED).outcome is None
    failed = answered(cancel(), ERROR).outcome
    assert failed is not None
    assert failed.cause == Cause.STATION_ERROR


@pytest.mark.parametrize(
    ("command", "facts", "expected"),
    [
        (cancel(), known(REJECTED), "RESERVATION_GONE"),
        (cancel(ours=False), known(REJECTED), "RESERVATION_UNKNOWN"),
        (cancel(), known(REJECTED, sessions=(session(reservation_id=42),)), "RESERVATION_USED"),
        (cancel(), known(None, ACCEPTED), "RESERVATION_CANCELLED"),
        (cancel(), known(ACCEPTED, sessions=(session(reservation_id=42),)), "RESERVATION_USED"),
        (
            cancel(ours=False),
            known(ACCEPTED, sessions=(session(reservation_id=42),)),
            "RESERVATION_CANCELLED",
        ),
        (cancel(), known(ERROR), "SEND_AGAIN"),
        (cancel(), known(NO_RIGHT), "CALL_ERROR"),
    ],
)
def test_an_answer_is_judged_by_facts(command: Command, facts: Facts, expected: str) -> None:
    assert said(changes.sent(command, at(0)), facts) == expected


@pytest.mark.parametrize(
    ("facts", "now_s", "expected"),
    [
        (Facts(), 10, "WAIT"),
        (known(asks=(ReservationFrame(1, at(0)),)), 10, "WAIT"),
        (known(None), 4, "WAIT"),
        (known(None), 10, "SEND_AGAIN"),
        (known(None, ERROR), 30, "SEND_AGAIN"),
        (known(None, connected_since=None), 10, "WAIT"),
        (known(None), 300, "ANSWER_TIMEOUT"),
        (known(None, None, None, None, None), 60, "ANSWER_TIMEOUT"),
    ],
)
def test_a_lost_answer_is_asked_for_again_within_limits(
    facts: Facts, now_s: float, expected: str
) -> None:
    assert said(lost(cancel()), facts, now_s) == expected


def test_no_such_reservation_at_a_place_that_is_shown_as_reserved_is_unknown() -> None:
    command = changes.sent(cancel(), at(0))
    reserved = known(REJECTED, connectors=(available(), available(status="Reserved")))
    early = judge(command, reserved, TIMING, at(2))
    assert (early.act, early.look_again) == (Act.WAIT, at(11))
    outcome = judge(command, reserved, TIMING, at(11)).outcome
    assert outcome is not None
    assert (outcome.code, outcome.cause) == (Code.UNKNOWN, Cause.FACTS_STILL_ON_STATION)
    assert "still shows EVSE 1 as Reserved" in outcome.message
    unknown = changes.concluded(command, outcome, at(11))
    assert said(unknown, reserved, 20) == "WAIT"
    free = known(REJECTED, connectors=(available(),))
    assert said(command, free, 5) == said(unknown, free, 20) == "RESERVATION_GONE"
    used = replace(reserved, sessions=(session(reservation_id=42),))
    assert said(command, used, 2) == "RESERVATION_USED"
    assert said(changes.sent(cancel(ours=False), at(0)), reserved, 6) == "RESERVATION_UNKNOWN"


def test_a_no_that_is_an_error_of_the_frame_is_a_refusal() -> None:
    blamed = StationAnswer(Verdict.REJECTED, call_error=CallError("SecurityError"))
    outcome = answered(cancel(), blamed).outcome
    assert outcome is not None
    assert outcome.code is Code.REJECTED


def test_an_unknown_cancel_stays_on_guard_for_its_answer() -> None:
    unknown = changes.concluded(lost(cancel()), ending(Cause.ANSWER_TIMEOUT), at(300))
    assert is_guarded(unknown)
    assert judge(unknown, known(None), TIMING, at(310)).act is Act.WAIT
    assert said(unknown, known(None, ACCEPTED), 310) == "RESERVATION_CANCELLED"


def test_a_reservation_that_has_ended_needs_no_cancelling() -> None:
    assert RULES.target(cancel()) == NamedTarget(reservation=RESERVATION)
    assert RULES.already_ended(cancel(), FoundTarget()) is None
    assert RULES.already_ended(cancel(), FoundTarget(reservation=hold())) is None
    over = ended(hold(), EndCause.SESSION_USED_IT, at(9), "tx")
    outcome = RULES.already_ended(cancel(), FoundTarget(reservation=over))
    assert outcome is not None
    assert outcome.cause == Cause.RESERVATION_ALREADY_ENDED
    assert outcome.reservation == ReservationFacts(RESERVATION, 42, transaction="tx")


def test_a_cancel_that_succeeded_ends_the_reservation_and_wakes_its_workflow() -> None:
    update = RULES.reservation_update(answered(cancel()), at(1))
    assert update is not None
    assert update.change(hold()).state is ReservationState.CANCELLED
    assert update.wake_states == {ReservationState.CANCELLED}


def test_a_cancel_that_did_not_succeed_changes_no_reservation() -> None:
    assert RULES.reservation_update(cancel(), at(1)) is None
    assert RULES.reservation_update(answered(cancel(), ERROR), at(1)) is None
    assert RULES.reservation_update(answered(cancel(ours=False)), at(1)) is None


def test_the_title_names_the_number() -> None:
    assert title(cancel()) == "Cancel reservation at CP1, number 42"
