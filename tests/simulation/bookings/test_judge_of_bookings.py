"""The judge of bookings knows nothing of the product, and says what it sees."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.bookings.pool_record import PoolRecord, Presence
from tests.simulation.bookings.rules import judge
from tests.simulation.bookings.rules.judge import lies_about_bookings
from tests.simulation.bookings.rules.words import (
    BookingCase,
    BookingStory,
    BookingWords,
    StationWords,
)
from tests.simulation.bookings.scenes import Terms
from tests.simulation.repeatable.virtual_time import BEGIN
from tests.simulation.station.tempers import Temper
from tests.simulation.station.truth import TrueHold, TrueSession, Truth
from tests.support.sources import imports_of

ROOT = Path(__file__).resolve().parents[3]
OURS = {
    *("broker", "contract", "domain", "entrypoints", "evcommand", "fleet", "journal"),
    *("station_gateway", "telemetry", "workflows"),
}
TERMS = Terms(bind_lead_s=240, hold_lead_s=120, grace_s=60, late_stop_s=0)
START, END = 600.0, 900.0


def test_the_judge_imports_nothing_of_ours_not_even_by_way_of_others() -> None:
    folder = Path(judge.__file__).parent
    waiting, seen = sorted(folder.glob("*.py")), set[Path]()
    while waiting:
        file = waiting.pop()
        seen.add(file)
        for name in imports_of(file):
            assert name.split(".")[0] not in OURS, f"{file.name} imports {name}"
            there = ROOT.joinpath(*name.split(".")).with_suffix(".py")
            if there.is_file() and there not in seen:
                waiting.append(there)
    assert len(seen) > 8


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def told(after_s: float, state: str, cause: str = "", **more: Any) -> BookingWords:
    plain = BookingWords(at(after_s), state, cause, "S1/1", (), "", at(START), at(END))
    return replace(plain, **more)


def story(*words: BookingWords, token: str = "ANNA") -> BookingStory:
    return BookingStory(f"{token}-1", token, words)


def session(token: str, begun_s: float, ended_s: float | None = None) -> TrueSession:
    known = TrueSession(1000, 1, token, "", at(begun_s), begin_told=at(begun_s + 1))
    if ended_s is not None:
        known.ended, known.end_told = at(ended_s), at(ended_s + 1)
    return known


def hold(begun_s: float, ended_s: float) -> TrueHold:
    known = TrueHold(7, 1, "ANNA", "", "m1", at(begun_s), None)
    known.ended = at(ended_s)
    return known


def found(
    *stories: BookingStory,
    sessions: Iterable[TrueSession] = (),
    holds: Iterable[TrueHold] = (),
    away_s: float | None = None,
) -> str:
    """The lies about a pool of one EVSE. away_s: since when its station is away."""
    present = [Presence(at(0), None if away_s is None else at(away_s))]
    truth = Truth(sessions=list(sessions), holds=list(holds))
    case = BookingCase(
        stories,
        {"S1": StationWords(truth, PoolRecord(present), Temper())},
        places=("S1/1",),
        reserve=0,
        closings=(),
        terms=TERMS,
        numbers={"r1": 7},
        calm=False,
        disturbed_s=0.0,
        ended=at(2000),
    )
    return "; ".join(lies_about_bookings(case))


MADE = told(10, "CONFIRMED")
BOUND = told(360, "BOUND")
HELD = told(481, "HELD", reservation="r1")
IN_TIME = [hold(480, 610)]


def test_a_booking_that_is_kept_is_no_lie() -> None:
    used = told(612, "IN_USE", reservation="r1"), told(900, "FULFILLED", "USED", reservation="r1")
    assert not found(
        story(MADE, BOUND, HELD, *used), sessions=[session("ANNA", 610, 890)], holds=IN_TIME
    )


def test_two_bookings_of_one_place_at_one_time_are_a_lie() -> None:
    assert "at one time" in found(story(MADE), story(told(20, "CONFIRMED"), token="BOB"))


def test_a_booking_that_never_ends_is_forgotten() -> None:
    assert "never ended" in found(story(MADE))


def test_a_booking_without_an_evse_at_its_start_is_forgotten() -> None:
    late = told(700, "DISPLACED", "NO_PLACE_LEFT")
    assert "when its start had come" in found(story(MADE, late))


def test_held_is_what_the_station_held() -> None:
    ended = told(660, "EXPIRED", "USE_NOT_KNOWN", reservation="r1")
    assert "never held it" in found(story(MADE, BOUND, HELD, ended))


@pytest.mark.parametrize(("begun_s", "ended_s"), [(400, 610), (480, 800)])
def test_a_place_that_is_held_too_early_or_too_long_is_blocked(
    begun_s: float, ended_s: float
) -> None:
    cancelled = told(560, "CANCELLED", "CANCELLED_BY_HOLDER", reservation="r1")
    lie = found(story(MADE, BOUND, HELD, cancelled), holds=[hold(begun_s, ended_s)])
    assert lie.startswith("blocked:")


def test_a_place_that_begins_soon_is_not_promised_while_a_stranger_charges() -> None:
    soon = told(500, "CONFIRMED"), told(610, "CANCELLED", "CANCELLED_BY_HOLDER")
    there = [session("ZOE", 300)]
    assert "all were in use" in found(story(*soon), sessions=there)
    assert not found(story(*soon), sessions=[session("ZOE", 300, 499)])
    assert not found(story(*soon), sessions=[session("ANNA", 300, 499)])
    early = told(470, "CONFIRMED"), soon[1]
    assert not found(story(*early), sessions=there)
    theirs = story(told(10, "IN_USE", start=at(200), end=at(560)), soon[1], token="ZOE")
    assert "all were in use" not in found(story(*soon), theirs, sessions=there)


NO_SHOW = told(661, "NO_SHOW", "NOBODY_CAME", reservation="r1", charged=("NO_SHOW",))


def test_a_no_show_who_came_in_time_is_a_lie() -> None:
    came = [session("ANNA", 610)]
    assert "its session began" in found(
        story(MADE, BOUND, HELD, NO_SHOW), sessions=came, holds=IN_TIME
    )
    late = [session("ANNA", 670)]
    assert not found(story(MADE, BOUND, HELD, NO_SHOW), sessions=late, holds=IN_TIME)


def test_a_no_show_that_nobody_could_see_is_a_lie() -> None:
    lie = found(story(MADE, BOUND, HELD, NO_SHOW), holds=IN_TIME, away_s=620)
    assert "its station was away" in lie


def test_a_use_without_a_session_and_a_charge_without_a_cause_are_lies() -> None:
    used = told(900, "FULFILLED", "USED", reservation="r1")
    assert "no session there" in found(story(MADE, BOUND, HELD, used), holds=IN_TIME)
    charged = replace(used, charged=("NO_SHOW",))
    own = [session("ANNA", 610, 890)]
    lie = found(story(MADE, BOUND, HELD, charged), holds=IN_TIME, sessions=own)
    assert "charged for not coming" in lie


def test_an_end_for_good_that_changes_is_a_lie() -> None:
    cancelled = told(100, "CANCELLED", "CANCELLED_BY_HOLDER")
    assert "became" in found(story(MADE, cancelled, told(110, "FULFILLED", "USED")))


def test_somebody_in_the_way_who_is_not_there_is_a_lie() -> None:
    blocked = told(500, "BOUND", blocked="S1/1")
    gone = told(660, "DISPLACED", "NO_PLACE_LEFT")
    lie = "told to be in the way"
    assert lie in found(story(MADE, BOUND, blocked, gone))
    assert lie in found(story(MADE, BOUND, blocked, gone), sessions=[session("ANNA", 490)])
    assert lie not in found(story(MADE, BOUND, blocked, gone), sessions=[session("BOB", 490)])
