"""To which reset a boot is due."""

from dataclasses import replace

import pytest

from domain.commands.judging import judge
from domain.evidence.facts import Act
from domain.evidence.restart import RestartFacts, is_owed_boot
from domain.model.command import Outcome, ResetFacts
from domain.model.outcomes import Cause, ending
from tests.unit.domain.situations import TIMING, answered, at, facts, frame, reset


def booted_at(at_s: float) -> Outcome:
    """A reset that succeeded with a boot then."""
    return ending(Cause.STATION_RESTARTED, reset=ResetFacts(boot_time=at(at_s)))


@pytest.mark.parametrize(
    ("outcome", "sent_s", "owed"),
    [
        pytest.param(None, -60, True, id="not decided"),
        pytest.param(None, -6 * 86_400, True, id="put off for days"),
        pytest.param(ending(Cause.RESTART_NOT_CONFIRMED), -3_600, True, id="not known"),
        pytest.param(ending(Cause.RESTART_NOT_CONFIRMED), -3_601, False, id="not known, long ago"),
        pytest.param(ending(Cause.STATION_REJECTED), -60, False, id="refused"),
        pytest.param(ending(Cause.EVSE_RESTARTED, reset=ResetFacts()), -60, False, id="an EVSE"),
        pytest.param(booted_at(-5), -60, False, id="a boot before the frame"),
        pytest.param(booted_at(21), -60, True, id="this boot"),
        pytest.param(booted_at(15), -60, False, id="a boot in between"),
    ],
)
def test_a_boot_is_owed_to_an_earlier_reset_until_it_was_seen(
    outcome: Outcome | None, sent_s: float, owed: bool
) -> None:
    assert is_owed_boot(outcome, sent=at(sent_s), left=at(0), booted=at(21)) is owed


def test_a_boot_that_a_reset_of_the_back_end_may_have_brought_proves_nothing() -> None:
    """Whatever was answered: a station that gets two resets may restart once."""
    known = RestartFacts(boot_time=at(21), boot_is_newer=True, connected=True, theirs=True)
    seen = replace(facts(frame=frame()), restart=known)
    ours = answered(reset())
    assert judge(ours, seen, TIMING, at(22)).act is Act.WAIT
    outcome = judge(ours, seen, TIMING, at(700)).outcome
    assert outcome is not None
    assert outcome.cause == Cause.RESTART_NOT_CONFIRMED
    assert outcome.message.endswith("The station's own back end may have asked for what was seen.")
    alone = replace(seen, restart=replace(known, theirs=False))
    assert judge(ours, alone, TIMING, at(52)).outcome is not None
