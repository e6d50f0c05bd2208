"""Which session a start of another back end (CSMS) has, and which end a stop of it."""

from dataclasses import replace
from typing import Any

import pytest

from domain.back_end.commands import TheirCommand
from domain.back_end.starts_and_stops import (
    is_certainly_of,
    outcome_of_end,
    outcome_of_session,
)
from domain.evidence.sessions import Rival, Session, TokenState
from domain.model.command import Code
from domain.model.outcomes import Cause
from domain.model.specs import Kind
from tests.unit.domain.situations import ACCEPTED, NAMED, REJECTED, at, ended, session

OURS = Rival(at(0), token_digest="token", evse_id=1)


def start(**changed: Any) -> TheirCommand:
    """A start at EVSE 1, passed on at 0 and accepted at 1."""
    known: dict[str, Any] = {"answer": ACCEPTED, "answer_time": at(1), "evse_id": 1}
    return TheirCommand(Kind.START_SESSION, at(0), token_digest="token", **(known | changed))


def stop(**changed: Any) -> TheirCommand:
    """A stop of the session "7", passed on at 0 and accepted at 1."""
    known: dict[str, Any] = {"answer": ACCEPTED, "answer_time": at(1), "named_id": "7"}
    return TheirCommand(Kind.STOP_SESSION, at(0), **(known | changed))


NAMING = session(
    remote_start_id=5,
    names_nothing=True,
    judged_elsewhere=True,
    token_digest=None,
    token_state=TokenState.NOT_TOLD,
)
NAMELESS = session(remote_start_id=None)


@pytest.mark.parametrize(
    ("command", "one", "rivals", "cause"),
    [
        pytest.param(start(), NAMELESS, (), Cause.SESSION_STARTED, id="by token and place"),
        pytest.param(start(), NAMELESS, (OURS,), Cause.SESSION_DOUBTFUL, id="ours as well"),
        pytest.param(start(), replace(NAMELESS, token_digest="other"), (), None, id="another"),
        pytest.param(
            start(),
            replace(NAMELESS, token_digest=None, token_state=TokenState.NOT_TOLD),
            (),
            None,
            id="its token is not told yet",
        ),
        pytest.param(
            start(answer=REJECTED), NAMELESS, (), Cause.SESSION_DOUBTFUL, id="after a refusal"
        ),
        pytest.param(
            start(),
            replace(NAMELESS, token_state=TokenState.REFUSED, charging_state="EVConnected"),
            (),
            Cause.AUTHORIZATION_REFUSED,
            id="its token is refused",
        ),
        pytest.param(
            start(),
            replace(NAMELESS, token_state=TokenState.NOT_TOLD),
            (),
            None,
            id="nobody has judged its token",
        ),
        pytest.param(
            start(number=5),
            session(remote_start_id=5, names_nothing=True),
            (OURS,),
            Cause.SESSION_STARTED,
            id="it names the start",
        ),
        pytest.param(start(number=5), NAMING, (OURS,), None, id="it names the start, no token yet"),
        pytest.param(
            start(number=5),
            ended(remote_start_id=5, names_nothing=True, token_state=TokenState.REFUSED),
            (),
            Cause.AUTHORIZATION_REFUSED,
            id="it names the start, and its token is refused",
        ),
        pytest.param(
            start(number=5),
            replace(NAMING, has_charged=True),
            (),
            Cause.SESSION_STARTED,
            id="it names the start, and energy flows",
        ),
        pytest.param(
            start(number=5),
            session(remote_start_id=5, names_nothing=True, received_time=at(-9)),
            (),
            None,
            id="a number that was used before",
        ),
        pytest.param(start(number=5), session(remote_start_id=6), (), None, id="names another"),
        pytest.param(
            start(answer=NAMED),
            replace(NAMELESS, ocpp_transaction_id="9"),
            (),
            Cause.SESSION_STARTED,
            id="the answer names it",
        ),
    ],
)
def test_a_session_tells_what_came_of_a_start(
    command: TheirCommand, one: Session, rivals: tuple[Rival, ...], cause: Cause | None
) -> None:
    outcome = outcome_of_session(command, one, rivals)
    assert (outcome.cause if outcome else None) == cause


@pytest.mark.parametrize(
    ("command", "one", "cause"),
    [
        pytest.param(stop(), ended(), Cause.SESSION_STOPPED, id="ended after it"),
        pytest.param(stop(), ended("Local"), Cause.SESSION_STOPPED, id="whoever ended it"),
        pytest.param(stop(), session(), None, id="it runs"),
        pytest.param(stop(), ended(end_reported=False), None, id="nobody reported the end"),
        pytest.param(stop(), ended(at_s=-5), Cause.ALREADY_ENDED, id="ended before it"),
        pytest.param(stop(), ended(at_s=900), None, id="ended much later"),
        pytest.param(
            stop(answer=REJECTED), ended(), Cause.EFFECT_NOT_EXCLUDED, id="after a refusal"
        ),
    ],
)
def test_the_end_of_a_session_tells_what_came_of_a_stop(
    command: TheirCommand, one: Session, cause: Cause | None
) -> None:
    outcome = outcome_of_end(command, one)
    assert (outcome.cause if outcome else None) == cause


@pytest.mark.parametrize(
    ("command", "told", "named"),
    [
        pytest.param({}, {}, True, id="its number, token and place"),
        pytest.param({"evse_id": None}, {}, True, id="any place was asked for"),
        pytest.param({"number": None}, {}, False, id="it has no number (1.6)"),
        pytest.param({}, {"remote_start_id": 6}, False, id="another number"),
        pytest.param({"answer": None}, {}, False, id="no answer is known"),
        pytest.param({"answer": REJECTED}, {}, False, id="the station refused it"),
        pytest.param({}, {"token_digest": None}, False, id="its token is not told"),
        pytest.param({}, {"token_digest": "other"}, False, id="another token"),
        pytest.param({}, {"evse_id": 2}, False, id="another place"),
        pytest.param({}, {"received_time": at(-1)}, False, id="it was told before"),
        pytest.param({}, {"received_time": at(700)}, False, id="long ago"),
    ],
)
def test_a_session_is_of_their_start_for_certain_where_all_that_it_says_fits(
    command: dict[str, Any], told: dict[str, Any], named: bool
) -> None:
    known: dict[str, Any] = {"number": 5, **command}
    said: dict[str, Any] = {"remote_start_id": 5, "names_nothing": True, **told}
    assert is_certainly_of(start(**known), session(**said)) is named


def test_no_command_of_theirs_is_told_as_done_in_doubt() -> None:
    doubt = outcome_of_session(start(), NAMELESS, (OURS,))
    assert doubt is not None
    assert doubt.code is Code.UNKNOWN
