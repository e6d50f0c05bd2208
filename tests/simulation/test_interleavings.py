"""Cancel, use, expiry, reboot and refusal in any order: one end, and no orphan reservation."""

import pytest

from domain.reservations import next_step as reservation_steps
from tests.simulation import interleavings
from tests.simulation.interleavings import Interleaving

INTERLEAVINGS = 10_000
BLOCK = 1_000


def wrong_with(run: Interleaving) -> str:
    """What is wrong in the end, "" when nothing is."""
    if len(run.ended) != 1 or not run.reservation.ended:
        return f"it ended {len(run.ended)} times"
    if run.holds_until_s is not None:
        return "the station still holds it"
    return ""


@pytest.mark.parametrize("first", range(0, INTERLEAVINGS, BLOCK))
def test_a_reservation_ends_once_and_leaves_no_hold_whatever_comes_first(first: int) -> None:
    for seed in range(first, first + BLOCK):
        run = Interleaving(seed)
        run.run()
        wrong = wrong_with(run)
        assert not wrong, f"seed {seed}: {wrong}\n" + "\n".join(run.story)


def test_a_hold_that_nobody_clears_away_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reservation_steps, "_is_cleared", lambda *_: True)
    assert any(is_wrong(seed) for seed in range(500))


def test_a_hold_that_is_never_timed_out_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleavings, "observe", lambda known, *_: known)
    assert any(is_wrong(seed) for seed in range(500))


def is_wrong(seed: int) -> bool:
    run = Interleaving(seed)
    run.run()
    return bool(wrong_with(run))
