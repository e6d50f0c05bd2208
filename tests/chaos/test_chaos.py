"""A house of real processes is broken by a plan, and tells no lie.

What is judged here is the truth, not the speed: other tests keep the cores busy. `make chaos`
judges the lateness as well, and breaks more.
"""

from pathlib import Path

import pytest

from tests.chaos.judging.finding import Finding
from tests.chaos.judging.judge import findings
from tests.chaos.plan import plan
from tests.chaos.record import CommandAsked, Record
from tests.chaos.run import chaos, rolling_restart

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]

SEED = 730
SECONDS = 30
"""Of this plan: a clock jumps back, PostgreSQL restarts, a gateway is killed, a worker drains."""


def lies(record: Record) -> list[Finding]:
    """Every broken promise but those about time."""
    return [one for one in findings(record) if one.invariant != "I3"]


def codes(record: Record) -> set[str]:
    """How commands ended whose time did not run out: a hold of few seconds may, on busy cores."""
    return {one.last.code for one in record.commands if one.last and not _was_over(one)}


def _was_over(asked: CommandAsked) -> bool:
    """Whether the hold that was asked for had ended before it could be sent."""
    end, last = asked.expire_time, asked.last
    if end is None or last is None or last.outcome_time is None:
        return False
    return last.cause == "NOT_AFTER_PASSED" and end <= last.outcome_time


def served(record: Record) -> set[str]:
    """The honest stations of which a command has succeeded."""
    done = {one.station for one in record.commands if one.last and one.last.code == "SUCCEEDED"}
    return done & honest(record)


def honest(record: Record) -> set[str]:
    return {one.id for one in record.stations if one.honest}


async def test_nothing_is_lost_and_no_lie_is_told_while_the_house_is_broken(
    tmp_path: Path,
) -> None:
    record = await chaos(SEED, tmp_path, SECONDS)
    assert lies(record) == []
    assert {one.fault for one in record.disturbances} == set(plan(SEED, SECONDS))
    assert served(record) == honest(record)


async def test_a_rolling_restart_loses_no_command(tmp_path: Path) -> None:
    """Every command has reached its honest station, unless its caller took it back."""
    record = await rolling_restart(SEED, tmp_path)
    assert lies(record) == []
    assert len(record.disturbances) == 6
    assert [one.refused for one in record.commands if one.refused] == []
    assert codes(record) <= {"SUCCEEDED", "REJECTED", "CANCELLED"}
    assert served(record) == honest(record)
