"""A session whose token the back end never answered for: neither accepted nor refused."""

from dataclasses import replace
from typing import Any

import pytest

from domain.back_end.starts_and_stops import outcome_of_session
from domain.commands import transitions as changes
from domain.commands.judging import judge
from domain.evidence.proof import Sign
from domain.evidence.sessions import Session, TokenState
from domain.reservations.observing import observe
from domain.reservations.reservation import ReservationState
from domain.reservations.transitions import EndCause
from domain.reservations.users import is_of_another
from tests.unit.domain.back_end.test_starts_and_stops import start as their_start
from tests.unit.domain.holds import END_S, charging, hold, known
from tests.unit.domain.situations import TIMING, answered, at, facts, judged, session, start

NOT_JUDGED = TokenState.NOT_JUDGED
NOTHING = "NO_CABLE_OR_NO_TRANSACTION"


def unanswered(**changed: Any) -> Session:
    """A session that is ours, and of whose token nobody has said anything."""
    return session(**{"token_state": NOT_JUDGED, "judged_elsewhere": True, **changed})


@pytest.mark.parametrize(
    ("one", "now_s", "expected"),
    [
        pytest.param(unanswered(), 20, "WAIT", id="somebody may answer yet"),
        pytest.param(unanswered(), 76, "SESSION_DOUBTFUL", id="nobody has"),
        pytest.param(unanswered(has_charged=True), 20, "SESSION_STARTED", id="energy flows"),
        pytest.param(
            unanswered(token_state=TokenState.ACCEPTED),
            20,
            "SESSION_STARTED",
            id="the answer is yes",
        ),
        pytest.param(
            unanswered(token_state=TokenState.REFUSED, active=False, stop_received_time=at(14)),
            20,
            "AUTHORIZATION_REFUSED",
            id="the answer is no",
        ),
        pytest.param(
            unanswered(active=False, stop_reason="DeAuthorized"),
            20,
            "AUTHORIZATION_REFUSED",
            id="its station says that it was a no",
        ),
        pytest.param(
            unanswered(active=False, stop_reason="Local"),
            76,
            "SESSION_DOUBTFUL",
            id="it came and went",
        ),
    ],
)
def test_a_start_is_told_as_neither_begun_nor_refused(
    one: Session, now_s: float, expected: str
) -> None:
    assert judged(answered(start()), facts(one), now_s) == expected


def test_its_proof_names_that_the_token_was_not_judged() -> None:
    decision = judge(answered(start()), facts(unanswered()), TIMING, at(76))
    assert decision.proof is None or Sign.TOKEN_NOT_JUDGED in decision.proof.not_known


def test_one_that_nobody_wants_is_stopped_all_the_same() -> None:
    """Its station may let it charge."""
    cancelled = changes.cancelled(answered(start()), at(5))
    assert judged(cancelled, facts(unanswered()), 20) == "UNDO"
    refused = unanswered(token_state=TokenState.REFUSED, active=False)
    assert judged(cancelled, facts(refused), 20) == "SETTLE"


def test_a_start_of_the_back_end_is_told_as_neither_begun_nor_refused() -> None:
    one = replace(session(remote_start_id=None), token_state=NOT_JUDGED)
    assert outcome_of_session(their_start(), one, ()) is None


@pytest.mark.parametrize(
    ("charged", "now_s", "state", "cause"),
    [
        (False, 70, ReservationState.HELD, ""),
        (False, END_S, ReservationState.EXPIRED, EndCause.USE_NOT_KNOWN),
        (True, 70, ReservationState.USED, EndCause.SESSION_OF_ITS_TOKEN),
    ],
)
def test_a_reservation_is_used_by_it_when_energy_flows_and_is_no_missed_one(
    charged: bool, now_s: float, state: ReservationState, cause: str
) -> None:
    one = charging(token_state=NOT_JUDGED, has_charged=charged)
    seen = observe(hold(), known(sessions=(one,)), at(now_s))
    assert (seen.state, seen.cause) == (state, cause)


@pytest.mark.parametrize(
    ("state", "another"),
    [
        (TokenState.ACCEPTED, True),
        (TokenState.REFUSED, True),
        (TokenState.NOT_TOLD, False),
        (NOT_JUDGED, False),
    ],
)
def test_whether_its_token_is_of_a_group_is_not_known(state: TokenState, another: bool) -> None:
    one = charging(token_digest="other", token_state=state)
    assert is_of_another(one, {"token", "group"}, of_group=True) is another


STRANGER = session(
    token_digest="stranger", group_digest=None, remote_start_id=None, judged_elsewhere=True
)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(STRANGER, "SESSION_DOUBTFUL", id="it runs there"),
        pytest.param(
            replace(STRANGER, judged_elsewhere=False), NOTHING, id="a driver whom we know"
        ),
        pytest.param(replace(STRANGER, evse_id=9), NOTHING, id="elsewhere"),
        pytest.param(
            session(judged_elsewhere=True, active=False, stop_reason="Timeout"),
            "CABLE_WAIT_ENDED",
            id="our own token",
        ),
        pytest.param(replace(STRANGER, received_time=at(-1)), NOTHING, id="there before"),
        pytest.param(replace(STRANGER, names_theirs=True), NOTHING, id="their own start"),
        pytest.param(
            replace(STRANGER, token_state=TokenState.REFUSED), NOTHING, id="its token is refused"
        ),
    ],
)
def test_a_token_that_only_the_back_end_knows_may_be_a_wrong_word_for_ours(
    one: Session, expected: str
) -> None:
    """A station may show a wrong tag, and its back end may accept every tag."""
    assert judged(answered(start()), facts(one), 76) == expected
