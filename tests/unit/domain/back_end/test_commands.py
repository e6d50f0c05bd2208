"""What the commands of another back end (CSMS) brought, by answers, boots and time."""

from datetime import timedelta
from typing import Any

import pytest

from domain.back_end.commands import (
    PUT_OFF,
    TheirCommand,
    outcome_of_their_answer,
    rules_of_theirs,
    undecided_outcome,
)
from domain.back_end.restarts import ReportedBoot, may_have_restarted, outcome_of_boot
from domain.model.answers import CallError, StationAnswer, Verdict
from domain.model.outcomes import Cause
from domain.model.specs import Kind
from tests.unit.domain.situations import ACCEPTED, REJECTED, at

FAILED = StationAnswer(Verdict.FAILED, call_error=CallError("InternalError"))
SCHEDULED = StationAnswer(Verdict.SCHEDULED, "Scheduled")
UNREADABLE = StationAnswer(Verdict.UNREADABLE, "Perhaps")


def reset(**changed: Any) -> TheirCommand:
    """A reset of the whole station, passed on at 0 and accepted at 1."""
    known: dict[str, Any] = {"answer": ACCEPTED, "answer_time": at(1), "connection_id": "old"}
    return TheirCommand(Kind.RESET, at(0), **(known | changed))


UNANSWERED: dict[str, Any] = {"answer": None, "answer_time": None}


@pytest.mark.parametrize(
    ("kind", "answer", "cause"),
    [
        (Kind.RESET, ACCEPTED, None),
        (Kind.START_SESSION, ACCEPTED, None),
        (Kind.STOP_SESSION, ACCEPTED, None),
        (Kind.UNLOCK_CONNECTOR, ACCEPTED, Cause.CONNECTOR_UNLOCKED),
        (Kind.RESERVE_NOW, ACCEPTED, Cause.RESERVED),
        (Kind.CANCEL_RESERVATION, ACCEPTED, Cause.RESERVATION_CANCELLED),
        (Kind.RESET, REJECTED, Cause.STATION_REJECTED),
        (Kind.RESERVE_NOW, StationAnswer(Verdict.REJECTED, "Occupied"), Cause.EVSE_OCCUPIED),
        (Kind.UNLOCK_CONNECTOR, StationAnswer(Verdict.FAILED, "UnlockFailed"), Cause.UNLOCK_FAILED),
        (Kind.RESET, FAILED, Cause.STATION_ERROR),
        (Kind.RESET, UNREADABLE, Cause.ANSWER_UNREADABLE),
    ],
)
def test_an_answer_tells_what_it_proves(
    kind: Kind, answer: StationAnswer, cause: Cause | None
) -> None:
    outcome = outcome_of_their_answer(kind, answer)
    assert (outcome.cause if outcome else None) == cause


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_ends_unknown_when_nothing_tells_its_end(kind: Kind) -> None:
    over = rules_of_theirs(kind).latest
    early = over - timedelta(seconds=1)
    assert undecided_outcome(kind, answered=True, put_off=False, age=early) is None
    silent = undecided_outcome(kind, answered=False, put_off=False, age=over)
    assert silent is not None
    assert silent.cause == Cause.ANSWER_TIMEOUT
    agreed = undecided_outcome(kind, answered=True, put_off=False, age=over)
    assert agreed is not None
    assert agreed.code == "UNKNOWN"


def test_a_reset_that_was_put_off_is_followed_for_days() -> None:
    day = timedelta(days=1)
    assert undecided_outcome(Kind.RESET, answered=True, put_off=True, age=day) is None
    late = undecided_outcome(Kind.RESET, answered=True, put_off=True, age=PUT_OFF)
    assert late is not None
    assert late.cause == Cause.RESTART_NOT_CONFIRMED


