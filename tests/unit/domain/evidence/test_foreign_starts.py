"""A start of another back end (CSMS) explains a session although a start of ours came later."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.evidence.matching import classify, foreign_since, may_hide_a_start
from domain.evidence.sessions import Match, TokenState
from domain.limits import CAUSE_AGE, FOREIGN_CAUSE_AGE
from tests.unit.domain.evidence.test_sessions import judged
from tests.unit.domain.situations import at, frame, rival, session

AGE_S = FOREIGN_CAUSE_AGE / timedelta(seconds=1)


@pytest.mark.parametrize(
    ("before_s", "expected"),
    [(1, Match.DOUBTFUL), (AGE_S, Match.DOUBTFUL), (AGE_S + 1, Match.MATCH)],
)
def test_a_foreign_start_counts_for_as_long_as_a_station_waits(
    before_s: float, expected: Match
) -> None:
    began = session().start_time
    theirs = rival(foreign=True, send_time=began - timedelta(seconds=before_s))
    assert judged(session(), frame(), theirs) is expected


def test_a_foreign_start_that_was_refused_explains_nothing() -> None:
    assert judged(session(), frame(), rival(foreign=True, refused=True)) is Match.MATCH


def test_where_any_older_start_counts_a_foreign_one_counts_as_long() -> None:
    assert foreign_since(session(), frame(refused=True)) == at(10) - CAUSE_AGE


@pytest.mark.parametrize(
    ("gap_s", "hides"), [(9, True), (60, True), (10 - AGE_S, True), (9 - AGE_S, False)]
)
def test_a_gap_may_hide_a_foreign_start_for_as_long(gap_s: float, hides: bool) -> None:
    """A gap is noted late where the database is slow: so a later one counts as well."""
    assert may_hide_a_start(session(), (at(gap_s),)) is hides
    assert not may_hide_a_start(session(), ())


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


@pytest.mark.parametrize(
    ("refused", "theirs", "match"),
    [
        pytest.param(True, True, Match.NO_MATCH, id="ours was refused"),
        pytest.param(False, True, Match.DOUBTFUL, id="both were taken"),
        pytest.param(True, False, Match.DOUBTFUL, id="nobody knows the number"),
    ],
)
def test_a_session_that_names_their_start_is_not_that_of_a_start_which_was_refused(
    refused: bool, theirs: bool, match: Match
) -> None:
    one = session(remote_start_id=7, names_nothing=True, names_theirs=theirs)
    sent = frame(refused=refused)
    assert classify(one, sent, named=None, rivals=(), late_after=at(100)) is match


NO_TOKEN: dict[str, object] = {"token_digest": None, "token_time": None}


@pytest.mark.parametrize(
    ("cable", "theirs", "match"),
    [
        pytest.param({}, {}, Match.DOUBTFUL, id="the station may have named it to both"),
        pytest.param({}, {"send_time": at(-60)}, Match.DOUBTFUL, id="theirs came before"),
        pytest.param({"remote_start_id": 5}, {}, Match.MATCH, id="it names our start"),
        pytest.param(NO_TOKEN, {}, Match.DOUBTFUL, id="its token was never told"),
        pytest.param({}, {"refused": True}, Match.MATCH, id="theirs was refused"),
        pytest.param({}, {"foreign": False}, Match.MATCH, id="a start of ours"),
        pytest.param({}, {"evse_id": 2}, Match.MATCH, id="elsewhere"),
        pytest.param({}, {"token_digest": "other"}, Match.MATCH, id="for another driver"),
        pytest.param({}, {"send_time": at(90)}, Match.MATCH, id="after its token was told"),
        pytest.param(
            NO_TOKEN | {"clock_suspect": True}, {}, Match.DOUBTFUL, id="neither token nor clock"
        ),
        pytest.param(NO_TOKEN, {"token_digest": "other"}, Match.MATCH, id="no token, another's"),
        pytest.param({"clock_suspect": True}, {}, Match.DOUBTFUL, id="the clock tells nothing"),
    ],
)
def test_a_session_whose_cable_was_in_first_may_be_that_of_a_foreign_start(
    cable: dict[str, object], theirs: dict[str, object], match: Match
) -> None:
    known = {"start_time": at(-300), "received_time": at(-300), "token_time": at(12), **cable}
    one = session(ocpp_transaction_id="9", **known)
    other = replace(rival(foreign=True), **theirs)  # type: ignore[arg-type]
    assert classify(one, frame(), named="9", rivals=(other,), late_after=at(76)) is match


@pytest.mark.parametrize(("number", "match"), [(None, Match.DOUBTFUL), (5, Match.MATCH)])
def test_a_session_that_only_the_answer_named_may_be_that_of_a_start_which_was_not_kept(
    number: int | None, match: Match
) -> None:
    one = session(ocpp_transaction_id="9", remote_start_id=number)
    known = {"named": "9", "rivals": (), "late_after": at(76), "more_rivals": True}
    assert classify(one, frame(), **known) is match  # type: ignore[arg-type]
