"""A pool's day in the terminal and as SVG: a row per EVSE, and what hides what."""

from datetime import date
from xml.etree import ElementTree as Xml

import pytest
from evcommand.v1 import booking_pb2 as pb
from evcommand.v1 import station_service_pb2 as station_pb

from entrypoints.commands.pool.day import PoolDay
from entrypoints.commands.pool.svg import picture
from entrypoints.commands.pool.terminal import lines
from tests.unit.entrypoints.commands.pool.a_day import (
    State,
    a_booking,
    a_pool,
    a_session,
    drawn,
    stamp,
)

_SVG = "{http://www.w3.org/2000/svg}"


def row(day: PoolDay, evse: int = 1) -> str:
    """The signs of an EVSE."""
    return next(line for line in lines(day) if line.startswith(f"CP-1/{evse}")).split()[-1]


def titles(day: PoolDay) -> list[str]:
    bars = Xml.fromstring(picture(day)).iter(f"{_SVG}rect")
    return [
        told.text or "" for bar in bars for told in bar if not (told.text or "").startswith("free")
    ]


def test_a_day_is_drawn_with_a_row_for_each_evse() -> None:
    day = drawn(
        a_booking(State.STATE_CONFIRMED, "12:00", "14:00"),
        a_booking(State.STATE_HELD, "08:00", "09:00", 2),
        a_booking(
            State.STATE_IN_USE, "06:00", "08:00", transaction="stations/CP-1/transactions/06:00"
        ),
        sessions=(a_session("06:00", "07:30"), a_session("03:00", evse=2)),
        pool=a_pool(
            display_name="Garage",
            closures=[
                pb.PoolClosure(
                    start_time=stamp("22:00"),
                    end_time=stamp("2026-12-02 06:00"),
                    members=["stations/CP-1/evses/3"],
                )
            ],
        ),
        now="05:10",
    )
    assert list(lines(day)) == [
        "Garage, 2026-12-01, Europe/Oslo",
        "        00    03    06    09    12    15    18    21",
        "CP-1/1  ············███▒········▒▒▒▒····················",
        "CP-1/2  ······WWWWW·····▓▓······························",
        "CP-1/3  ············································xxxx",
        "                  ^ now",
        "",
        "█ charging  W walk-in  ▓ held  ▒ booked  x closed  · free",
    ]


def test_a_closure_without_members_closes_all() -> None:
    closure = pb.PoolClosure(start_time=stamp("00:00"), end_time=stamp("01:00"))
    day = drawn(pool=a_pool(closures=[closure]))
    assert [row(day, evse)[:3] for evse in (1, 2, 3)] == ["xx·"] * 3


def test_a_session_hides_a_hold_and_a_hold_a_booking() -> None:
    day = drawn(
        a_booking(State.STATE_BOUND, "00:00", "03:00"),
        a_booking(State.STATE_HELD, "01:00", "02:00"),
        sessions=(a_session("01:30", "02:00"),),
    )
    assert row(day)[:6] == "▒▒▓W▒▒"


@pytest.mark.parametrize(
    "state",
    [State.STATE_CANCELLED, State.STATE_NO_SHOW, State.STATE_FULFILLED, State.STATE_DISPLACED],
)
def test_a_booking_that_has_ended_takes_no_place(state: State.ValueType) -> None:
    assert set(row(drawn(a_booking(state, "10:00", "12:00")))) == {"·"}


def test_a_booking_that_the_plan_has_nowhere_is_not_drawn() -> None:
    made = a_booking(State.STATE_CONFIRMED, "10:00", "12:00")
    made.planned_member = ""
    assert set(row(drawn(made))) == {"·"}


def test_what_is_on_both_sides_of_midnight_is_cut_at_it() -> None:
    day = drawn(sessions=(a_session("2026-11-30 22:00", "2026-12-01 01:00"),))
    assert row(day) == "WW" + "·" * 46


def test_a_session_whose_end_was_not_reported_is_not_drawn_as_running() -> None:
    ended = a_session("10:00")
    ended.state = station_pb.Transaction.STATE_ENDED
    assert row(drawn(sessions=(ended,))).count("W") == 1
    assert titles(drawn(sessions=(ended,)))[0].endswith("its end was not reported")


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 7, 1), 24)]
)
def test_a_day_on_which_the_clocks_change_has_its_own_length(day: date, hours: int) -> None:
    shown = drawn(day=day)
    assert len(row(shown)) == 2 * hours
    assert picture(shown).count("<line") == hours


def test_a_picture_tells_of_each_bar_what_it_is() -> None:
    made = a_booking(State.STATE_HELD, "08:00", "09:00")
    made.holder.id_token.value = "****1234"
    assert titles(drawn(made)) == ["held, 08:00 to 09:00: bookings/08:00: HELD, for ****1234"]


def test_words_of_others_are_text_and_never_markup() -> None:
    closure = pb.PoolClosure(
        start_time=stamp("00:00"), end_time=stamp("01:00"), reason="</title><script>\x00&"
    )
    pool = a_pool(display_name="<b>&", closures=[closure])
    day = drawn(pool=pool)
    assert titles(day)[0].endswith("</title><script>\N{REPLACEMENT CHARACTER}&")
    assert "<script>" not in picture(day)
    assert "<b>" not in picture(day)


def test_the_present_moment_is_a_line_in_the_picture_of_today_alone() -> None:
    assert picture(drawn(now="10:00")).count("<line") == 25
    assert picture(drawn()).count("<line") == 24
