"""What a station's live messages tell about its clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.evidence.station_clock import (
    AGREEMENT_S,
    SAMPLES,
    Clock,
    StationClock,
    read_clock,
)
from tests.unit.domain.situations import at

HOUR_S = 3600.0
OFFSETS_S = st.floats(-60 * 366 * 86_400, 60 * 366 * 86_400)
DELAYS_S = st.floats(0, AGREEMENT_S / 2)
PAUSES_S = st.floats(3.5, 600)


def told(
    *skews_s: float, every_s: float = 60, begin_s: float = 0, by: Clock | None = None
) -> Clock:
    clock = by or Clock()
    for number, skew_s in enumerate(skews_s):
        clock = clock.heard(skew_s, at(begin_s + number * every_s))
    return clock


def learned(*skews_s: float, zoned: bool = True) -> StationClock:
    clock = StationClock()
    for number, skew_s in enumerate(skews_s):
        clock = clock.heard(skew_s, at(number * 60), zoned=zoned)
    return clock


@pytest.mark.parametrize(
    ("skews_s", "offset_s"),
    [
        pytest.param([-660], None, id="one message proves nothing"),
        pytest.param([-660, -661], -660, id="two that agree"),
        pytest.param([-7_200, -660, -3_600, -661], None, id="old messages do not agree"),
        pytest.param([0, 0, -7_200, -5_400, -1], 0, id="a replay between"),
        pytest.param([0, 0, 3_600], 0, id="one message from the future"),
        pytest.param([0, 0, 3_600, 3_600], 3_600, id="summer time"),
        pytest.param([3_600, 3_600, 0, 0], 3_600, id="perhaps a replay"),
        pytest.param([3_600, 3_600, 0, 0, 0], 0, id="winter time"),
        pytest.param([-1.8e9, -1.8e9], -1.8e9, id="1970"),
        pytest.param([-2.7, -7.9, -11.4], -2.7, id="two late ones after a better one"),
        pytest.param([-2.7, -2.8, -11, -7.5], -2.7, id="late ones after it was known"),
        pytest.param([0, 0, -10, -10, -10, -10], -10, id="set back by a little"),
        pytest.param([-30, -60, -61], -60, id="one message that is far from the rest"),
    ],
)
def test_messages_that_agree_tell_the_offset(skews_s: list[float], offset_s: float | None) -> None:
    assert told(*skews_s).offset_s == offset_s


def test_a_burst_of_old_messages_sets_no_clock_back() -> None:
    known = told(0, 0)
    assert told(-3_600, -3_600, -3_599, every_s=0.1, begin_s=200, by=known).offset_s == 0


@pytest.mark.parametrize(
    ("skews_s", "every_s", "offset_s"),
    [
        pytest.param([-60, -64], 4, None, id="one message, repeated after four seconds"),
        pytest.param([-60, -64, -62], 4, -60, id="and another one that agrees"),
        pytest.param([-60, -60.4], 0.4, -60, id="two of one breath that tell one second"),
    ],
)
def test_a_message_that_is_repeated_does_not_agree_with_itself(
    skews_s: list[float], every_s: float, offset_s: float | None
) -> None:
    assert told(*skews_s, every_s=every_s).offset_s == offset_s


@given(OFFSETS_S, st.lists(st.tuples(DELAYS_S, PAUSES_S), min_size=2, max_size=30))
def test_live_messages_tell_the_offset_within_their_delay(
    offset_s: float, messages: list[tuple[float, float]]
) -> None:
    clock, now_s = Clock(), 0.0
    for delay_s, pause_s in messages:
        now_s += pause_s
        clock = clock.heard(offset_s - delay_s, at(now_s))
    assert clock.offset_s is not None
    assert offset_s - AGREEMENT_S <= clock.offset_s <= offset_s
    assert 0 <= clock.spread_s <= AGREEMENT_S
    assert len(clock.samples) <= SAMPLES


@given(st.lists(st.floats(60, 86_400), max_size=20), OFFSETS_S)
def test_a_replay_in_one_breath_moves_no_known_clock(ages_s: list[float], offset_s: float) -> None:
    known = told(offset_s, offset_s)
    replayed = told(*(offset_s - age for age in ages_s), every_s=0.01, begin_s=100, by=known)
    assert replayed.offset_s == known.offset_s


@given(OFFSETS_S, OFFSETS_S)
def test_a_clock_that_was_set_is_followed(before_s: float, after_s: float) -> None:
    clock = told(after_s, after_s, after_s, begin_s=200, by=told(before_s, before_s))
    assert clock.offset_s is not None
    assert abs(clock.offset_s - after_s) <= AGREEMENT_S


@pytest.mark.parametrize(
    ("clock", "skew_s", "zoned", "expected"),
    [
        pytest.param(learned(), -660, True, 0, id="nothing is known"),
        pytest.param(learned(-660, -660), -660, True, -660, id="eleven minutes late"),
        pytest.param(learned(-660, -660), -4_260, True, -660, id="and an hour old"),
        pytest.param(learned(-660, -660), 0, True, 0, id="it was set right just now"),
        pytest.param(learned(20, 20), 10, True, 0, id="near enough"),
        pytest.param(learned(0, 0), -3_600, True, 0, id="an hour old"),
        pytest.param(learned(), HOUR_S, False, HOUR_S, id="a zone in the east"),
        pytest.param(learned(), -4.5 * HOUR_S - 2, False, -4.5 * HOUR_S, id="and in the west"),
        pytest.param(learned(), 14 * HOUR_S, False, 14 * HOUR_S, id="the farthest"),
        pytest.param(learned(), 15 * HOUR_S, False, 0, id="no zone"),
        pytest.param(learned(), HOUR_S + 400, False, 0, id="between zones"),
        pytest.param(
            learned(HOUR_S, HOUR_S, zoned=False), 0, False, HOUR_S, id="an hour old in a known zone"
        ),
        pytest.param(
            learned(HOUR_S, HOUR_S, zoned=False), 2 * HOUR_S, False, 2 * HOUR_S, id="summer time"
        ),
        pytest.param(
            learned(HOUR_S, HOUR_S, zoned=False), 0, True, 0, id="the other clock is not known"
        ),
    ],
)
def test_a_message_is_corrected_by_what_is_known(
    clock: StationClock, skew_s: float, zoned: bool, expected: float
) -> None:
    assert clock.offset_of(skew_s, zoned=zoned) == expected


@given(st.integers(-48, 56), st.floats(-29, 29))
def test_a_live_local_time_is_read_right_in_every_zone(quarters: int, delay_s: float) -> None:
    skew_s = quarters * 900.0 + delay_s
    assert abs(skew_s - StationClock().offset_of(skew_s, zoned=False)) <= 30


def test_what_is_known_is_stored_and_read() -> None:
    clock = learned(-660, -661)
    assert clock.stored() == {"zoned": {"offset_s": -660, "spread_s": 1}}
    assert read_clock(clock.stored()).stored() == clock.stored()
    assert read_clock({"another": {"offset_s": 1, "spread_s": 1}}) == StationClock()
    assert read_clock(None) == StationClock()
    assert learned(7_200, 7_200, zoned=False).stored() == {
        "bare": {"offset_s": 7_200, "spread_s": 0}
    }


def test_only_a_change_is_worth_storing() -> None:
    assert not learned().differs(learned(-660))
    assert learned().differs(learned(-660, -660))
    assert not learned(-660, -660).differs(learned(-660, -658))
    assert learned(-660, -660).differs(learned(0, 0))


def test_a_clock_that_cannot_be_is_not_heard() -> None:
    assert learned(1e13, 1e13) == StationClock()


def test_each_of_the_two_clocks_is_known_once_messages_told_it() -> None:
    clock = learned(0, 0)
    assert (clock.is_known(zoned=True), clock.is_known(zoned=False)) == (True, False)
    assert not learned(0).is_known(zoned=True)


@pytest.mark.parametrize(
    ("skews_s", "corrected_s", "lead_s"),
    [
        pytest.param([], 0, None, id="nothing was learned"),
        pytest.param([20], 0, None, id="one message proves nothing"),
        pytest.param([0, 0], 0, 0, id="a right clock"),
        pytest.param([20, 20], 0, 20, id="ahead"),
        pytest.param([20, 17], 0, 20, id="ahead, on a slow network"),
        pytest.param([-9, -9], 0, -9, id="behind"),
        pytest.param([660, 660], 660, 0, id="it was corrected"),
    ],
)
def test_what_is_known_of_a_clock_tells_how_far_its_times_are_ahead(
    skews_s: list[float], corrected_s: float, lead_s: float | None
) -> None:
    assert learned(*skews_s).lead_of(corrected_s, zoned=True) == lead_s
    assert learned(*skews_s, zoned=False).lead_of(corrected_s, zoned=False) == lead_s


@pytest.mark.parametrize(
    ("skews_s", "corrected_s", "slack_s"),
    [
        pytest.param([], 0, None, id="nothing was learned"),
        pytest.param([-9], 0, None, id="one message proves nothing"),
        pytest.param([0, 0], 0, 2, id="a right clock"),
        pytest.param([-9, -9], 0, 11, id="behind"),
        pytest.param([20, 20], 0, -18, id="ahead"),
        pytest.param([-660, -660], -660, 2, id="it was corrected"),
        pytest.param([0, -4], 0, 4, id="a slow network"),
    ],
)
def test_what_is_known_of_a_clock_tells_how_exact_its_times_are(
    skews_s: list[float], corrected_s: float, slack_s: float | None
) -> None:
    assert learned(*skews_s).slack_of(corrected_s, zoned=True) == slack_s
    assert learned(*skews_s, zoned=False).slack_of(corrected_s, zoned=False) == slack_s


DAY_S = 86_400.0
BREATH = (-DAY_S, -DAY_S - 0.1)
"""Two messages of one breath, a tenth of a second apart, that tell the same instant."""


@pytest.mark.parametrize(
    ("before", "skew_s", "after_s", "stands"),
    [
        pytest.param((), -DAY_S - 60, 60, False, id="nothing was told"),
        pytest.param(BREATH[:1], -DAY_S - 60, 60, False, id="one message proves nothing"),
        pytest.param(BREATH, -DAY_S - 60, 60, True, id="the same instant, a minute later"),
        pytest.param(BREATH, -DAY_S - 4, 4, False, id="the same instant, soon after"),
        pytest.param(BREATH, -DAY_S, 60, False, id="a minute later by its clock, too"),
        pytest.param(BREATH, -DAY_S - 3_600, 60, False, id="an older instant"),
        pytest.param((0, -0.1), -60, 60, False, id="a right clock is believed"),
    ],
)
@pytest.mark.parametrize("zoned", [True, False])
def test_a_clock_that_told_one_instant_alone_may_stand_still(
    before: tuple[float, ...], skew_s: float, after_s: float, *, stands: bool, zoned: bool
) -> None:
    clock = StationClock()
    for number, told_s in enumerate(before):
        clock = clock.heard(told_s, at(number * 0.1), zoned=zoned)
    assert clock.may_stand(skew_s, at(after_s), zoned=zoned) is stands
    assert not clock.may_stand(skew_s, at(after_s), zoned=not zoned)
    assert read_clock(clock.stored()).may_stand(skew_s, at(after_s), zoned=zoned) is stands


def test_a_clock_that_was_seen_to_run_may_not_stand_still() -> None:
    still = StationClock().heard(BREATH[0], at(0), zoned=True).heard(BREATH[1], at(0.1), zoned=True)
    late = still.heard(-DAY_S - 60, at(60), zoned=True)
    assert late.may_stand(-DAY_S - 90, at(90), zoned=True)
    runs = late.heard(-DAY_S, at(90), zoned=True)
    assert not runs.may_stand(-DAY_S - 120, at(120), zoned=True)
    assert runs.heard(-DAY_S, at(91), zoned=True).stored() == runs.stored()
    assert still.stored()["zoned"].keys() - runs.stored()["zoned"].keys() == {"only_s"}
    assert runs.differs(still)
    assert not late.differs(still)


def test_a_clock_that_was_set_may_stand_still_again() -> None:
    runs = learned(0, 0)
    stands = runs.heard(DAY_S, at(90), zoned=True).heard(DAY_S - 0.1, at(90.1), zoned=True)
    assert stands.offset_of(DAY_S, zoned=True) == DAY_S
    assert stands.may_stand(DAY_S - 60, at(150), zoned=True)


@given(OFFSETS_S, st.lists(PAUSES_S, min_size=2, max_size=30))
def test_a_clock_that_stands_still_is_never_seen_to_run(
    instant_s: float, pauses_s: list[float]
) -> None:
    clock, now_s = StationClock(), 0.0
    for pause_s in pauses_s:
        now_s += pause_s
        clock = clock.heard(instant_s - now_s, at(now_s), zoned=True)
    now_s += 60 + AGREEMENT_S
    known = clock.offset_of(instant_s - now_s, zoned=True) != 0
    assert clock.may_stand(instant_s - now_s, at(now_s), zoned=True) or not known
