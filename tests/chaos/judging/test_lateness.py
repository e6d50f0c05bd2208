"""Faults may cost a command their own time, and no more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.chaos.judging.judge import findings
from tests.chaos.judging.lateness import TAKEN_OVER, after_calm, outages
from tests.chaos.judging.test_judge import asked, tell, true_record
from tests.chaos.plan import Break, Fault
from tests.chaos.record import Disturbance

BEGAN = datetime(2026, 5, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("broken", "until"),
    [
        ([], 5),
        ([(-9, -1)], 5),  # over before
        ([(7, 9)], 5),  # begins later
        ([(5, 9)], 5),
        ([(-3, 2)], 7),  # still lasts
        ([(2, 4)], 7),
        ([(-3, 2), (4, 8)], 11),
        ([(1, 2), (3, 4), (6, 7)], 8),
    ],
)
def test_five_calm_seconds_are_over(broken: list[tuple[float, float]], until: float) -> None:
    spans = [(at(begin), at(end)) for begin, end in broken]
    assert after_calm(BEGAN, timedelta(seconds=5), spans) == at(until)


def test_a_fault_is_felt_until_it_is_taken_over_and_overlapping_ones_are_one() -> None:
    def broken(how: Break, begin: float, end: float) -> Disturbance:
        return Disturbance(Fault(0, how, "worker-1", 0), at(begin), at(end))

    cut, kill = TAKEN_OVER[Break.CUT], TAKEN_OVER[Break.KILL]
    three = [broken(Break.KILL, 8, 9), broken(Break.CUT, 0, 2), broken(Break.CUT, 100, 101)]
    assert outages(three) == [(at(0), at(9) + kill), (at(100), at(101) + cut)]
    assert outages([*three, broken(Break.JUMP, 50, 60)]) == outages(three)


def test_unknown_that_was_told_in_time_may_be_raised_late() -> None:
    record = true_record()
    told = asked(record, "START_SESSION").told
    told.insert(2, replace(told[-1], code="UNKNOWN", cause="ANSWER_TIMEOUT"))
    told[-1] = replace(told[-1], revision=4, outcome_time=at(120))
    assert findings(record) == []


def test_a_reservation_ends_with_the_command_that_asked_for_it() -> None:
    record = true_record()
    one = record.reservations[0]
    cancel = asked(record, "CANCEL_RESERVATION")
    record.commands.remove(cancel)
    record.reservations[0] = replace(one, expire_time=at(42), told=one.told[:1])
    ended = replace(one.told[-1], state="EXPIRED", cause="USE_NOT_KNOWN", end_time=at(58))
    record.reservations[0].told.append(ended)
    tell(record, "RESERVE_NOW", code="UNKNOWN", outcome_time=at(58))
    assert not [each for each in findings(record) if each.invariant == "I3"]
