"""Numbers of 31 bits for what is counted without an end."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.model.numbers import LARGEST, is_of_an_earlier_round, number_of

SENT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("id", "number"),
    [
        (1, 1),
        (LARGEST - 1, LARGEST - 1),
        (LARGEST, LARGEST),
        (LARGEST + 1, 1),
        (2 * LARGEST, LARGEST),
        (2**63 - 1, 1),
    ],
)
def test_numbers_begin_again_at_1_and_are_never_0(id: int, number: int) -> None:
    assert number_of(id) == number


@pytest.mark.parametrize(
    ("over", "earlier"),
    [
        (None, False),
        (SENT + timedelta(minutes=5), False),
        (SENT - timedelta(minutes=5), False),
        (SENT - timedelta(days=2), True),
    ],
)
def test_only_what_was_over_long_before_names_an_older_frame(
    over: datetime | None, earlier: bool
) -> None:
    assert is_of_an_earlier_round(over, SENT) is earlier
