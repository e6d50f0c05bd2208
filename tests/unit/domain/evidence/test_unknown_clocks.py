"""A session that looks old by a clock that nobody knows yet: the clock may as well be behind."""

from typing import Any

import pytest

from domain.evidence.matching import classify
from domain.evidence.sessions import Match, Session
from tests.unit.domain.situations import at, ended, frame, session

SOCKET = 3
OLD: dict[str, Any] = {"start_time": at(-3600), "received_time": at(10), "epoch": SOCKET}
OVER = OLD | {"stop_time": at(-3000)}
KNOWN: dict[str, Any] = {"start_slack_s": 2.0}


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        pytest.param(ended(**OVER), Match.DOUBTFUL, id="it ended before our frame"),
        pytest.param(ended(**OVER, **KNOWN), Match.NO_MATCH, id="by a clock that is known"),
        pytest.param(
            ended(**OVER, offline=True), Match.NO_MATCH, id="before our socket, by its own word"
        ),
        pytest.param(
            ended(**(OVER | {"epoch": SOCKET + 1}), offline=True),
            Match.DOUBTFUL,
            id="before another socket",
        ),
        pytest.param(
            ended(**(OVER | {"start_time": at(10)}), observed_only=True),
            Match.NO_MATCH,
            id="when it began was not told",
        ),
        pytest.param(
            ended(**OVER, token_digest="other"), Match.NO_MATCH, id="it is another driver's"
        ),
        pytest.param(session(**OLD, evse_id=2), Match.DOUBTFUL, id="on another plug"),
        pytest.param(
            session(**OLD, **KNOWN, evse_id=2), Match.NO_MATCH, id="a replay of another plug"
        ),
    ],
)
def test_a_clock_that_is_not_known_proves_no_session_older_than_our_frame(
    of: Session, expected: Match
) -> None:
    sent = frame(epoch=SOCKET)
    assert classify(of, sent, named=None, rivals=(), late_after=at(76)) is expected


def test_offline_proves_nothing_while_the_socket_of_our_frame_is_not_known() -> None:
    of = ended(**(OVER | {"epoch": None}), offline=True)
    assert classify(of, frame(), named=None, rivals=(), late_after=at(76)) is Match.DOUBTFUL
