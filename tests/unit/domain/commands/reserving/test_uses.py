"""A session that uses the reservation of a ReserveNow, before and after that is given up."""

from dataclasses import replace
from typing import Any

import pytest

from domain.commands import transitions as changes
from domain.commands.judging import apply
from domain.evidence.facts import Act
from domain.evidence.sessions import SentFrame
from domain.model.command import CompensationState
from domain.model.outcomes import Cause, ending
from tests.unit.domain.commands.reserving.asked import (
    MADE,
    USER,
    decided,
    given_up,
    known,
    taken_back,
)
from tests.unit.domain.situations import (
    at,
    lost,
    reserve,
    session,
)


def test_a_session_with_the_number_proves_the_reservation() -> None:
    used = known(None, sessions=(USER,))
    decision = decided(lost(reserve()), used, 12)
    assert decision.outcome is not None
    assert decision.outcome.reservation == replace(MADE, transaction="tx")


def test_a_session_that_was_quicker_than_the_undoing_is_left_alone() -> None:
    used = known(None, sessions=(USER,))
    after = apply(given_up(), decided(given_up(), used, 50), at(50))
    assert after.compensation.state is CompensationState.FAILED
    assert after.compensation.transaction == "tx"
    assert after.outcome is not None
    assert after.outcome.cause == Cause.RESERVED


@pytest.mark.parametrize(
    ("digests", "another"),
    [
        pytest.param({"token_digest": "stranger"}, True, id="of another token"),
        pytest.param({"token_digest": "token"}, False, id="of its token"),
        pytest.param({"token_digest": "x", "group_digest": "group"}, False, id="of its group"),
        pytest.param({"token_digest": None}, False, id="of a token that was not told"),
        pytest.param(
            {"token_digest": "x", "token_known": False}, False, id="of a token that nobody knows"
        ),
    ],
)
def test_who_was_quicker_than_the_undoing_is_told(digests: dict[str, Any], another: bool) -> None:
    frame = SentFrame(1, 1, at(0), token_digest="token", group_digest="group")
    user = session(reservation_id=42, **digests)
    facts = known(None, frame=frame, sessions=(user,))
    after = apply(given_up(), decided(given_up(), facts, 50), at(50))
    assert after.compensation.state is CompensationState.FAILED
    assert after.compensation.used_by_another is another
    assert ("of another token" in after.compensation.reason) is another


def test_a_session_settles_what_was_taken_back_and_is_not_undone() -> None:
    used = known(None, sessions=(USER,))
    assert decided(taken_back(), used, 30).act is Act.SETTLE
    done = changes.concluded(taken_back(), ending(Cause.CANCELLED_BY_CALLER), at(40))
    assert decided(done, used, 41).act is Act.WAIT
