"""When a session showed that it runs, by our clock, as far as its station's clock tells that."""

import pytest

from fleet.transactions import shown_at
from tests.support.fleet_rows import NOW, later


@pytest.mark.parametrize(
    ("told_s", "lead_s", "shown_s"),
    [
        pytest.param(-5, None, -5, id="nothing is learned, and it is not ahead"),
        pytest.param(0, None, 0, id="nothing is learned, and it is of now"),
        pytest.param(0.1, None, None, id="nothing is learned, and it is ahead"),
        pytest.param(20, None, None, id="nothing is learned, and it is far ahead"),
        pytest.param(-5, 0, -5, id="a right clock"),
        pytest.param(1, 0, 0, id="a right clock that slips"),
        pytest.param(5, 0, None, id="a right clock that was set ahead"),
        pytest.param(20, 20, 0, id="ahead, and it is of now"),
        pytest.param(10, 20, -10, id="ahead, and it is old"),
        pytest.param(-10, 20, -30, id="ahead, and it is older"),
        pytest.param(31, 20, None, id="ahead, and set ahead"),
        pytest.param(-10, -10, -10, id="behind: it is left as it is"),
        pytest.param(5, -10, None, id="behind, and set ahead"),
    ],
)
def test_a_sign_of_life_is_dated_by_what_is_known_of_the_clock(
    told_s: float, lead_s: float | None, shown_s: float | None
) -> None:
    shown = None if shown_s is None else later(shown_s)
    assert shown_at(later(told_s), NOW, lead_s) == shown
