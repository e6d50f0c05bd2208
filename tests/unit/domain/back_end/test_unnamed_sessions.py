"""An unwanted session to which a back end has given no id is stopped when it has one."""

import pytest

from domain.commands import transitions as changes
from domain.evidence.facts import Facts
from domain.model.outcomes import Cause, ending
from tests.unit.domain.situations import answered, at, ended, facts, judged, session, start

UNNAMED = session(ocpp_transaction_id="-1")


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(facts(UNNAMED), "WAIT", id="it has no id yet"),
        pytest.param(facts(session()), "UNDO", id="it has an id now"),
        pytest.param(facts(ended()), "UNDONE", id="it got an id and ended"),
    ],
)
def test_an_unwanted_session_is_followed_by_our_own_id_of_it(known: Facts, expected: str) -> None:
    given_up = changes.concluded(
        answered(start()), ending(Cause.NO_CABLE_OR_NO_TRANSACTION), at(77)
    )
    undoing = changes.undoing(given_up, "late", "tx", "-1", at(80))
    assert judged(undoing, known, 90) == expected


def test_only_a_session_whose_start_was_told_lacks_an_id() -> None:
    assert UNNAMED.lacks_id
    assert not session(ocpp_transaction_id="-1", observed_only=True).lacks_id
    assert not session().lacks_id
