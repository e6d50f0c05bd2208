"""Each requirement of docs/security.md and each fault of docs/faults.md names tests that exist."""

import pytest

from tests.unit.docs.pages import DOCS, is_test, named_tests


@pytest.mark.parametrize(("page", "letter", "last"), [("security", "S", 22), ("faults", "F", 33)])
def test_each_row_names_tests_that_exist(page: str, letter: str, last: int) -> None:
    rows = named_tests(DOCS / f"{page}.md", rf"{letter}\d+")
    assert list(rows) == [f"{letter}{number}" for number in range(1, last + 1)]
    for number, tests in rows.items():
        assert tests, number
        assert [test for test in tests if not is_test(test)] == [], number
