"""Which session an event is of when a station uses a transaction id again."""

from dataclasses import replace
from typing import Any

import pytest

from domain.evidence.reused_ids import (
    Known,
    Told,
    begins_another,
    is_another_start,
    is_of_earlier,
    may_be_of_earlier,
    may_repeat,
    was_cut_off,
)
from tests.unit.domain.situations import at

OLD = Known(seq_no=0, start_time=at(0), stop_time=at(600), remote_start_id=7)
START = Told(started=True, seq_no=0, time=at(9_000))


@pytest.mark.parametrize(
    ("told", "old", "another"),
    [
        pytest.param({}, {}, True, id="after the end"),
        pytest.param({"time": at(300), "remote_start_id": 8}, {}, True, id="another request"),
        pytest.param({"suspect": True, "remote_start_id": 8}, {}, True, id="and 1970"),
        pytest.param({"remote_start_id": 8}, {"suspect": True}, True, id="and 1970 before"),
        pytest.param({}, {"seq_no": None}, True, id="long after an end that alone was told"),
        pytest.param({"started": False}, {}, False, id="no start"),
        pytest.param({"time": at(0), "remote_start_id": 7}, {}, False, id="a repeat"),
        pytest.param({"time": at(0), "remote_start_id": 8}, {}, False, id="of the same moment"),
        pytest.param({"time": at(300)}, {}, False, id="before the end"),
        pytest.param({"seq_no": 1}, {}, True, id="after the end, with another number"),
        pytest.param({"seq_no": 1, "time": at(300)}, {}, False, id="another number"),
        pytest.param({"time": at(610)}, {"seq_no": None}, False, id="the start comes late"),
        pytest.param({"suspect": True}, {}, False, id="1970, perhaps a repeat"),
        pytest.param({"time": at(700)}, {"stop_time": None}, False, id="its end was not told"),
    ],
)
def test_a_start_begins_another_session_when_it_cannot_be_of_the_ended_one(
    told: dict[str, Any], old: dict[str, Any], another: bool
) -> None:
    assert begins_another(replace(START, **told), replace(OLD, **old)) is another


@pytest.mark.parametrize(
    ("told", "new", "may_be"),
    [
        pytest.param({"time": at(8_999), "started": False}, {}, True, id="from before"),
        pytest.param({"time": at(9_000)}, {}, False, id="its own start"),
        pytest.param({"suspect": True, "remote_start_id": 7}, {}, True, id="1970, for another"),
        pytest.param({"suspect": True, "remote_start_id": 8}, {}, False, id="1970, its own"),
        pytest.param({"started": False}, {"suspect": True}, False, id="who knows when it began"),
        pytest.param({"started": False}, {"start_time": None}, False, id="no start was told"),
    ],
)
def test_an_event_from_before_a_session_may_be_of_an_earlier_one(
    told: dict[str, Any], new: dict[str, Any], may_be: bool
) -> None:
    known = Known(seq_no=0, start_time=at(9_000), stop_time=None, remote_start_id=8)
    assert may_be_of_earlier(replace(START, **told), replace(known, **new)) is may_be


@pytest.mark.parametrize(
    ("told", "old", "is_of"),
    [
        pytest.param({"time": at(600), "started": False}, {}, True, id="its end, again"),
        pytest.param({"time": at(601), "started": False}, {}, False, id="from after its end"),
        pytest.param({"suspect": True, "remote_start_id": 7}, {}, True, id="1970, its request"),
        pytest.param({"suspect": True}, {}, False, id="1970"),
        pytest.param({"time": at(0)}, {"stop_time": None}, True, id="its start, again"),
        pytest.param({"time": at(0), "started": False}, {"stop_time": None}, False, id="who knows"),
        pytest.param({"remote_start_id": 8}, {"suspect": True}, False, id="the request of another"),
    ],
)
def test_a_late_event_is_of_the_session_that_it_repeats(
    told: dict[str, Any], old: dict[str, Any], is_of: bool
) -> None:
    assert is_of_earlier(replace(START, **told), replace(OLD, **old)) is is_of


