"""What another back end answered becomes a part of the message that it answered."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from domain.model.answers import CallError
from station_gateway.dialects.messages import (
    Answer,
    Authorization,
    Booted,
    BootVerdict,
    HeartbeatSeen,
    SessionEvent,
    SessionStarted,
    SessionStopped,
    StationTime,
    TokenSeen,
    TokenVerdict,
    Unreadable,
)
from station_gateway.dialects.station_calls.confirmations import (
    confirmed,
    confirmed_late,
    may_answer,
    may_follow_start,
    needs_answer,
    refuses_token,
    told_at_once,
)

TIME = StationTime(datetime(2026, 1, 1, tzinfo=UTC))
TOKEN = TokenSeen("TAG1")
STARTED = SessionStarted(1, 1, TOKEN, 0, TIME)
STOPPED = SessionStopped("7", True, 9, TIME, token=TOKEN)
EVENT = SessionEvent("Started", "T-1", 0, "Authorized", TIME, token=TOKEN)
BOOT = Booted("Acme", "One")
NO_ANSWERS: list[Answer | None] = [None, {}, CallError("InternalError"), Unreadable("broken")]


@pytest.mark.parametrize(
    ("message", "needs"),
    [
        (BOOT, True),
        (STARTED, True),
        (STOPPED, False),
        (EVENT, True),
        (SessionEvent("Updated", "T-1", 1, "Timer", TIME), False),
        (HeartbeatSeen(), False),
    ],
)
def test_what_depends_on_its_answer(message: Any, needs: bool) -> None:
    assert needs_answer(message) is needs


@pytest.mark.parametrize(
    ("message", "may"),
    [(STOPPED, False), (SessionStopped("-1", False, 9, TIME), True), (STARTED, False)],
)
def test_only_an_end_without_an_id_may_be_of_a_start_that_waits(message: Any, may: bool) -> None:
    assert may_follow_start(message) is may


@pytest.mark.parametrize("verdict", BootVerdict)
def test_a_boot_is_what_the_back_end_answered(verdict: BootVerdict) -> None:
    told = confirmed(BOOT, {"status": verdict.value.capitalize()})
    assert isinstance(told, Booted)
    assert told.answered is verdict


@pytest.mark.parametrize("answer", [*NO_ANSWERS, {"status": "Odd"}, {"status": 1}])
def test_a_boot_without_an_answer_tells_nothing(answer: Answer | None) -> None:
    assert confirmed(BOOT, answer) is None


@pytest.mark.parametrize(
    ("given", "id"),
    [(4711, 4711), ("4711", 4711), (0, 0), (-1, 0), (2**31, 0), (True, 0), (1.5, 0), ("x", 0)],
)
def test_a_session_has_the_id_that_it_was_given(given: object, id: int) -> None:
    told = confirmed(STARTED, {"transactionId": given})
    assert isinstance(told, SessionStarted)
    assert told.given_id == id


def answered(message: Any, answer: Answer | None) -> Authorization | None:
    told = confirmed(message, answer)
    assert isinstance(told, SessionStarted | SessionStopped | SessionEvent)
    assert told.token is not None
    return told.token.answered


@pytest.mark.parametrize("message", [STARTED, STOPPED, EVENT])
def test_a_token_that_an_answer_does_not_refuse_is_accepted(message: Any) -> None:
    assert answered(message, {}) == Authorization(TokenVerdict.ACCEPTED)


@pytest.mark.parametrize("message", [STARTED, STOPPED, EVENT])
@pytest.mark.parametrize("answer", [each for each in NO_ANSWERS if each != {}])
def test_a_token_is_neither_accepted_nor_refused_without_an_answer(
    message: Any, answer: Answer | None
) -> None:
    assert answered(message, answer) == Authorization(TokenVerdict.NOT_JUDGED)


@pytest.mark.parametrize(
    ("info", "verdict", "group"),
    [
        ({"status": "Accepted"}, TokenVerdict.ACCEPTED, None),
        ({"status": "Blocked", "parentIdTag": "G"}, TokenVerdict.BLOCKED, "G"),
        ({"status": "ConcurrentTx"}, TokenVerdict.CONCURRENT, None),
        ({"status": "NoCredit"}, TokenVerdict.INVALID, None),
        ({"status": "NotAtThisTime"}, TokenVerdict.NOT_AT_THIS_TIME, None),
        ({"status": "accepted"}, TokenVerdict.ACCEPTED, None),
        ({"status": " BLOCKED "}, TokenVerdict.BLOCKED, None),
        ({"status": 7, "parentIdTag": 7}, TokenVerdict.NOT_JUDGED, None),
        ({"status": {}}, TokenVerdict.NOT_JUDGED, None),
        ({"status": "Odd", "parentIdTag": "G"}, TokenVerdict.NOT_JUDGED, "G"),
        ({"parentIdTag": "G"}, TokenVerdict.ACCEPTED, "G"),
        ({"status": "Accepted", "groupIdToken": {"idToken": "G"}}, TokenVerdict.ACCEPTED, "G"),
        ({"status": "Accepted", "groupIdToken": {}}, TokenVerdict.ACCEPTED, None),
    ],
)
@pytest.mark.parametrize("name", ["idTagInfo", "idTokenInfo"])
def test_a_token_is_what_the_back_end_said(
    name: str, info: dict[str, Any], verdict: TokenVerdict, group: str | None
) -> None:
    assert answered(EVENT, {name: info}) == Authorization(verdict, group=group)


def test_a_message_without_a_token_stays_as_it_is() -> None:
    message = SessionEvent("Updated", "T-1", 1, "Timer", TIME)
    assert confirmed(message, {"idTokenInfo": {"status": "Blocked"}}) is message


@pytest.mark.parametrize(
    ("answer", "refuses"),
    [
        *((answer, False) for answer in NO_ANSWERS),
        ({"idTagInfo": {"status": "Accepted"}}, False),
        ({"idTokenInfo": {"status": "Accepted"}}, False),
        ({"idTagInfo": {"status": "Odd"}}, False),
        ({"idTagInfo": {"status": 1}}, False),
        ({"idTagInfo": {"status": ["Blocked"]}}, False),
        ({"idTagInfo": {}}, False),
        ({"idTagInfo": "Blocked"}, False),
        ({"idTagInfo": {"status": "Blocked"}}, True),
        ({"idTokenInfo": {"status": "Expired"}}, True),
        ({"idTagInfo": {"status": "ConcurrentTx"}}, True),
        ({"idTokenInfo": {"status": "NotAtThisLocation"}}, True),
        ({"idTokenInfo": {"status": "unknown"}}, True),
    ],
)
def test_only_a_word_of_the_standard_refuses_a_token(answer: Answer | None, refuses: bool) -> None:
    assert refuses_token(answer) is refuses


@pytest.mark.parametrize(
    ("message", "answer", "told"),
    [
        (STARTED, {"transactionId": 8, "idTagInfo": {"status": "Invalid"}}, (8, True)),
        (STARTED, {"idTagInfo": {"status": "Accepted"}}, None),
        (STARTED, CallError("InternalError"), None),
        (EVENT, {"idTokenInfo": {"status": "Invalid"}}, None),
        (STOPPED, {}, None),
    ],
)
def test_a_late_answer_names_a_session_and_tells_nothing_else(
    message: Any, answer: Answer, told: tuple[int, bool] | None
) -> None:
    found = confirmed_late(message, answer)
    named = isinstance(found, SessionStarted) and (found.given_id, found.given_late)
    assert (named or None) == told
    assert (found is None) == (told is None)


def test_a_boot_is_accepted_by_a_late_answer_too() -> None:
    found = confirmed_late(BOOT, {"status": "Accepted"})
    assert isinstance(found, Booted)
    assert found.answered is BootVerdict.ACCEPTED
    assert confirmed_late(BOOT, {}) is None


def test_an_end_of_2x_is_told_at_once_without_the_token_that_ended_it() -> None:
    end = SessionEvent("Ended", "T-1", 9, "StopAuthorized", TIME, token=TOKEN)
    assert told_at_once(end) == replace(end, token=None, token_follows=True)
    untold = (replace(end, ocpp_transaction_id=""), replace(end, token=None), EVENT, STARTED, BOOT)
    assert [told_at_once(each) for each in untold] == [None] * 5


@pytest.mark.parametrize(
    ("message", "answer", "may"),
    [
        (STARTED, {"transactionId": 0}, True),
        (STARTED, {"idTagInfo": {"status": "Invalid"}}, True),
        (STARTED, {"currentTime": "2026-01-01T00:00:00Z"}, False),
        (EVENT, {"idTokenInfo": {"status": "Invalid"}}, True),
        (EVENT, {}, False),
        (BOOT, {"status": "Accepted"}, True),
        (BOOT, {"currentTime": "2026-01-01T00:00:00Z"}, False),
        (STARTED, CallError("InternalError"), False),
    ],
)
def test_an_answer_is_told_from_that_to_another_call_by_what_it_says(
    message: Any, answer: Answer, may: bool
) -> None:
    assert may_answer(answer, message) is may
