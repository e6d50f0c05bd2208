"""Whose session is it: of this start, of another one, or its driver's own?"""

from dataclasses import replace

import pytest

from domain.commands import transitions as changes
from domain.evidence.facts import Facts, session_facts
from domain.evidence.matching import classify, may_have_been_ours
from domain.evidence.sessions import Match, Rival, Session, TokenState
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Command
from domain.model.outcomes import Cause, ending
from domain.model.specs import required
from tests.unit.domain.situations import (
    answered,
    at,
    ended,
    facts,
    frame,
    judged,
    rival,
    session,
    start,
)

REFUSED_FRAME = frame(refused=True, epoch=1)
TAKEN = (rival(claimed="tx"),)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(facts(session(), rivals=TAKEN), "SESSION_DOUBTFUL", id="whose was it?"),
        pytest.param(
            facts(session(remote_start_id=6), rivals=TAKEN),
            "NO_CABLE_OR_NO_TRANSACTION",
            id="it names the other",
        ),
        pytest.param(
            facts(session(evse_id=2), rivals=TAKEN), "NO_CABLE_OR_NO_TRANSACTION", id="elsewhere"
        ),
        pytest.param(
            facts(session(received_time=at(-5), start_time=at(-5)), rivals=TAKEN),
            "NO_CABLE_OR_NO_TRANSACTION",
            id="told before",
        ),
    ],
)
def test_a_session_that_another_start_has_taken_may_have_been_ours(
    known: Facts, expected: str
) -> None:
    assert judged(answered(start()), known, 76) == expected


def test_a_session_that_another_start_has_taken_was_never_that_of_a_refused_one() -> None:
    assert not may_have_been_ours(session(), REFUSED_FRAME, TAKEN, at(75))
    assert not may_have_been_ours(session(), frame(), (), at(75))


@pytest.mark.parametrize(
    ("began", "now_s", "expected"),
    [
        pytest.param(
            session(start_time=at(2), received_time=at(2)), 20, "UNDO", id="begun at once"
        ),
        pytest.param(session(), 20, "WAIT", id="begun long after the no"),
        pytest.param(
            session(start_time=at(-20), received_time=at(2)), 20, "WAIT", id="told at once"
        ),
        pytest.param(session(start_time=at(-20)), 20, "WAIT", id="begun before, told after"),
        pytest.param(session(start_time=at(-20)), 110, "UNDO_FAILED", id="and it runs on"),
        pytest.param(
            session(clock_suspect=True, epoch=1), 20, "WAIT", id="begun nobody knows when"
        ),
        pytest.param(
            session(start_time=at(-20), remote_start_id=5), 20, "UNDO", id="it names our frame"
        ),
    ],
)
def test_a_session_that_may_be_its_drivers_own_is_not_stopped_for_a_refused_start(
    began: Session, now_s: float, expected: str
) -> None:
    no = StationAnswer(Verdict.REJECTED, "Rejected")
    refused = changes.concluded(answered(start(), no), ending(Cause.STATION_REJECTED), at(2))
    assert judged(refused, facts(began, frame=REFUSED_FRAME), now_s) == expected


@pytest.mark.parametrize(
    ("known", "named", "match"),
    [
        pytest.param(session(), None, Match.MATCH, id="no repeat"),
        pytest.param(session(may_repeat=True), None, Match.DOUBTFUL, id="perhaps a repeat"),
        pytest.param(session(may_repeat=True), "7", Match.DOUBTFUL, id="and the answer names it"),
        pytest.param(
            session(may_repeat=True, remote_start_id=5), None, Match.MATCH, id="it names our frame"
        ),
        pytest.param(
            session(may_repeat=True, remote_start_id=4), None, Match.NO_MATCH, id="an older request"
        ),
        pytest.param(
            ended(at_s=-5, received_time=at(-60), remote_start_id=5),
            None,
            Match.DOUBTFUL,
            id="an update after its end names our frame",
        ),
        pytest.param(
            ended(at_s=-5, received_time=at(-60), remote_start_id=5, end_reported=False),
            None,
            Match.MATCH,
            id="nobody told that end",
        ),
    ],
)
def test_a_start_that_may_be_told_again_is_ours_only_when_it_names_our_frame(
    known: Session, named: str | None, match: Match
) -> None:
    told = classify(known, frame(), named=named, rivals=(), late_after=at(75))
    assert told is match


def test_a_start_that_may_be_told_again_leaves_the_outcome_open() -> None:
    assert judged(answered(start()), facts(session(may_repeat=True)), 20) == "WAIT"
    assert judged(answered(start()), facts(session(may_repeat=True)), 76) == "SESSION_DOUBTFUL"


ON_21 = {"ocpp_version": "2.1"}
OVER = ended("DeAuthorized", name="first", ocpp_transaction_id="1", remote_start_id=5)
AGAIN = session(name="again", ocpp_transaction_id="2", start_time=at(22), received_time=at(22))
VAGUE = replace(AGAIN, token_digest=None)


