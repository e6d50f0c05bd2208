"""OCPP's words as rules use them."""

import pytest

from domain.ocpp_words import told_id


@pytest.mark.parametrize(
    ("id", "told"),
    [
        ("17", "17"),
        ("-1", ""),
        ("-1~3", ""),
        ("", ""),
        ("a-1", "a-1"),
        ("4711~12", "4711"),
        ("X1~454", "X1"),
        ("a~b", "a~b"),
        ("~7", "~7"),
    ],
)
def test_an_id_that_no_back_end_has_given_is_not_told(id: str, told: str) -> None:
    assert told_id(id) == told
