"""Snapshot to snapshot: whatever comes when, a reservation moves forward to one end."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model.command import Code, Command, Compensation, CompensationState, Outcome, State
from domain.model.specs import Kind, ReserveSpec
from domain.reservations import transitions as changes
from domain.reservations.reservation import (
    ENDS,
    TRANSITIONS,
    ChangeState,
    Reservation,
    ReservationState,
)
from domain.reservations.transitions import EndCause
from tests.unit.domain.holds import END_S, change, hold
from tests.unit.domain.situations import T0, TOKEN, at

Change = Callable[[Reservation, datetime], Reservation]

STATES = list(ReservationState)


def reserve(**changed: Any) -> Command:
    """The ReserveNow that asked for the hold."""
    command = Command(
        name="c1",
        tenant="acme",
        kind=Kind.RESERVE_NOW,
        station="CS-1",
        state=State.SENT,
        create_time=at(-1),
        not_after=at(300),
        workflow_id="command/acme/c1",
        reserve=ReserveSpec(id_token=TOKEN, expire_time=at(END_S), evse_id=1, wire_id=42),
        progress="The station is being asked.",
    )
    return replace(command, **changed)


def done(code: Code, undoing: CompensationState = CompensationState.NONE) -> Command:
    """It was reported with this outcome."""
    return reserve(
        state=State.DONE,
        outcome=Outcome(code, "A_CAUSE", "A sentence."),
        compensation=Compensation(undoing),
    )


def requested() -> Reservation:
    """The reservation while its ReserveNow is under way."""
    return changes.requested(reserve(), "0" * 24, "acme:reservations/1")


FOLLOWED: list[tuple[Command, ReservationState, str]] = [
    (done(Code.SUCCEEDED), ReservationState.HELD, ""),
    (done(Code.REJECTED), ReservationState.REFUSED, "A_CAUSE"),
    (done(Code.NOT_SUPPORTED), ReservationState.REFUSED, "A_CAUSE"),
    (done(Code.NOT_SENT), ReservationState.REFUSED, "A_CAUSE"),
    (done(Code.CANCELLED), ReservationState.CANCELLED, "CANCELLED_BY_CALLER"),
    (
        done(Code.CANCELLED, CompensationState.DONE),
        ReservationState.CANCELLED,
        "CANCELLED_BY_CALLER",
    ),
    (done(Code.CANCELLED, CompensationState.PENDING), ReservationState.REQUESTED, ""),
    (done(Code.NO_EFFECT), ReservationState.CANCELLED, "UNKNOWN_HOLD_UNDONE"),
    (done(Code.UNKNOWN, CompensationState.PENDING), ReservationState.REQUESTED, ""),
    (done(Code.UNKNOWN, CompensationState.FAILED), ReservationState.CANCELLED, "CANCEL_DENIED"),
    (done(Code.CANCELLED, CompensationState.FAILED), ReservationState.CANCELLED, "CANCEL_DENIED"),
    (reserve(), ReservationState.REQUESTED, ""),
]


@pytest.mark.parametrize(("command", "state", "cause"), FOLLOWED)
def test_a_request_follows_its_command(
    command: Command, state: ReservationState, cause: str
) -> None:
    """What is still being undone at the station has not ended."""
    after = changes.follow_request(requested(), command, at(9))
    assert (after.state, after.cause) == (state, cause)


@pytest.mark.parametrize("code", [Code.UNKNOWN, Code.CANCELLED])
def test_a_request_that_ran_out_while_it_was_undone_is_over(code: Code) -> None:
    failed = done(code, CompensationState.FAILED)
    after = changes.follow_request(requested(), failed, at(3_601))
    assert (after.state, after.cause) == (ReservationState.EXPIRED, EndCause.USE_NOT_KNOWN)


def test_the_tokens_of_a_reservation_are_its_drivers_and_his_groups() -> None:
    group = replace(TOKEN, digest="group")
    assert hold(group_id_token=None).digests == (TOKEN.digest,)
    assert hold(group_id_token=group).digests == (TOKEN.digest, "group")


def test_every_outcome_of_a_reserve_now_is_in_the_table() -> None:
    """No outcome leaves its reservation where it was by oversight."""
    told = {command.outcome.code for command, _, _ in FOLLOWED if command.outcome}
    assert told == set(Code)


def test_a_hold_that_could_not_be_undone_because_it_was_used_is_used() -> None:
    """Its session is named."""
    used = done(Code.UNKNOWN)
    used = replace(used, compensation=Compensation(CompensationState.FAILED, transaction="s1"))
    after = changes.follow_request(requested(), used, at(9))
    assert (after.state, after.transaction) == (ReservationState.USED, "s1")


def test_a_hold_that_another_one_used_is_not_told_as_used_by_its_driver() -> None:
    """Its driver did not come."""
    compensation = Compensation(CompensationState.FAILED, transaction="s1", used_by_another=True)
    used = replace(done(Code.CANCELLED), compensation=compensation)
    after = changes.follow_request(requested(), used, at(9))
    assert (after.state, after.cause) == (ReservationState.LOST, EndCause.USED_BY_ANOTHER)
    assert after.transaction == "s1"


@pytest.mark.parametrize("state", [s for s in STATES if s is not ReservationState.REQUESTED])
@pytest.mark.parametrize("code", list(Code))
def test_the_command_has_no_say_once_it_is_held(state: ReservationState, code: Code) -> None:
    """One hand writes at a time."""
    other = hold(state=state)
    assert changes.follow_request(other, done(code), at(9)) is other


def test_a_request_says_what_is_being_done() -> None:
    """In its command's words; that its hold is being cancelled, if it is."""
    undoing = done(Code.UNKNOWN, CompensationState.PENDING)
    after = changes.follow_request(requested(), undoing, at(9))
    assert after.progress == "The hold is being cancelled at the station."