@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(facts(OVER, **ON_21), 24, "WAIT", id="it may begin again"),
        pytest.param(facts(OVER, **ON_21), 25, "AUTHORIZATION_REFUSED", id="it did not"),
        pytest.param(facts(OVER, AGAIN, **ON_21), 24, "SESSION_STARTED", id="it did"),
        pytest.param(facts(OVER, VAGUE, **ON_21), 30, "WAIT", id="perhaps it did"),
        pytest.param(facts(OVER, VAGUE, **ON_21), 76, "SESSION_DOUBTFUL", id="it stays unclear"),
        pytest.param(
            facts(OVER, replace(VAGUE, active=False), **ON_21),
            76,
            "SESSION_DOUBTFUL",
            id="and that is over too",
        ),
        pytest.param(
            facts(ended("Timeout", name="first"), VAGUE, **ON_21),
            76,
            "SESSION_DOUBTFUL",
            id="after no car came",
        ),
        pytest.param(
            facts(session(name="first", token_state=TokenState.REFUSED), AGAIN, **ON_21),
            30,
            "SESSION_STARTED",
            id="the refused one was not ended yet",
        ),
        pytest.param(
            facts(OVER, replace(AGAIN, evse_id=2, token_digest="other"), **ON_21),
            30,
            "AUTHORIZATION_REFUSED",
            id="another driver's",
        ),
    ],
)
def test_a_refused_session_is_not_the_effect_while_another_one_may_be(
    known: Facts, now_s: float, expected: str
) -> None:
    assert judged(answered(start()), known, now_s) == expected


@pytest.mark.parametrize(
    ("version", "now_s", "expected"),
    [("2.1", 30, "WAIT"), ("2.1", 110, "UNDO_FAILED"), ("1.6", 110, "WAIT")],
)
def test_a_session_after_one_that_was_told_as_refused_is_not_kept_secret(
    version: str, now_s: float, expected: str
) -> None:
    told = ending(Cause.AUTHORIZATION_REFUSED, session=session_facts(OVER))
    refused = changes.concluded(answered(start()), told, at(25))
    late = replace(AGAIN, start_time=at(40), received_time=at(40))
    assert judged(refused, facts(OVER, late, ocpp_version=version), now_s) == expected


@pytest.mark.parametrize(
    ("told", "match"),
    [
        pytest.param({"remote_start_id": 5}, Match.DOUBTFUL, id="ours, and a later one is open"),
        pytest.param({"remote_start_id": 6}, Match.DOUBTFUL, id="one before ours"),
        pytest.param({"remote_start_id": 6, "evse_id": 2, "token_digest": "other"}, Match.NO_MATCH),
        pytest.param({"remote_start_id": 6, "passed_on": False}, Match.NO_MATCH),
    ],
)
def test_a_session_of_a_start_that_was_over_is_in_doubt(
    told: dict[str, object], match: Match
) -> None:
    one = replace(session(passed_on=True), **told)  # type: ignore[arg-type]
    assert classify(one, frame(), named=None, rivals=(), late_after=at(76)) is match


EARLIER = rival(send_time=at(-5))
LATER = rival()


@pytest.mark.parametrize(
    ("ours", "other", "match"),
    [
        pytest.param(False, LATER, Match.DOUBTFUL, id="both are wanted: the later one"),
        pytest.param(False, EARLIER, Match.MATCH, id="both are wanted: ours is the later one"),
        pytest.param(False, replace(LATER, unwanted=True), Match.MATCH, id="only ours is wanted"),
        pytest.param(True, EARLIER, Match.DOUBTFUL, id="only the other one is wanted"),
        pytest.param(True, replace(EARLIER, unwanted=True), Match.MATCH, id="none: the later one"),
        pytest.param(True, replace(LATER, unwanted=True), Match.DOUBTFUL, id="none: not the first"),
    ],
)
def test_a_start_that_somebody_waits_for_explains_a_session_better_than_one_that_was_given_up(
    ours: bool, other: Rival, match: Match
) -> None:
    one = frame(unwanted=ours)
    assert classify(session(), one, named=None, rivals=(other,), late_after=at(75)) is match


NOTHING = changes.concluded(answered(start()), ending(Cause.NO_CABLE_OR_NO_TRANSACTION), at(76))
TAKEN_BACK = changes.cancelled(answered(start()), at(3))
WITH_ITS_OWN = replace(NOTHING, start=replace(required(NOTHING.start), reservation="reservation-9"))


@pytest.mark.parametrize(
    ("command", "began_s", "told", "expected"),
    [
        pytest.param(NOTHING, 90, None, "UNDO", id="it uses none"),
        pytest.param(NOTHING, 90, 9, "WAIT", id="it uses one, after a start without"),
        pytest.param(WITH_ITS_OWN, 90, 9, "UNDO", id="the start was to use it"),
        pytest.param(TAKEN_BACK, 90, 9, "WAIT", id="after the time of a cancelled one"),
        pytest.param(TAKEN_BACK, 10, 9, "UNDO", id="within the time of a cancelled one"),
    ],
)
def test_a_session_that_uses_a_reservation_is_not_the_late_effect_of_a_start_without_one(
    command: Command, began_s: float, told: int | None, expected: str
) -> None:
    """OCPP 1.6: the driver reserved after his start came to nothing, and came."""
    times = {"start_time": at(began_s), "received_time": at(began_s)}
    known = facts(session(reservation_id=told, **times))
    assert judged(command, known, began_s + 1) == expected
