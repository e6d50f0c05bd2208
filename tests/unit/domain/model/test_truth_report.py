"""What the counts of a report mean: sentences, and the stations that stand out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.model.truth_report import (
    STATIONS_LIMIT,
    CountedEnds,
    MarkedStation,
    MendedStation,
    TheirCountedEnds,
    TimesToTruth,
    TruthReport,
    in_order,
    sentences,
    slow_after,
    standing_out,
    their_sentences,
    theirs_in_order,
    with_theirs,
)

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def ends(code: str, count: int, cause: str = "", kind: str = "START_SESSION") -> CountedEnds:
    return CountedEnds(kind, code, cause, count, "c-1")


def times(median_s: float, count: int = 20) -> TimesToTruth:
    return TimesToTruth(
        "RESET", count, timedelta(seconds=median_s), timedelta(seconds=median_s * 2), "c-9"
    )


def marked(
    station: str, commands: int = 10, *, unknown: int = 0, no_effect: int = 0, slow: int = 0
) -> MarkedStation:
    return MarkedStation(
        station, commands, unknown, no_effect, slow, unknown + no_effect + slow, "c-1"
    )


def mended(station: str, reports: int) -> MendedStation:
    return MendedStation(station, reports, NOON)


def test_a_sentence_tells_how_many_of_a_kind_ended_how_and_why() -> None:
    told = sentences(
        [
            ends("", 2),
            ends("NO_EFFECT", 5, "SESSION_ENDED"),
            ends("NO_EFFECT", 18, "NO_CABLE_OR_NO_TRANSACTION"),
            ends("SUCCEEDED", 371, "SESSION_STARTED"),
            ends("UNKNOWN", 9),
            ends("SUCCEEDED", 1, "UNLOCKED", "UNLOCK_CONNECTOR"),
        ]
    )
    assert told == (
        "START_SESSION: of 405, 371 SUCCEEDED, 23 NO_EFFECT (18 NO_CABLE_OR_NO_TRANSACTION, "
        "5 SESSION_ENDED), 9 UNKNOWN, 2 not decided yet.",
        "UNLOCK_CONNECTOR: of 1, 1 SUCCEEDED.",
    )


def test_no_commands_are_no_sentences() -> None:
    assert sentences([]) == ()


def test_ends_go_by_kind_then_code_and_those_without_an_outcome_are_last() -> None:
    given = [ends("", 9), ends("UNKNOWN", 1), ends("SUCCEEDED", 1), ends("REJECTED", 1, kind="A")]
    assert [(each.kind, each.code) for each in in_order(given)] == [
        ("A", "REJECTED"),
        *(("START_SESSION", code) for code in ("SUCCEEDED", "UNKNOWN", "")),
    ]


def test_a_report_counts_every_command_of_its_ends() -> None:
    report = TruthReport(NOON, NOON, True, (ends("", 2), ends("UNKNOWN", 3)), times=(), stations=())
    assert report.commands == 5


@pytest.mark.parametrize(
    ("measured", "limits_s"),
    [
        pytest.param(times(3), [15.0], id="five times the median"),
        pytest.param(times(0.2), [10.0], id="but never below ten seconds"),
        pytest.param(times(3, count=19), [], id="of few commands nothing is usual"),
    ],
)
def test_what_is_slow_depends_on_what_is_usual(
    measured: TimesToTruth, limits_s: list[float]
) -> None:
    assert [limit.total_seconds() for limit in slow_after([measured]).values()] == limits_s


@pytest.mark.parametrize(
    ("station", "stands_out"),
    [
        (marked("A", 10, unknown=3), True),
        (marked("A", 10, unknown=2), False),
        (marked("A", 30, no_effect=1, slow=2), True),
        (marked("A", 31, no_effect=1, slow=2), False),
    ],
)
def test_a_station_stands_out_by_several_marked_commands_that_are_a_tenth_of_all(
    station: MarkedStation, stands_out: bool
) -> None:
    assert bool(standing_out([station], [])) is stands_out


def test_a_station_stands_out_by_many_mended_reports_alone() -> None:
    (shown,) = standing_out([], [mended("B", 10), mended("C", 9)])
    assert (shown.station, shown.commands, shown.mended, shown.newest) == ("B", 0, 10, "")
    assert shown.notes == (
        "10 of its reports were mended until now, the newest at 2026-05-04 12:00 UTC.",
    )


def test_the_notes_tell_each_reason_and_no_other() -> None:
    (shown,) = standing_out([marked("A", 40, unknown=5, slow=6)], [mended("A", 12)])
    assert [note[:30] for note in shown.notes] == [
        "5 of 40 commands ended UNKNOWN",
        "6 of 40 commands took much lon",
        "12 of its reports were mended ",
    ]
    (shown,) = standing_out([marked("A", 40, no_effect=4)], [])
    assert shown.notes == ("4 of 40 commands had no effect.",)


def test_the_worst_stations_come_first_and_the_list_is_bounded() -> None:
    many = [marked(f"S{each:02}", unknown=3) for each in range(STATIONS_LIMIT)]
    shown = standing_out([*many, marked("Z", unknown=4)], [mended("Y", 900)])
    assert [each.station for each in shown[:2]] == ["Z", "S00"]
    assert len(shown) == STATIONS_LIMIT


def theirs(at_s: float, code: str = "UNKNOWN", **changed: Any) -> TheirCountedEnds:
    known: dict[str, Any] = {"kind": "RESET", "cause": "WHY", "count": 1, "station": f"S{at_s}"}
    return TheirCountedEnds(
        **(known | {"code": code, "time": NOON + timedelta(seconds=at_s)} | changed)
    )


def test_ends_of_the_back_end_that_are_the_same_are_counted_together_with_the_newest() -> None:
    many = [theirs(2, count=3), theirs(1), theirs(1, "SUCCEEDED"), theirs(1, kind="ABC")]
    told = theirs_in_order(many)
    assert [(each.kind, each.code, each.count, each.station) for each in told] == [
        ("ABC", "UNKNOWN", 1, "S1"),
        ("RESET", "SUCCEEDED", 1, "S1"),
        ("RESET", "UNKNOWN", 4, "S2"),
    ]


def test_what_the_back_end_asked_for_is_told_in_sentences_of_its_own() -> None:
    assert their_sentences([theirs(1, count=2), theirs(1, "SUCCEEDED")]) == (
        "The back end's RESET: of 3, 1 SUCCEEDED, 2 UNKNOWN (2 WHY).",
    )


def test_the_commands_of_both_count_for_a_station() -> None:
    ours = [marked("A", 10, unknown=1), marked("B", 5, unknown=1)]
    together = with_theirs(ours, [marked("A", 20, no_effect=2), marked("C", 3, unknown=3)])
    shown = {each.station: (each.commands, each.unknown, each.no_effect) for each in together}
    assert shown == {"A": (30, 1, 2), "B": (5, 1, 0), "C": (3, 3, 0)}