@pytest.mark.parametrize("undoing", [CompensationState.NONE, CompensationState.DONE])
@pytest.mark.parametrize(
    ("time_s", "state", "cause"),
    [
        (END_S - 1, ReservationState.REQUESTED, ""),
        (END_S, ReservationState.EXPIRED, EndCause.USE_NOT_KNOWN),
    ],
)
def test_what_stays_unknown_ends_at_its_time(
    time_s: float, state: ReservationState, cause: str, undoing: CompensationState
) -> None:
    """Until then a late report may still show the session that used it."""
    unknown = done(Code.UNKNOWN, undoing)
    after = changes.follow_request(requested(), unknown, at(time_s))
    assert (after.state, after.cause) == (state, cause)


def test_a_request_that_was_undone_does_not_say_that_it_is_being_undone() -> None:
    """The station holds nothing any longer."""
    undone = done(Code.UNKNOWN, CompensationState.DONE)
    after = changes.follow_request(requested(), undone, at(9))
    assert after.progress.startswith("The station holds nothing.")


@pytest.mark.parametrize("cause", list(EndCause))
def test_each_end_says_why_and_stands(cause: EndCause) -> None:
    """A sentence for a human, a word for a machine, and no second end."""
    after = changes.ended(hold(), cause, at(9))
    assert after.state in ENDS
    assert (after.cause, after.end_time, after.progress) == (cause.value, at(9), "")
    assert after.message.endswith(".")
    assert all(changes.ended(after, other, at(10)) is after for other in EndCause)


def test_a_repeat_of_a_change_is_the_same_change() -> None:
    """Even after it was refused: the caller is told so again."""
    once = changes.change_asked(hold(), change())
    assert changes.change_asked(once, change(evse_id=3)) is once
    refused = changes.change_failed(once, ChangeState.REFUSED, "STATION_REJECTED", "No.")
    assert changes.change_asked(refused, change()) is refused


def test_a_yes_that_leaves_the_doubt_leaves_its_words() -> None:
    """Until the station said it again, that is what is being done."""
    doubted = changes.doubted(hold(), at(20), 4, "The station restarted; asking again.")
    after = changes.held(doubted, at(21), 4)
    assert (after.hold_time, after.progress) == (at(21), "The station restarted; asking again.")
    assert changes.held(doubted, at(22), 5).progress == changes.HOLDING


def test_an_old_yes_is_not_a_new_one() -> None:
    """Answers may be read in any order."""
    newer = changes.held(hold(), at(50), 3)
    assert changes.held(newer, at(40), 2) is newer


