"""A station refuses to cancel a reservation as unknown, and shows its place as reserved."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from domain.commands import transitions as changes
from domain.commands.judging import apply, judge
from domain.commands.table import COMMANDS
from domain.evidence.facts import Act, Decision, Facts
from domain.evidence.frames import ReservationFrame
from domain.evidence.holds import contradiction, shows_hold
from domain.evidence.sessions import ConnectorState
from domain.evidence.station_event import Concern, OpenFrame, StationEvent
from domain.limits import REFUSED_CANCELS, SETTLING
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Command, CompensationState, State
from domain.model.outcomes import Cause
from domain.model.specs import Kind
from domain.reservations.reservation import ReservationState
from domain.reservations.transitions import EndCause
from tests.unit.domain.situations import ACCEPTED, REJECTED, TIMING, asks, at, lost, reserve

RESERVED = ConnectorState(1, "Reserved", "Available", at(2), at(2), connector_id=2)
FREE = ConnectorState(1, "Available", "Reserved", at(27), at(27), connector_id=2)
SETTLED_S = SETTLING.total_seconds()
RULES = COMMANDS[Kind.RESERVE_NOW]


def cancels(*sent: float, answer: StationAnswer = REJECTED) -> tuple[ReservationFrame, ...]:
    """Each is answered a second after it left."""
    return tuple(
        ReservationFrame(number, at(left), over=True, answer=answer, answer_time=at(left + 1))
        for number, left in enumerate(sent, start=2)
    )


def known(*refused: float, place: ConnectorState = RESERVED, yes: bool = True) -> Facts:
    answers = asks(ACCEPTED if yes else REJECTED)
    return Facts(
        frames=1, asks=answers, cancels=cancels(*refused), connectors=(place,),
        connected_since=at(-100),
    )  # fmt: skip


def taken_back() -> Command:
    """The caller cancelled it, and its station said yes late; the first cancel is out."""
    command = changes.cancelled(changes.cancel_asked(lost(reserve()), "no more"), at(20))
    return apply(command, decided(command, known(), 21), at(21))


def decided(command: Command, facts: Facts, now_s: float) -> Decision:
    return judge(command, facts, TIMING, at(now_s))


def test_a_refused_cancel_undoes_nothing_that_is_still_shown() -> None:
    decision = decided(taken_back(), known(25), 26)
    assert (decision.act, decision.look_again) == (Act.WAIT, at(26 + SETTLED_S))


def test_a_place_that_becomes_free_within_the_settling_time_is_undone() -> None:
    after = apply(taken_back(), decided(taken_back(), known(25, place=FREE), 28), at(28))
    assert after.compensation.state is CompensationState.DONE


def test_a_cancel_that_was_accepted_has_undone_what_is_shown() -> None:
    facts = replace(known(), cancels=cancels(25, answer=ACCEPTED))
    after = apply(taken_back(), decided(taken_back(), facts, 26), at(26))
    assert after.compensation.state is CompensationState.DONE


def test_what_is_shown_after_a_refusal_is_cancelled_again_a_few_times() -> None:
    assert decided(taken_back(), known(25), 26 + SETTLED_S).act is Act.UNDO
    assert len(list(_frames_until_the_end())) == REFUSED_CANCELS


def _frames_until_the_end() -> Iterator[float]:
    """When each cancel leaves: the workflow looks again when the rules say so."""
    command, now_s, left = taken_back(), 22.0, list[float]()
    while command.compensation.state is CompensationState.PENDING:
        facts = known(*left)
        decision = decided(command, facts, now_s)
        command = apply(command, decision, at(now_s))
        if decision.act is Act.UNDO:
            left.append(now_s)
            yield now_s
            now_s += 1
        elif decision.look_again is not None:
            now_s = (decision.look_again - at(0)).total_seconds()
    assert command.compensation.state is CompensationState.FAILED
    assert now_s < 90


def failed(command: Command | None = None, *, yes: bool = True) -> Command:
    given = command or taken_back()
    return apply(given, decided(given, known(25, 40, 60, yes=yes), 61 + SETTLED_S), at(80))


def test_a_station_that_denies_what_it_shows_is_told_with_its_place() -> None:
    assert failed().state is State.DONE
    assert failed().compensation.state is CompensationState.FAILED
    assert "still shows connector 2 of EVSE 1 as Reserved" in failed().compensation.reason
    assert failed().outcome == taken_back().outcome


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (replace(RESERVED, connector_id=None), "shows EVSE 1 as Reserved."),
        (replace(RESERVED, evse_id=0, connector_id=0), "shows itself as Reserved."),
    ],
)
def test_the_sentence_names_what_is_known_of_the_place(place: ConnectorState, shown: str) -> None:
    assert contradiction(place).endswith(shown)


def test_the_last_refusal_gets_the_settling_time_too() -> None:
    waits = replace(taken_back(), state=State.DONE)
    decision = decided(waits, known(25, 40, 60), 62)
    assert (decision.act, decision.look_again) == (Act.WAIT, at(61 + SETTLED_S))


def test_a_cancel_whose_answer_was_lost_is_no_refusal() -> None:
    first = replace(cancels(25)[0], answer=None, answer_time=None)
    facts = replace(known(), cancels=(first, *cancels(40, 60)))
    assert decided(replace(taken_back(), state=State.DONE), facts, 91).act is Act.UNDO


def test_what_was_told_as_failed_is_not_cancelled_again_until_the_place_is_free() -> None:
    assert decided(failed(), known(25, 40, 60), 90).act is Act.WAIT
    assert decided(failed(), known(25, 40, 60), 3_601).act is Act.WAIT
    freed = decided(failed(), known(25, 40, 60, place=replace(FREE, status_time=at(90))), 91)
    assert freed.act is Act.UNDONE


@pytest.mark.parametrize("first", [REJECTED, StationAnswer(Verdict.REJECTED, "Occupied")])
def test_a_place_that_is_reserved_after_a_refusal_is_no_proven_refusal(
    first: StationAnswer,
) -> None:
    facts = replace(known(yes=False), asks=asks(first))
    sent = changes.sent(reserve(), at(0))
    undoing = apply(sent, decided(sent, facts, 3), at(3))
    assert undoing.compensation.state is CompensationState.PENDING
    told = apply(undoing, decided(undoing, replace(facts, cancels=cancels(4, 15, 26)), 37), at(37))
    assert told.outcome is not None
    assert told.outcome.cause == Cause.FACTS_STILL_ON_STATION
    assert "still shows connector 2 of EVSE 1 as Reserved" in told.outcome.message


def test_a_place_that_is_reserved_long_after_a_refusal_shows_another_one() -> None:
    late = replace(RESERVED, status_time=at(26 + SETTLED_S + 1))
    assert not shows_hold(known(25, place=late))
    assert shows_hold(known(25, place=replace(RESERVED, status_time=at(27))))
    unheard = replace(known(), cancels=(replace(cancels(25)[0], answer_time=None),))
    assert shows_hold(unheard)


def test_a_yes_that_comes_after_the_refusal_is_undone_at_once() -> None:
    late = ReservationFrame(1, at(0), over=True, answer=ACCEPTED, answer_time=at(30))
    facts = replace(known(25), asks=(late,))
    assert decided(taken_back(), facts, 31).act is Act.UNDO


def test_the_end_of_the_time_says_that_the_station_denies_it() -> None:
    over = apply(taken_back(), decided(taken_back(), known(25), 3_601), at(3_601))
    assert over.compensation.state is CompensationState.FAILED
    assert "still shows" in over.compensation.reason


def test_a_denied_reservation_is_cancelled_on_by_its_own_workflow() -> None:
    update = RULES.reservation_update(failed(), at(81))
    assert update is not None
    assert update.initial is not None
    after = update.change(update.initial)
    assert (after.state, after.cause) == (ReservationState.CANCELLED, EndCause.CANCEL_DENIED)
    assert after.cancel_reason == "no more"
    assert after.state in update.wake_states


def test_a_reservation_that_was_undone_wakes_no_workflow() -> None:
    done = apply(taken_back(), decided(taken_back(), known(25, place=FREE), 28), at(28))
    update = RULES.reservation_update(done, at(28))
    assert update is not None
    assert ReservationState.CANCELLED not in update.wake_states


@pytest.mark.parametrize(
    ("answered", "changes_nothing", "concern"),
    [(True, False, Concern.YES), (True, True, Concern.NO), (False, False, Concern.NO)],
)
def test_a_place_that_changes_concerns_a_cancel_that_was_answered(
    answered: bool, changes_nothing: bool, concern: Concern
) -> None:
    event = StationEvent(
        "CP1", "connector_status", evse_id=1, status="Available", changes_nothing=changes_nothing
    )
    frame = OpenFrame(5, evse_id=1, named_id="42", answered=answered)
    assert COMMANDS[Kind.CANCEL_RESERVATION].concern(event, frame) is concern
