"""An unwanted session to which a back end has given no id is stopped when it has one."""

import pytest

from domain.commands import transitions as changes
from domain.evidence.facts import Facts
from domain.limits import NO_ID_PATIENCE
from domain.model.outcomes import Cause, ending
from tests.unit.domain.situations import answered, at, ended, facts, judged, session, start

UNNAMED = session(ocpp_transaction_id="-1")
GIVEN_UP = changes.concluded(answered(start()), ending(Cause.NO_CABLE_OR_NO_TRANSACTION), at(77))
UNDOING = changes.undoing(GIVEN_UP, "late", "tx", "-1", at(80))


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(facts(UNNAMED), "WAIT", id="it has no id yet"),
        pytest.param(facts(session()), "UNDO", id="it has an id now"),
        pytest.param(facts(ended()), "UNDONE", id="it got an id and ended"),
    ],
)
def test_an_unwanted_session_is_followed_by_our_own_id_of_it(known: Facts, expected: str) -> None:
    assert judged(UNDOING, known, 90) == expected


@pytest.mark.parametrize(
    ("known", "seconds", "expected"),
    [
        pytest.param(facts(UNNAMED), -1, "WAIT", id="a start is repeated for some minutes"),
        pytest.param(facts(UNNAMED), 0, "UNDO_FAILED", id="then nobody will give it one"),
    ],
)
def test_an_unwanted_session_that_gets_no_id_is_left_to_a_human(
    known: Facts, seconds: float, expected: str
) -> None:
    last = (UNNAMED.received_time + NO_ID_PATIENCE - at(0)).total_seconds()
    assert judged(UNDOING, known, last + seconds) == expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(facts(UNNAMED), "WAIT", id="a human was told"),
        pytest.param(facts(session()), "UNDO", id="now a stop can name it"),
    ],
)
def test_an_unwanted_session_that_gets_its_id_late_is_stopped_after_all(
    known: Facts, expected: str
) -> None:
    failed = changes.undo_failed(UNDOING, "It has no id.", at(290))
    assert judged(failed, known, 300) == expected


def test_only_a_session_whose_start_was_told_lacks_an_id() -> None:
    assert UNNAMED.lacks_id
    assert not session(ocpp_transaction_id="-1", observed_only=True).lacks_id
    assert not session().lacks_id


TAKEN = session(ocpp_transaction_id="7~3", id_taken=True)


def test_no_stop_can_name_a_session_whose_id_another_one_has() -> None:
    """A stop by its id would end the other one, so a human is told."""
    newer = session(name="newer", ocpp_transaction_id="7", remote_start_id=None)
    last = (TAKEN.received_time + NO_ID_PATIENCE - at(0)).total_seconds()
    assert TAKEN.lacks_id
    undoing = changes.undoing(
        changes.cancelled(answered(start()), at(5)), "late", TAKEN.name, "7", at(20)
    )
    assert judged(undoing, facts(newer, TAKEN), last - 1) == "WAIT"
    assert judged(undoing, facts(newer, TAKEN), last) == "UNDO_FAILED"