OLD = timedelta(seconds=3)
"""How long ago something was said that is read only now."""

CARE: list[Change] = [
    lambda r, now: changes.held(r, now, r.doubt_attempt),
    lambda r, now: changes.held(r, now - OLD, r.doubt_attempt - 1),
    lambda r, now: changes.doubted(r, now, 2, "Asking again."),
    lambda r, now: changes.change_asked(r, change()),
    lambda r, now: changes.change_asked(r, change(request_id="r2", evse_id=2)),
    lambda r, now: changes.change_accepted(r, now, r.doubt_attempt),
    lambda r, now: changes.change_failed(r, ChangeState.REFUSED, "STATION_REJECTED", "No."),
    lambda r, now: changes.change_failed(r, ChangeState.UNKNOWN, "ANSWER_TIMEOUT", "Nobody knows."),
]
"""What happens to a hold that does not end it."""


def _end(cause: EndCause, known: Reservation, now: datetime) -> Reservation:
    return changes.ended(known, cause, now)


def _follow(command: Command, known: Reservation, now: datetime) -> Reservation:
    return changes.follow_request(known, command, now)


ENDINGS: list[Change] = [
    *(partial(_end, cause) for cause in EndCause),
    lambda r, now: changes.cancelled(r, "no longer needed", now),
    lambda r, now: changes.withdrawn(r, "cancelled in Temporal", now),
]

COMMANDS: list[Change] = [
    partial(_follow, done(code, undoing)) for code in Code for undoing in CompensationState
]

STEPS = st.lists(
    st.one_of(st.sampled_from(CARE), st.sampled_from(ENDINGS), st.sampled_from(COMMANDS)),
    max_size=20,
)


@given(st.booleans(), STEPS)
def test_it_moves_forward_only_and_ends_once(is_held: bool, steps: list[Change]) -> None:
    """In any order, however often: allowed transitions, one end, no change left undecided."""
    known = hold() if is_held else requested()
    for number, step in enumerate(steps, start=1):
        after = step(known, at(number))
        assert after.state is known.state or after.state in TRANSITIONS[known.state]
        assert after is known or not known.ended
        _is_sound(after)
        assert step(after, at(number)) == after, "a step that is written twice writes nothing new"
        known = after


def _is_sound(known: Reservation) -> None:
    if known.ended:
        assert known.end_time is not None
        assert known.doubt_time is None
        assert known.change is None or known.change.state is not ChangeState.PENDING
    if known.state is ReservationState.HELD:
        assert known.start_time is not None
        assert known.hold_time is not None


def test_a_reservation_keeps_the_moment_of_its_first_yes() -> None:
    """A hold that is made again began when it first did."""
    again = changes.held(hold(), at(60), 2)
    assert (again.start_time, again.hold_time) == (T0, at(60))


@pytest.mark.parametrize("state", sorted(set(ReservationState) - {ReservationState.HELD}))
def test_a_cancel_ends_only_what_is_held(state: ReservationState) -> None:
    known = hold(state=state)
    assert changes.cancelled(known, "no need", T0) is known


@pytest.mark.parametrize("state", sorted(ENDS))
def test_nothing_is_held_doubted_changed_or_ended_after_the_end(state: ReservationState) -> None:
    """Late answers and late operators find it as it was left."""
    over = hold(state=state)
    for late in (*CARE, *ENDINGS):
        assert late(over, at(9)) is over


@pytest.mark.parametrize("answer", [5, 6, 7])
def test_a_decided_change_is_not_decided_again(answer: int) -> None:
    """The first answer to a change stands; where none was asked for, none is answered."""
    refused = changes.change_failed(
        changes.change_asked(hold(), change()), ChangeState.REFUSED, "STATION_REJECTED", "No."
    )
    for known in (hold(), refused):
        assert CARE[answer](known, at(9)) is known


def test_a_doubt_begins_once() -> None:
    """A second reason to ask leaves the time and the words of the first."""
    doubted = changes.doubted(hold(), at(20), 4, "The station restarted; asking again.")
    assert changes.doubted(doubted, at(21), 5, "Asking again.") is doubted