@pytest.mark.parametrize(
    ("told", "old", "may_be"),
    [
        pytest.param({}, {}, True, id="it names no request"),
        pytest.param({}, {"remote_start_id": None}, True, id="nor did the ended one"),
        pytest.param({"seq_no": 1}, {}, True, id="nor has it the number"),
        pytest.param({"remote_start_id": 7}, {}, True, id="it names the same request"),
        pytest.param({"remote_start_id": 8}, {}, False, id="it names another request"),
        pytest.param({"remote_start_id": 8}, {"remote_start_id": None}, False, id="it names one"),
    ],
)
def test_a_start_that_names_no_other_request_may_be_that_of_the_ended_session_told_again(
    told: dict[str, Any], old: dict[str, Any], may_be: bool
) -> None:
    assert may_repeat(replace(START, **told), replace(OLD, **old)) is may_be


TOLD = Told(started=True, seq_no=0, time=at(300), token_digest="other")
RUNS = Known(seq_no=0, start_time=at(0), stop_time=None, token_digest="token")


@pytest.mark.parametrize(
    ("told", "known", "expected"),
    [
        pytest.param({}, {}, True, id="another token, later"),
        pytest.param({}, {"stop_time": at(600)}, True, id="its end was told, and is late"),
        pytest.param({"token_digest": "token"}, {}, False, id="its own token"),
        pytest.param({"token_digest": None}, {}, False, id="no token yet"),
        pytest.param(
            {"token_digest": "token", "remote_start_id": 8},
            {"remote_start_id": 7},
            True,
            id="another request",
        ),
        pytest.param(
            {"token_digest": "token", "remote_start_id": 7},
            {"remote_start_id": 7},
            False,
            id="its own request",
        ),
        pytest.param(
            {"token_digest": "token", "remote_start_id": 8}, {}, False, id="it named none before"
        ),
        pytest.param({}, {"token_digest": None}, False, id="it has no token yet"),
        pytest.param({"started": False}, {}, False, id="a second card within it"),
        pytest.param({}, {"seq_no": None}, False, id="its start was not told"),
        pytest.param({}, {"start_time": None}, False, id="nor when it began"),
        pytest.param({"time": at(0)}, {}, False, id="of the same moment"),
        pytest.param({"time": at(-9)}, {}, False, id="an old one that comes late"),
        pytest.param({"suspect": True}, {}, False, id="1970"),
        pytest.param({}, {"suspect": True}, False, id="1970 before"),
    ],
)
def test_a_later_start_of_another_token_or_request_is_of_another_session_while_this_one_runs(
    told: dict[str, Any], known: dict[str, Any], expected: bool
) -> None:
    start, old = replace(TOLD, **told), replace(RUNS, **known)
    assert is_another_start(start, old) is expected
    if expected:
        assert begins_another(start, old)
        assert not may_repeat(start, old)


@pytest.mark.parametrize(
    ("told", "known", "expected"),
    [
        pytest.param({}, {}, True, id="after its start"),
        pytest.param({"started": True}, {}, False, id="a start"),
        pytest.param({"time": at(-1)}, {}, False, id="before its start"),
        pytest.param({"suspect": True}, {}, False, id="1970"),
        pytest.param({}, {"suspect": True}, False, id="1970 before"),
        pytest.param({}, {"stop_time": at(9)}, False, id="its end was told"),
        pytest.param({}, {"start_time": None}, False, id="nobody knows when it began"),
    ],
)
def test_a_late_event_may_be_of_a_session_whose_end_was_never_told(
    told: dict[str, Any], known: dict[str, Any], expected: bool
) -> None:
    event = replace(TOLD, started=False, time=at(200))
    assert was_cut_off(replace(event, **told), replace(RUNS, **known)) is expected
