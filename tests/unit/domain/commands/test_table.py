"""The table of commands is total, and nothing acts on a command without its row."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from domain.commands import judging, transitions, wording
from domain.commands.rules import (
    CommandRules,
    FoundTarget,
    FrameSpec,
    NamedTarget,
    SessionTarget,
)
from domain.commands.table import COMMANDS, rules_of
from domain.evidence.facts import Facts, Need
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Command, State
from domain.model.outcomes import Cause, ending
from domain.model.specs import (
    SPEC_PLACES,
    CancelReservationSpec,
    Kind,
    StopSpec,
    only_spec,
    specs_of,
)
from tests.unit.domain.situations import (
    ACCEPTED,
    REJECTED,
    RESERVATION,
    T0,
    TIMING,
    answered,
    at,
    cancel,
    frame,
    reserve,
    reset,
    session,
    start,
    stop,
    unlock,
)

OF_KIND = {
    Kind.START_SESSION: start(),
    Kind.STOP_SESSION: stop(),
    Kind.UNLOCK_CONNECTOR: unlock(),
    Kind.RESET: reset(),
    Kind.RESERVE_NOW: reserve(),
    Kind.CANCEL_RESERVATION: cancel(),
}
DONE: dict[str, Any] = {
    "state": State.DONE,
    "outcome": ending(Cause.ANSWER_TIMEOUT),
    "send_time": T0,
}


def seventh() -> Kind:
    """A kind that somebody added to the vocabulary and to nothing else."""
    planted = str.__new__(Kind, "TRIGGER_MESSAGE")
    planted._name_ = planted._value_ = "TRIGGER_MESSAGE"
    return planted


@pytest.fixture
def planted() -> Command:
    """A start in all but its kind."""
    return replace(start(), kind=seventh())


def test_every_kind_has_its_rules() -> None:
    assert set(COMMANDS) == set(Kind)


def test_every_kind_has_a_place_for_its_spec() -> None:
    assert set(SPEC_PLACES) == set(Kind)
    assert len(set(SPEC_PLACES.values())) == len(Kind)


def test_rules_have_no_defaults_so_that_no_question_is_forgotten() -> None:
    with pytest.raises(TypeError, match=f"{len(fields(CommandRules))} required"):
        CommandRules()  # type: ignore[call-arg]


DOES: list[Callable[[Command], Any]] = [
    rules_of,
    wording.title,
    lambda c: wording.frame_title(c, 1, "g1", True),
    lambda c: transitions.answered(c, ACCEPTED, at(1)),
    lambda c: transitions.cancelled(c, at(1)),
    lambda c: transitions.not_sent(c, "STATION_OFFLINE", at(1)),
    transitions.first_step_of,
    lambda c: judging.judge(c, Facts(), TIMING, at(1)),
    lambda c: judging.judge(replace(c, state=State.COMPENSATING), Facts(), TIMING, at(1)),
    lambda c: judging.judge(replace(c, **DONE), Facts(), TIMING, at(1)),
    judging.is_guarded,
    lambda c: judging.guard_end(c, TIMING, at(1)),
]


@pytest.mark.parametrize("does", DOES)
def test_a_kind_without_rules_is_an_error_and_never_another_command(
    planted: Command, does: Callable[[Command], Any]
) -> None:
    with pytest.raises(KeyError, match="TRIGGER_MESSAGE"):
        does(planted)


@pytest.mark.parametrize("kind", Kind)
def test_a_command_without_the_spec_of_its_kind_is_an_error(kind: Kind) -> None:
    nothing: dict[str, Any] = dict.fromkeys(SPEC_PLACES.values())
    empty = replace(OF_KIND[kind], **nothing)
    with pytest.raises(ValueError, match="no spec of its kind"):
        COMMANDS[kind].title(empty)


@pytest.mark.parametrize("kind", Kind)
def test_the_answers_of_a_kind_fit_together(kind: Kind) -> None:
    rules = COMMANDS[kind]
    assert rules.not_after > timedelta(0)
    assert rules.priority >= 0
    assert bool(rules.effect_progress) is rules.awaits_effect


def test_start_unlock_and_reset_are_never_repeated() -> None:
    never = {kind for kind in Kind if not COMMANDS[kind].repeatable}
    assert never == {Kind.START_SESSION, Kind.UNLOCK_CONNECTOR, Kind.RESET}


def test_only_what_begins_something_can_be_undone() -> None:
    undoable = {kind for kind in Kind if COMMANDS[kind].undo is not None}
    assert undoable == {Kind.START_SESSION, Kind.RESERVE_NOW}


@pytest.mark.parametrize("kind", Kind)
def test_a_station_that_does_not_know_the_message_ends_every_command(kind: Kind) -> None:
    said = answered(OF_KIND[kind], StationAnswer(Verdict.NOT_SUPPORTED))
    assert said.outcome is not None
    assert said.outcome.cause == Cause.COMMAND_NOT_SUPPORTED


@pytest.mark.parametrize("kind", Kind)
def test_a_repeated_frame_says_what_the_first_one_said(kind: Kind) -> None:
    command = OF_KIND[kind]
    again = only_spec(kind, COMMANDS[kind].repeated(command, "7"))
    assert again == {place: getattr(command, place) for place in SPEC_PLACES.values()}


def test_a_stop_may_be_repeated_with_the_id_that_the_station_uses() -> None:
    again = COMMANDS[Kind.STOP_SESSION].repeated(stop(), "9")
    assert again == replace(stop().stop or pytest.fail(), found_ocpp_transaction_id="9")


def test_each_command_is_judged_by_its_own_facts() -> None:
    needs = {kind: COMMANDS[kind].needed_facts(OF_KIND[kind]).needs for kind in Kind}
    assert needs[Kind.UNLOCK_CONNECTOR] == {Need.CONNECTORS}
    assert needs[Kind.STOP_SESSION] == {Need.RUNNING_SESSIONS, Need.ALL_CONNECTORS}
    assert needs[Kind.RESET] == {Need.RESTART}
    shown = {Need.RESERVED_CONNECTORS}
    assert needs[Kind.RESERVE_NOW] - {Need.CONNECTORS} == needs[Kind.CANCEL_RESERVATION] - shown
    assert {kind for kind in Kind if Need.RIVALS in needs[kind]} == {Kind.START_SESSION}


def test_an_unlock_that_stops_first_needs_the_sessions_of_its_evse() -> None:
    needed = COMMANDS[Kind.UNLOCK_CONNECTOR].needed_facts(unlock(stop_first=True))
    assert needed.needs == {Need.RUNNING_SESSIONS_OF_EVSE, Need.CONNECTORS}
    assert needed.evse_id == 1


def test_an_unlock_needs_the_stops_at_its_evse_only_after_a_no() -> None:
    needs = COMMANDS[Kind.UNLOCK_CONNECTOR].needed_facts
    sent = transitions.sent(unlock(), T0)
    refused = transitions.answered(sent, REJECTED, at(1), decides=False)
    assert needs(refused) == replace(
        needs(sent), needs=frozenset({Need.CONNECTORS, Need.STOPS_OF_EVSE})
    )
    assert needs(transitions.answered(sent, ACCEPTED, at(1))) == needs(sent)


def test_what_a_station_is_asked_about() -> None:
    asked = {kind: COMMANDS[kind].question(OF_KIND[kind]) for kind in Kind}
    assert (asked[Kind.START_SESSION].evse_id, asked[Kind.START_SESSION].ocpp_transaction_id) == (
        1,
        "",
    )
    assert asked[Kind.STOP_SESSION].ocpp_transaction_id == "7"
    assert asked[Kind.RESET].evse_id is None
    nothing = asked[Kind.UNLOCK_CONNECTOR]
    assert nothing == asked[Kind.RESERVE_NOW] == asked[Kind.CANCEL_RESERVATION]


def test_a_start_is_asked_about_by_the_transaction_of_its_answer() -> None:
    named = answered(start(), replace(ACCEPTED, ocpp_transaction_id="9"))
    assert COMMANDS[Kind.START_SESSION].question(named).ocpp_transaction_id == "9"


ENDS_NOTHING = sorted(set(Kind) - {Kind.STOP_SESSION, Kind.CANCEL_RESERVATION})


@pytest.mark.parametrize("kind", ENDS_NOTHING)
def test_what_ends_nothing_is_always_sent(kind: Kind) -> None:
    rules, command = COMMANDS[kind], OF_KIND[kind]
    assert rules.target(command) == NamedTarget()
    assert rules.already_ended(command, FoundTarget(session(active=False))) is None


@pytest.mark.parametrize("kind", sorted(set(Kind) - {Kind.RESERVE_NOW, Kind.CANCEL_RESERVATION}))
def test_a_command_about_no_reservation_changes_none(kind: Kind) -> None:
    assert COMMANDS[kind].reservation_update(answered(OF_KIND[kind]), at(1)) is None


@pytest.mark.parametrize("kind", sorted(set(Kind) - {Kind.RESERVE_NOW}))
def test_a_guard_ends_after_its_window(kind: Kind) -> None:
    assert judging.guard_end(OF_KIND[kind], TIMING, at(90)) == at(90 + TIMING.guard_s)


@pytest.mark.parametrize("kind", [Kind.UNLOCK_CONNECTOR, Kind.RESERVE_NOW, Kind.CANCEL_RESERVATION])
def test_where_the_answer_decides_the_facts_are_looked_at_with_it(kind: Kind) -> None:
    look = COMMANDS[kind].first_look
    assert look(frame(), ACCEPTED, TIMING, None) == at(1)
    assert look(frame(answer_time=None), None, TIMING, None) == T0


def test_an_unwanted_session_is_stopped_by_its_own_id() -> None:
    undo = COMMANDS[Kind.START_SESSION].undo
    assert undo is not None
    target = SessionTarget("7", "tx", 1)
    stopped = StopSpec(evse_id=1, found_ocpp_transaction_id="7", found_transaction="tx")
    assert undo.frame(start(), target) == FrameSpec(Kind.STOP_SESSION, stopped)


def test_an_unwanted_reservation_is_cancelled_by_its_number() -> None:
    undo = COMMANDS[Kind.RESERVE_NOW].undo
    assert undo is not None
    cancelled = CancelReservationSpec(42, found_reservation=RESERVATION)
    assert undo.frame(reserve(), SessionTarget()) == FrameSpec(Kind.CANCEL_RESERVATION, cancelled)


@pytest.mark.parametrize("kind", Kind)
def test_the_specs_of_a_command_are_handed_on_whole(kind: Kind) -> None:
    specs = specs_of(OF_KIND[kind])
    assert [place for place, spec in specs.items() if spec is not None] == [SPEC_PLACES[kind]]


@pytest.mark.parametrize(
    ("kind", "answer_time", "own", "expected_s"),
    [
        (Kind.START_SESSION, at(1), None, 76),
        (Kind.START_SESSION, None, None, 75),
        (Kind.START_SESSION, at(1), 20.0, 36),
        (Kind.STOP_SESSION, at(1), None, 61),
        (Kind.STOP_SESSION, None, None, 90),
    ],
)
def test_deadlines(kind: Kind, answer_time: object, own: float | None, expected_s: float) -> None:
    sent = frame(answer_time=answer_time)
    assert COMMANDS[kind].first_look(sent, ACCEPTED, TIMING, own) == at(expected_s)
