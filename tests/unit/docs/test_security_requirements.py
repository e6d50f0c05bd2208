"""docs/security.md names each requirement, and tests of it that exist."""

import re

from tests.support.sources import functions_of
from tests.unit.docs.pages import ROOT

PAGE = ROOT / "docs" / "security.md"
ROW = re.compile(r"^\| (S\d+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")


def test_each_requirement_has_a_row_with_tests_that_exist() -> None:
    rows = {number: tests for number, _, tests in ROW.findall(PAGE.read_text())}
    assert list(rows) == [f"S{number}" for number in range(1, 23)]
    for number, text in rows.items():
        tests = TEST.findall(text)
        assert tests, number
        missing = [f"{file}::{name}" for file, name in tests if not _exists(file, name)]
        assert missing == [], number


def test_the_page_tells_how_temporal_is_run() -> None:
    page = PAGE.read_text()
    for word in (
        "TEMPORAL_TLS_CLIENT_CERT_PATH",
        "requireClientAuth",
        "TEMPORAL_DISABLE_WRITE_ACTIONS",
    ):
        assert word in page


def _exists(file: str, name: str) -> bool:
    path = ROOT / "tests" / file
    return path.exists() and name in functions_of(path)
