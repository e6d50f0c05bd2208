"""Until when a gateway's connections stand, by how long its event loop has been silent."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.model.lease import lease_end

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("silent_s", "left_s"),
    [(0, 15), (4, 15), (45, 15), (46, 14), (60, 0), (600, -540)],
    ids=["turns", "just turned", "busy", "too busy", "at its limit", "hangs"],
)
def test_a_lease_never_reaches_further_than_the_patience_after_the_last_turn(
    silent_s: int, left_s: int
) -> None:
    end = lease_end(
        NOW,
        lasts=timedelta(seconds=15),
        silent=timedelta(seconds=silent_s),
        patience=timedelta(seconds=60),
    )
    assert end - NOW == timedelta(seconds=left_s)
