"""The time of the fleet: by the database's clock, whatever the machine's own clock says."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from fleet.engine.unavailable import DatabaseUnavailable
from journal.fleet_clock import (
    LONGEST_ROUND_TRIP_S,
    SURE_S,
    ClockNotMeasured,
    FleetClock,
    Reading,
    better,
)
from tests.support.fleet_rows import NOW, later


class _Ended(Exception):
    """The test has seen enough."""


def _ends() -> None:
    raise _Ended


def nothing() -> None:
    """A second like any other."""


class Machine:
    """A machine whose wall clock is wrong, and a database whose clock is right.

    way_s, back_s: how long a question takes to the database, and its answer back.
    """

    def __init__(self, *, ahead: timedelta = timedelta(), way_s: float = 0, back_s: float = 0):
        self.ahead, self.way_s, self.back_s = ahead, way_s, back_s
        self.passed_s = 1000.0
        self.database_ahead = timedelta()
        self.is_down = False
        self.asleep_s = 0.0  # what its clock without a setting does not know of
        self.readings = 0
        self.clock = FleetClock(
            self._read, wall=self.wall, elapsed=lambda: self.passed_s, sleep=self._sleep
        )
        self.on_sleep: list[Callable[[], None]] = []

    @property
    def true_time(self) -> datetime:
        return later(self.passed_s + self.asleep_s)

    async def _sleep(self, seconds: float) -> None:
        self.passed_s += seconds
        self.on_sleep.pop(0)()

    def wall(self) -> datetime:
        return self.true_time + self.ahead

    async def _read(self) -> datetime:
        if self.is_down:
            raise DatabaseUnavailable("planted")
        self.readings += 1
        self.passed_s += self.way_s
        said = self.true_time + self.database_ahead
        self.passed_s += self.back_s
        return said

    async def runs(self, *events: Callable[[], None]) -> None:
        """Lets its clock run for a second before each of these, and for no longer."""
        self.on_sleep = [*events, _ends]
        with pytest.raises(_Ended):
            await self.clock.run()

    @property
    def error_s(self) -> float:
        return abs((self.clock.now() - self.true_time).total_seconds())


WRONG = pytest.mark.parametrize(
    "ahead",
    [timedelta(hours=-2), timedelta(minutes=-3), timedelta(0), timedelta(hours=2)],
    ids=["2 hours slow", "3 minutes slow", "right", "2 hours ahead"],
)


@WRONG
async def test_a_process_with_a_wrong_clock_has_the_time_of_the_database(ahead: timedelta) -> None:
    machine = Machine(ahead=ahead)
    await machine.clock.measure()
    machine.passed_s += 3600
    assert machine.clock.now() == machine.true_time


@WRONG
async def test_a_jump_of_the_machines_clock_moves_nothing(ahead: timedelta) -> None:
    machine = Machine()
    await machine.clock.measure()
    machine.ahead = ahead
    machine.passed_s += 60
    assert machine.clock.now() == machine.true_time


@given(
    ahead_s=st.floats(-10_000, 10_000),
    way_s=st.floats(0, LONGEST_ROUND_TRIP_S / 2),
    back_s=st.floats(0, LONGEST_ROUND_TRIP_S / 2),
)
async def test_the_time_is_wrong_by_half_a_round_trip_at_most(
    ahead_s: float, way_s: float, back_s: float
) -> None:
    machine = Machine(ahead=timedelta(seconds=ahead_s), way_s=way_s, back_s=back_s)
    for _ in range(2):
        await machine.clock.measure()
        machine.passed_s += 10
        assert machine.error_s <= (way_s + back_s) / 2 + SURE_S


async def test_an_answer_that_took_too_long_tells_no_time() -> None:
    machine = Machine(ahead=timedelta(hours=2), back_s=LONGEST_ROUND_TRIP_S * 1.1)
    with pytest.raises(ClockNotMeasured):
        await machine.clock.measure()
    machine.back_s = 0
    await machine.clock.measure()
    machine.back_s = 5
    await machine.clock.measure()  # what is known stays
    assert machine.clock.now() == machine.true_time


async def test_a_database_that_is_away_leaves_the_time_as_it_is_known() -> None:
    machine = Machine(ahead=timedelta(hours=-2))
    await machine.clock.measure()
    machine.is_down = True
    with pytest.raises(DatabaseUnavailable):
        await machine.clock.measure()
    assert machine.clock.now() == machine.true_time


def test_a_reading_that_agrees_moves_nothing() -> None:
    known = Reading(NOW, 10.0, 10.0)
    assert better(known, Reading(later(10.02), 20.0, 20.1)) is known
    assert better(known, Reading(later(10.2), 20.0, 20.1)) != known


async def test_a_new_clock_of_the_database_is_followed() -> None:
    machine = Machine()
    await machine.clock.measure()
    machine.database_ahead = timedelta(seconds=30)
    await machine.clock.measure()
    assert machine.error_s == 30


async def test_a_machine_whose_clock_is_off_raises_an_alarm_and_ends_it() -> None:
    machine = Machine(ahead=timedelta(minutes=-3))
    with capture_logs() as lines:
        await machine.clock.measure()
        assert REGISTRY.get_sample_value("evcommand_clock_offset_seconds") == -180
        await machine.clock.measure()
        machine.ahead = timedelta(seconds=1)
        await machine.clock.measure()
    assert REGISTRY.get_sample_value("evcommand_clock_offset_seconds") == 1
    assert [(line["event"], line["ahead_s"]) for line in lines] == [
        ("clock_is_off", -180),
        ("clock_is_right", 1),
    ]


async def test_a_database_without_a_clock_of_its_own_leaves_the_machines() -> None:
    machine = Machine(ahead=timedelta(seconds=7))
    clock = FleetClock(None, wall=machine.wall)
    await clock.measure()
    await clock.run()
    assert clock.now() == machine.wall()


async def test_the_database_is_asked_every_ten_seconds() -> None:
    machine = Machine(ahead=timedelta(hours=2))
    await machine.clock.measure()
    await machine.runs(*[nothing] * 9)
    assert machine.readings == 1
    await machine.runs(*[nothing] * 25)
    assert machine.readings == 3


async def test_a_machine_that_was_asleep_asks_for_the_time_within_a_second() -> None:
    machine = Machine()
    await machine.clock.measure()

    def sleeps() -> None:
        machine.asleep_s += 3600

    await machine.runs(nothing, sleeps)
    assert machine.readings == 2
    assert machine.clock.now() == machine.true_time


async def test_a_database_that_is_away_is_asked_again() -> None:
    machine = Machine()
    await machine.clock.measure()
    machine.is_down = True
    with capture_logs() as lines:
        await machine.runs(*[nothing] * 10)
    assert [line["event"] for line in lines] == ["clock_not_measured"]