@pytest.mark.parametrize(
    ("command", "evse_id", "may"),
    [
        pytest.param(reset(), None, True, id="a reset before the boot"),
        pytest.param(reset(**UNANSWERED), None, True, id="not answered"),
        pytest.param(reset(answer=FAILED), None, True, id="an error says neither yes nor no"),
        pytest.param(reset(answer=REJECTED), None, False, id="refused"),
        pytest.param(reset(effect_time=at(10)), None, False, id="its boot came before"),
        pytest.param(reset(effect_time=at(20)), None, True, id="this boot"),
        pytest.param(reset(evse_id=2), 1, False, id="another EVSE"),
        pytest.param(reset(evse_id=1), 1, True, id="this EVSE"),
        pytest.param(reset(), 1, True, id="the whole station with its EVSE"),
    ],
)
def test_a_restart_may_be_due_to_a_reset_of_theirs(
    command: TheirCommand, evse_id: int | None, may: bool
) -> None:
    assert may_have_restarted(command, at(20), at(20), evse_id) is may
    assert not may_have_restarted(command, at(0), at(0), evse_id)


def test_a_reset_of_long_ago_explains_a_boot_only_when_it_was_put_off() -> None:
    hours = at(2 * 3600)
    assert not may_have_restarted(reset(), hours, hours)
    assert may_have_restarted(reset(answer=SCHEDULED), hours, hours)


NEWER = {"connection_id": "new"}
DONE, DOUBT = Cause.STATION_RESTARTED, Cause.RESTART_NOT_CONFIRMED


@pytest.mark.parametrize(
    ("command", "boot", "ours", "cause"),
    [
        pytest.param(reset(), ReportedBoot(at(20), **NEWER), False, DONE, id="on a new socket"),
        pytest.param(reset(), ReportedBoot(at(20), **NEWER), True, DOUBT, id="ours as well"),
        pytest.param(
            reset(**UNANSWERED), ReportedBoot(at(20), **NEWER), False, DOUBT, id="not answered"
        ),
        pytest.param(
            reset(**UNANSWERED),
            ReportedBoot(at(20), "RemoteReset", "new"),
            False,
            DONE,
            id="not answered, and it names a reset",
        ),
        pytest.param(reset(), ReportedBoot(at(20), "", "old"), False, DONE, id="on the old socket"),
        pytest.param(
            reset(), ReportedBoot(at(20), "PowerUp", "old"), False, DOUBT, id="for another reason"
        ),
        pytest.param(
            reset(), ReportedBoot(at(0.5), "", "old"), False, DOUBT, id="before the answer"
        ),
        pytest.param(
            reset(**UNANSWERED), ReportedBoot(at(20), "", "old"), False, DOUBT, id="no answer yet"
        ),
        pytest.param(reset(), ReportedBoot(at(700), **NEWER), False, DOUBT, id="too late"),
        pytest.param(
            reset(answer=SCHEDULED),
            ReportedBoot(at(7_000), "ScheduledReset", "new"),
            False,
            DONE,
            id="put off",
        ),
        pytest.param(
            reset(evse_id=1), ReportedBoot(at(20), **NEWER), False, DOUBT, id="of one EVSE"
        ),
        pytest.param(
            reset(answer=REJECTED),
            ReportedBoot(at(20), **NEWER),
            False,
            Cause.EFFECT_NOT_EXCLUDED,
            id="soon after it was refused",
        ),
        pytest.param(
            reset(answer=REJECTED), ReportedBoot(at(700), **NEWER), False, None, id="refused"
        ),
        pytest.param(reset(), ReportedBoot(at(-5), **NEWER), False, None, id="before it"),
        pytest.param(reset(), ReportedBoot(at(20), "Triggered"), False, None, id="asked to tell"),
        pytest.param(reset(), ReportedBoot(at(9_000), **NEWER), False, None, id="long ago"),
    ],
)
def test_a_boot_tells_what_came_of_a_reset(
    command: TheirCommand, boot: ReportedBoot, ours: bool, cause: Cause | None
) -> None:
    outcome = outcome_of_boot(command, boot, ours=ours)
    assert (outcome.cause if outcome else None) == cause
