"""Whatever a client makes up as a token is read as a place of the log, or refused by its field."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.errors import Reason, Refusal
from broker.reading.opaque_tokens import write_token
from broker.reading.paging import Pager
from broker.reading.watching import WatchPosition, read_place
from fleet.log.order import Cursor

SELECTION = "s"
NOW = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)
PAGE = Pager(SELECTION).time_token((NOW, "commands/1"))
PLACE = write_token(SELECTION, WatchPosition(Cursor(7, 9), (NOW, "x"), listing=True).positions())

VALUES = st.integers() | st.text() | st.booleans() | st.none() | st.floats()
VALUES |= st.sampled_from([10**30, 2**63, 2**62, -1, "\ud800", "\x00", "told", NOW.isoformat()])
JSON = st.recursive(VALUES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


def encoded(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def damaged(token: str) -> st.SearchStrategy[str]:
    """A real token that was cut, or in which a bit of its content was turned."""
    content = base64.urlsafe_b64decode(token)

    def turned(bit: int) -> str:
        number = int.from_bytes(content, "big") ^ (1 << bit)
        return base64.urlsafe_b64encode(number.to_bytes(len(content), "big")).decode()

    cut = st.integers(0, len(token)).map(lambda length: token[:length])
    return cut | st.integers(0, len(content) * 8 - 1).map(turned)


FORGED = (
    st.text(max_size=200)
    | st.binary(max_size=200).map(lambda content: base64.urlsafe_b64encode(content).decode())
    | JSON.map(encoded)
    | st.lists(VALUES, max_size=5).map(lambda position: encoded([SELECTION, position]))
    | st.tuples(st.integers(), st.text()).map(lambda pair: encoded([SELECTION, list(pair)]))
    | st.tuples(st.integers(), st.integers(), st.text(), st.text()).map(
        lambda place: encoded([SELECTION, list(place)])
    )
    | damaged(PAGE)
    | damaged(PLACE)
)


def fits_a_query(values: tuple[Any, ...]) -> bool:
    """Whether a database takes these values as parameters."""
    for value in values:
        if isinstance(value, str):
            value.encode()
            assert "\x00" not in value
        if isinstance(value, int):
            assert 0 <= value < 2**63
        if isinstance(value, datetime):
            assert value.tzinfo is not None
    return True


@given(FORGED)
@example(encoded([SELECTION, [10**30, "x"]]))
@example(encoded([SELECTION, [2**62, "x"]]))
@example(encoded([SELECTION, [-1, "x"]]))
@example(encoded([SELECTION, [1, "\ud800"]]))
@example(encoded([SELECTION, [1, "\x00"]]))
def test_a_forged_page_token_is_a_place_or_a_bad_field(token: str) -> None:
    pager = Pager(SELECTION)
    for read in (
        pager.time_position,
        lambda token: pager.position(token, (str,)),
        lambda token: pager.position(token, (str, str)),
    ):
        try:
            position = read(token)
        except Refusal as refusal:
            assert refusal.reason is Reason.PAGE_TOKEN_INVALID
            assert [each.field for each in refusal.violations] == ["page_token"]
        else:
            assert position is None or fits_a_query(position)


@given(FORGED)
@example(encoded([SELECTION, [10**30, 1, "told", ""]]))
@example(encoded([SELECTION, [0, -1, "", ""]]))
@example(encoded([SELECTION, [0, 1, NOW.isoformat(), "\ud800"]]))
@example(encoded([SELECTION, [0, 1, "\ud800", "x"]]))
def test_a_forged_resume_token_is_a_place_or_a_bad_field(token: str) -> None:
    try:
        place = read_place(SELECTION, token)
    except Refusal as refusal:
        assert refusal.reason is Reason.RESUME_TOKEN_INVALID
        assert [each.field for each in refusal.violations] == ["resume_token"]
    else:
        listed = place.listed if place else None
        values = (place.cursor.tx_id, place.cursor.seq, *(listed or ())) if place else ()
        assert fits_a_query(values)


@pytest.mark.parametrize("position", [[2**62, "x"], [10**30, "x"], [-1, "x"], [1, "\ud800"]])
def test_an_impossible_time_or_name_in_a_page_token_is_refused(position: list[Any]) -> None:
    with pytest.raises(Refusal) as refused:
        Pager(SELECTION).time_position(write_token(SELECTION, position))
    assert refused.value.reason is Reason.PAGE_TOKEN_INVALID


def test_real_tokens_are_read_as_they_were_written() -> None:
    assert Pager(SELECTION).time_position(PAGE) == (NOW, "commands/1")
    assert read_place(SELECTION, PLACE) == WatchPosition(Cursor(7, 9), (NOW, "x"), listing=True)
