"""What a session proves whose token another back end judges."""

from dataclasses import replace

import pytest

from domain.evidence.sessions import TokenState
from tests.unit.domain.situations import session


@pytest.mark.parametrize(
    ("elsewhere", "state", "expected"),
    [
        (False, TokenState.NOT_TOLD, True),
        (True, TokenState.NOT_TOLD, False),
        (True, TokenState.ACCEPTED, True),
        (True, TokenState.REFUSED, False),
    ],
)
def test_that_a_session_names_our_start_proves_nothing_where_another_back_end_judges_its_token(
    elsewhere: bool, state: TokenState, expected: bool
) -> None:
    named = replace(session(), remote_start_id=1, judged_elsewhere=elsewhere, token_state=state)
    assert named.is_accepted is expected
