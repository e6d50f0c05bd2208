"""The summary tells how long calls took with and without faults, and how to repeat the run."""

from datetime import UTC, datetime, timedelta

from tests.chaos.judging.finding import Finding
from tests.chaos.plan import Break, Fault
from tests.chaos.record import CommandAsked, CommandSeen, Disturbance, Record, StationRecord
from tests.chaos.report import summary

BEGAN = datetime(2026, 5, 1, 12, tzinfo=UTC)
KILL = Fault(100, Break.KILL, "worker-1", 1)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def called(station: str, asked_s: float, took_s: float) -> CommandAsked:
    asked, returned = at(asked_s), at(asked_s + took_s)
    command = CommandAsked("r", station, "UNLOCK_CONNECTOR", asked, at(asked_s + 20))
    command.returned = returned
    command.told.append(CommandSeen(returned, 1, "DONE", "SUCCEEDED", outcome_time=returned))
    return command


def test_a_summary_holds_calls_during_faults_against_quiet_ones() -> None:
    record = Record(
        BEGAN,
        at(300),
        commands=[
            *(called("HONEST", second, 0.1) for second in range(50)),
            called("FLAWED", 60, 9),
            called("HONEST", 99.5, 2),
        ],
        stations=[StationRecord("HONEST"), StationRecord("FLAWED", honest=False)],
        disturbances=[Disturbance(KILL, at(100), at(101))],
    )
    told = summary(
        "make chaos SEED=7", [KILL], record, [Finding("I2", "commands/r", "HONEST", "RESET", "")]
    )
    assert told["call_ms"] == {
        "quiet": {"calls": 50, "p50": 100, "p99": 100},
        "during_faults": {"calls": 1, "p50": 2000, "p99": 2000},
    }
    assert (told["again"], told["findings"]) == ("make chaos SEED=7", {"I2": 1})
    assert told["outcomes"] == {"UNLOCK_CONNECTOR": {"SUCCEEDED": 52}}
    assert told["plan"] == [
        {"at_s": 100, "how": "kill", "target": "worker-1", "lasts_s": 1, "by_s": 0.0}
    ]


def test_a_summary_tells_which_commands_a_fault_has_made_late() -> None:
    kill = Disturbance(KILL, at(10), at(30))
    record = Record(BEGAN, at(300), commands=[called("S", 9, 27)], stations=[StationRecord("S")])
    assert summary("", [], record, [])["late_by_faults_s"] == [2.0]
    record.disturbances.append(kill)
    assert summary("", [], record, [])["late_by_faults_s"] == [2.0]
