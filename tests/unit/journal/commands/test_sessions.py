"""Transactions of the fleet as the domain's sessions."""

from dataclasses import replace

import pytest

from domain.evidence.sessions import TokenState
from journal.commands.sessions import session_of
from tests.unit.broker.things import transaction


@pytest.mark.parametrize(
    ("authorized", "digest", "state"),
    [
        (True, "digest", TokenState.ACCEPTED),
        (False, "digest", TokenState.REFUSED),
        (False, None, TokenState.NOT_TOLD),
    ],
)
def test_a_token_that_was_not_told_is_not_a_refused_one(
    authorized: bool, digest: str | None, state: TokenState
) -> None:
    row = replace(transaction(), authorized=authorized, token_digest=digest)
    assert session_of(row).token_state is state
