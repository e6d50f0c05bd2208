"""Pages begin where the last one ended."""

from datetime import timedelta

import pytest

from broker.errors import Reason, Refusal
from broker.reading.paging import Pager, cut_page
from tests.unit.broker.requests import NOW


def test_a_bad_page_token_is_an_invalid_argument() -> None:
    pager = Pager("selection")
    assert pager.position("", (str,)) is None
    assert pager.token(None) == ""
    assert pager.position(pager.token(["a"]), (str,)) == ("a",)
    with pytest.raises(Refusal) as refused:
        pager.position("x", (str,))
    assert refused.value.reason is Reason.PAGE_TOKEN_INVALID


def test_a_time_comes_back_exactly() -> None:
    pager, moment = Pager("selection"), NOW + timedelta(microseconds=123_457)
    assert pager.time_position(pager.time_token((moment, "a"))) == (moment, "a")
    assert pager.time_position("") is None
    assert pager.time_token(None) == ""


def test_a_page_names_its_last_row_only_when_there_are_more() -> None:
    assert cut_page([1, 2, 3], 2) == ([1, 2], 2)
    assert cut_page([1, 2], 2) == ([1, 2], None)
    assert cut_page([], 2) == ([], None)
