"""A session whose token was refused: it ends soon, or nobody may say that nothing happened."""

from dataclasses import replace

import pytest

from domain.back_end.starts_and_stops import outcome_of_session
from domain.commands import transitions as changes
from domain.evidence.facts import session_facts
from domain.evidence.sessions import Session, TokenState
from domain.model.outcomes import Cause, ending
from tests.unit.domain.back_end.test_starts_and_stops import start as their_start
from tests.unit.domain.situations import answered, at, ended, facts, judged, session, start

RUNS = session(token_state=TokenState.REFUSED)
CHARGES = replace(RUNS, charging_state="Charging", has_charged=True)
SUSPENDED = replace(RUNS, charging_state="SuspendedEVSE")
OVER = ended("Local", token_state=TokenState.REFUSED)
LATE = replace(OVER, stop_time=at(90), stop_received_time=at(90))
TOLD = changes.concluded(
    answered(start()), ending(Cause.AUTHORIZATION_REFUSED, session=session_facts(RUNS)), at(16)
)
CANCELLED = changes.cancelled(answered(start()), at(5))


@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(RUNS, 11, "WAIT", id="the station has a while to end it"),
        pytest.param(OVER, 21, "AUTHORIZATION_REFUSED", id="it ended"),
        pytest.param(RUNS, 26, "SESSION_DOUBTFUL", id="it goes on"),
        pytest.param(CHARGES, 26, "SESSION_DOUBTFUL", id="energy flows"),
        pytest.param(SUSPENDED, 11, "WAIT", id="it may begin to charge"),
        pytest.param(SUSPENDED, 16, "AUTHORIZATION_REFUSED", id="it is open and gives no energy"),
        pytest.param(replace(CHARGES, token_time=at(30)), 31, "WAIT", id="its token came late"),
        pytest.param(replace(RUNS, received_time=at(74)), 76, "SESSION_DOUBTFUL", id="no time"),
        pytest.param(LATE, 91, "SESSION_DOUBTFUL", id="it went on, and no meter says how"),
        pytest.param(
            replace(LATE, meter_start_wh=5, meter_stop_wh=905),
            91,
            "SESSION_DOUBTFUL",
            id="it went on and gave energy",
        ),
        pytest.param(
            replace(LATE, meter_start_wh=5, meter_stop_wh=5),
            91,
            "AUTHORIZATION_REFUSED",
            id="it went on and gave none",
        ),
        pytest.param(
            replace(LATE, charging_state="EVConnected"), 91, "AUTHORIZATION_REFUSED", id="idle"
        ),
    ],
)
def test_a_refused_session_is_told_as_such_when_no_energy_can_flow_in_it(
    known: Session, now_s: float, expected: str
) -> None:
    assert judged(answered(start()), facts(known), now_s) == expected


def test_the_end_of_a_session_that_went_on_does_not_make_it_nothing() -> None:
    doubtful = changes.concluded(answered(start()), ending(Cause.SESSION_DOUBTFUL), at(26))
    assert judged(doubtful, facts(replace(OVER, stop_received_time=at(24))), 27) == (
        "AUTHORIZATION_REFUSED"
    )
    assert judged(doubtful, facts(LATE), 91) == "SESSION_DOUBTFUL"


@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(SUSPENDED, 16, "WAIT", id="no energy"),
        pytest.param(CHARGES, 24, "WAIT", id="it is just being ended"),
        pytest.param(CHARGES, 26, "UNDO", id="energy flows after all"),
        pytest.param(OVER, 26, "WAIT", id="it ended"),
    ],
)
def test_a_session_told_as_refused_is_stopped_when_it_charges_all_the_same(
    known: Session, now_s: float, expected: str
) -> None:
    assert judged(TOLD, facts(known), now_s) == expected


@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(RUNS, 20, "WAIT", id="the station has a while to end it"),
        pytest.param(RUNS, 26, "UNDO", id="it goes on"),
        pytest.param(SUSPENDED, 16, "SETTLE", id="it gives no energy"),
        pytest.param(OVER, 21, "SETTLE", id="it ended"),
    ],
)
def test_nothing_is_left_of_a_cancelled_start_only_when_its_refused_session_is_over(
    known: Session, now_s: float, expected: str
) -> None:
    assert judged(CANCELLED, facts(known), now_s) == expected


@pytest.mark.parametrize(
    ("known", "cause"),
    [(RUNS, None), (CHARGES, None), (SUSPENDED, Cause.AUTHORIZATION_REFUSED), (LATE, None)],
)
def test_a_start_of_the_back_end_is_not_told_as_refused_while_its_session_goes_on(
    known: Session, cause: Cause | None
) -> None:
    outcome = outcome_of_session(their_start(), known, ())
    assert (outcome.cause if outcome else None) == cause
