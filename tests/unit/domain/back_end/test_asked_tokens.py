"""A start without a session whose token was refused before: told where it is proven, else not."""

from typing import Any

import pytest

from domain.commands import transitions as changes
from domain.commands.judging import is_guarded, judge
from domain.evidence.facts import Facts
from domain.evidence.proof import Sign
from domain.evidence.sessions import TokenState
from domain.model.outcomes import Cause, ending
from tests.unit.domain.situations import (
    REJECTED,
    T0,
    TIMING,
    answered,
    asked,
    at,
    available,
    facts,
    frame,
    judged,
    lost,
    session,
    start,
)


def told(**times: float | None) -> Facts:
    """What is known when the station asked about the token at these times (seconds)."""
    return facts(frame=asking(**times))


def asking(**times: float | None) -> Any:
    known = {f"token_{name}_time": at(s) for name, s in times.items() if s is not None}
    return frame(**known)


@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(told(refused=2), 30, "WAIT", id="not before the deadline"),
        pytest.param(told(refused=2), 76, "AUTHORIZATION_REFUSED", id="asked, refused, nothing"),
        pytest.param(
            told(refused=3, unclear=0.5), 76, "AUTHORIZATION_REFUSED", id="unclear before the yes"
        ),
        pytest.param(told(), 76, "NO_CABLE_OR_NO_TRANSACTION", id="never asked"),
        pytest.param(told(refused=1), 76, "NO_CABLE_OR_NO_TRANSACTION", id="before its yes"),
        pytest.param(
            told(refused=2, unclear=3),
            76,
            "NO_CABLE_OR_NO_TRANSACTION",
            id="then accepted, or late",
        ),
        pytest.param(
            told(refused=3, unclear=2), 76, "NO_CABLE_OR_NO_TRANSACTION", id="first accepted"
        ),
        pytest.param(
            facts(session(), frame=asking(refused=2)), 20, "SESSION_STARTED", id="it began"
        ),
        pytest.param(
            facts(session(clock_suspect=True), frame=asking(refused=2)),
            76,
            "SESSION_DOUBTFUL",
            id="one that may be ours began",
        ),
        pytest.param(
            facts(frame=asking(refused=2), connected_since=None),
            76,
            "OFFLINE_AT_DEADLINE",
            id="away at the deadline",
        ),
        pytest.param(
            facts(frame=asking(refused=2), connectors=(available(),)),
            25,
            "AUTHORIZATION_REFUSED",
            id="back to Available after the refusal",
        ),
        pytest.param(
            facts(frame=asking(refused=22), connectors=(available(),)),
            25,
            "CABLE_WAIT_ENDED",
            id="back to Available before it",
        ),
        pytest.param(
            facts(frame=asking(refused=2, unclear=3), connectors=(available(),)),
            25,
            "CABLE_WAIT_ENDED",
            id="back to Available after something unclear",
        ),
    ],
)
def test_a_start_says_that_its_token_was_refused_where_that_is_proven(
    known: Facts, now_s: float, expected: str
) -> None:
    assert judged(answered(start()), known, now_s) == expected


def test_a_refusal_without_the_stations_yes_is_no_reason() -> None:
    unheard = facts(frame=frame(answer_time=None, token_refused_time=at(2)), asked=asked())
    assert judged(lost(start()), unheard, 75) == "ANSWER_TIMEOUT"
    heard = changes.answered(changes.sent(start(), T0), REJECTED, at(1), decides=False)
    assert judged(heard, told(refused=2), 17) == "STATION_REJECTED"


def test_the_proof_names_the_question_about_the_token() -> None:
    decision = judge(answered(start()), told(refused=2), TIMING, at(76))
    assert decision.proof is not None
    assert decision.proof.speaks_against == (Sign.AGREED_AND_SILENT, Sign.TOKEN_ASKED)


def test_a_start_without_a_session_stays_on_guard_whatever_the_reason() -> None:
    told = changes.concluded(answered(start()), ending(Cause.AUTHORIZATION_REFUSED), at(76))
    assert is_guarded(told)
    refused = session(token_state=TokenState.REFUSED)
    assert judged(told, facts(refused, frame=asking(refused=2)), 80) != "CONCLUDE"
