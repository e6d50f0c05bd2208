"""A station that talks has booted: when it is asked, and when it is taken as booted."""

import pytest

from station_gateway.session.booting import Booting, BootStep, BootWaits

WAITS = BootWaits(grace_s=1.0, ask_s=3.0, talk_s=30.0)
WAIT, ASK, TAKE = BootStep.WAIT, BootStep.ASK, BootStep.TAKE


def connected(*, known: bool = False) -> Booting:
    return Booting(WAITS, known=known, now=100.0)


def test_known_station_is_taken_as_soon_as_it_talks() -> None:
    booting = connected(known=True)
    assert (booting.step(100.0), booting.known) == (WAIT, True)
    booting.heard(100.2)
    assert booting.step(100.2) is TAKE


def test_known_station_that_is_silent_is_taken_after_a_moment() -> None:
    booting = connected(known=True)
    assert booting.look_again() == 101.0
    assert (booting.step(100.9), booting.step(101.0)) == (WAIT, TAKE)


@pytest.mark.parametrize("known", [False, True])
def test_boot_in_hand_holds_every_step_until_its_answer(known: bool) -> None:
    booting = connected(known=known)
    booting.heard(100.1)
    booting.arrived()
    assert (booting.step(200.0), booting.look_again(), booting.in_hand) == (WAIT, None, True)
    booting.decided()
    assert (booting.step(200.0), booting.look_again(), booting.in_hand) == (WAIT, None, False)


def test_boot_without_an_answer_is_as_none() -> None:
    booting = connected()
    booting.arrived()
    booting.left_unanswered()
    assert booting.step(103.0) is ASK


def test_unknown_station_is_asked_after_a_while_or_as_soon_as_it_talks() -> None:
    booting = connected()
    assert (booting.step(102.9), booting.look_again(), booting.step(103.0)) == (WAIT, 103.0, ASK)
    booting.heard(100.5)
    assert booting.step(100.5) is ASK


def test_station_that_was_asked_and_is_silent_is_never_taken() -> None:
    booting = connected()
    booting.asked()
    assert (booting.step(1e6), booting.look_again()) == (WAIT, None)


def test_station_that_refuses_to_be_asked_is_taken_at_once() -> None:
    booting = connected()
    booting.asked()
    booting.refused()
    assert booting.step(103.1) is TAKE


def test_station_is_taken_once_and_again_when_it_could_not_be_recorded() -> None:
    booting = connected(known=True)
    booting.heard(100.1)
    booting.taking()
    assert (booting.step(100.2), booting.look_again()) == (WAIT, None)
    booting.taken(recorded=False)
    assert booting.step(100.2) is TAKE
    booting.taking()
    booting.taken()
    assert (booting.step(1e6), booting.look_again()) == (WAIT, None)


def test_boot_that_comes_while_a_station_is_taken_stays_in_hand() -> None:
    booting = connected(known=True)
    booting.taking()
    booting.arrived()
    booting.taken()
    assert booting.in_hand


def test_station_that_talks_on_without_a_boot_is_taken() -> None:
    booting = connected()
    booting.heard(101.0)
    booting.asked()
    booting.heard(120.0)
    assert booting.look_again() == 131.0
    assert (booting.step(130.9), booting.step(131.0)) == (WAIT, TAKE)
