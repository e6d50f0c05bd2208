"""The rotation of a station's password: what each event makes of it, and what is never lost."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model.answers import CallError, StationAnswer, Verdict
from domain.model.rotations import (
    ENDS,
    FOLLOWING,
    MOST_SENDS,
    PAUSES,
    Doubt,
    Rotation,
    RotationState,
    RotationStep,
    answered,
    asked_again,
    begun,
    closed,
    next_step,
    put_off,
    sent,
    unsendable,
    used,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GRACE = timedelta(seconds=30)


def says(rotation: Rotation, verdict: Verdict, status: str = "word") -> Rotation:
    return answered(rotation, StationAnswer(verdict, status), NOW, grace=GRACE)


def in_state(state: RotationState, doubt: Doubt = Doubt.NONE) -> Rotation:
    return replace(begun(NOW), state=state, doubt=doubt)


SENT = sent(begun(NOW), NOW)


@pytest.mark.parametrize(
    ("doubt", "verdict", "state"),
    [
        (Doubt.NONE, Verdict.ACCEPTED, RotationState.ACCEPTED),
        (Doubt.AGREED, Verdict.ACCEPTED, RotationState.ACCEPTED),
        (Doubt.NONE, Verdict.SCHEDULED, RotationState.REBOOT_REQUIRED),
        (Doubt.NONE, Verdict.REJECTED, RotationState.REJECTED),
        (Doubt.UNANSWERED, Verdict.REJECTED, RotationState.SENT),
        (Doubt.AGREED, Verdict.REJECTED, RotationState.SENT),
        (Doubt.NONE, Verdict.NOT_SUPPORTED, RotationState.REJECTED),
        (Doubt.UNANSWERED, Verdict.NOT_SUPPORTED, RotationState.REJECTED),
        (Doubt.AGREED, Verdict.NOT_SUPPORTED, RotationState.SENT),
        (Doubt.NONE, Verdict.FAILED, RotationState.SENT),
        (Doubt.NONE, Verdict.UNREADABLE, RotationState.SENT),
    ],
)
def test_a_no_ends_a_rotation_only_when_the_station_cannot_have_the_password(
    doubt: Doubt, verdict: Verdict, state: RotationState
) -> None:
    heard = says(in_state(RotationState.SENT, doubt), verdict)
    assert (heard.state, heard.answer, heard.answer_time) == (state, "word", NOW)
    assert (heard.end_time == NOW) == (state is RotationState.REJECTED)


def test_the_answer_is_kept_in_the_stations_own_word() -> None:
    refused = StationAnswer(Verdict.FAILED, call_error=CallError("VendorError", "a secret"))
    assert answered(SENT, refused, NOW, grace=GRACE).answer == "VendorError"
    assert says(SENT, Verdict.UNREADABLE, "").answer == "UNREADABLE"


@pytest.mark.parametrize(
    ("state", "before", "after"),
    [
        (RotationState.REQUESTED, Doubt.NONE, Doubt.NONE),
        (RotationState.SENT, Doubt.NONE, Doubt.UNANSWERED),
        (RotationState.SENT, Doubt.AGREED, Doubt.AGREED),
        (RotationState.RECONNECTING, Doubt.AGREED, Doubt.AGREED),
    ],
)
def test_a_frame_after_one_without_a_clear_answer_leaves_a_doubt(
    state: RotationState, before: Doubt, after: Doubt
) -> None:
    again = sent(in_state(state, before), NOW)
    assert (again.state, again.doubt, again.sent_time) == (RotationState.SENT, after, NOW)


def test_the_pauses_grow_and_end() -> None:
    rotation, pauses = begun(NOW), []
    for _ in range(MOST_SENDS):
        rotation = sent(rotation, NOW)
        pauses.append(rotation.due_time - NOW if rotation.due_time else None)
    assert pauses == [*PAUSES, None]
    assert next_step(rotation, NOW + timedelta(days=9)) is RotationStep.WAIT


@pytest.mark.parametrize(
    ("rotation", "after_s", "step"),
    [
        (begun(NOW), 0, RotationStep.SEND),
        (SENT, 29, RotationStep.WAIT),
        (SENT, 30, RotationStep.SEND),
        (says(SENT, Verdict.ACCEPTED), 29, RotationStep.WAIT),
        (says(SENT, Verdict.ACCEPTED), 30, RotationStep.CLOSE),
        (closed(says(SENT, Verdict.ACCEPTED), NOW), 29, RotationStep.WAIT),
        (closed(says(SENT, Verdict.ACCEPTED), NOW), 30, RotationStep.SEND),
        (says(SENT, Verdict.SCHEDULED), 9_000_000, RotationStep.WAIT),
        (asked_again(says(SENT, Verdict.SCHEDULED), NOW), 0, RotationStep.SEND),
        (put_off(begun(NOW), NOW), 29, RotationStep.WAIT),
        (put_off(begun(NOW), NOW), 30, RotationStep.SEND),
        (replace(used(SENT, NOW), due_time=NOW), 0, RotationStep.WAIT),
    ],
)
def test_what_is_due(rotation: Rotation, after_s: int, step: RotationStep) -> None:
    assert next_step(rotation, NOW + timedelta(seconds=after_s)) is step


def test_who_asks_again_gets_fresh_tries() -> None:
    last = replace(sent(replace(SENT, sends=MOST_SENDS - 1), NOW), doubt=Doubt.AGREED)
    again = asked_again(last, NOW)
    assert (again.sends, again.due_time, again.doubt) == (0, NOW, Doubt.AGREED)
    assert again.state is RotationState.SENT


def test_a_password_that_cannot_be_written_ends_what_was_never_sent() -> None:
    never, once = unsendable(begun(NOW), "too long", NOW), unsendable(SENT, "too long", NOW)
    assert (never.state, never.end_time, never.answer) == (RotationState.REJECTED, NOW, "too long")
    assert (once.state, once.due_time, once.answer) == (RotationState.SENT, None, "too long")


EVENTS: dict[str, Callable[[Rotation], Rotation]] = {
    "sent": lambda one: sent(one, NOW),
    "closed": lambda one: closed(one, NOW),
    "put off": lambda one: put_off(one, NOW),
    "asked again": lambda one: asked_again(one, NOW),
    "too long": lambda one: unsendable(one, "too long", NOW),
    "used": lambda one: used(one, NOW),
    **{verdict.value: lambda one, verdict=verdict: says(one, verdict) for verdict in Verdict},  # type: ignore[misc]
}
OURS = {"sent", "put off", "asked again", "too long"}
CAN_COME = {state: OURS | {"used"} for state in RotationState if state not in ENDS} | {
    RotationState.SENT: {*EVENTS} - {"closed"},
    RotationState.ACCEPTED: {"closed", "put off", "asked again", "used"},
}
"""What can come in each open state."""


@pytest.mark.parametrize("state", CAN_COME)
def test_each_event_leads_where_the_table_says(state: RotationState) -> None:
    reached = {
        EVENTS[event](in_state(state, doubt)).state for event in CAN_COME[state] for doubt in Doubt
    }
    assert reached - {state} == FOLLOWING[state]


@given(st.lists(st.sampled_from(sorted(EVENTS))))
def test_whoever_agreed_is_locked_out_by_no_event(events: list[str]) -> None:
    """After a yes nothing but the use of the new password ends one of the two."""
    rotation, agreed = begun(NOW), False
    for event in events:
        if event in CAN_COME.get(rotation.state, ()):
            agreed |= event in {"ACCEPTED", "SCHEDULED"}
            rotation = EVENTS[event](rotation)
    assert not agreed or rotation.state is not RotationState.REJECTED
