"""The pace of one workflow's signals: the first at once, a burst with pauses."""

import pytest

from journal.signal_pace import BURST_ENDS_S, LONGEST_PAUSE, SignalPace


def sent(pace: SignalPace, workflow_id: str, at_s: float) -> None:
    pace.begin(workflow_id, at_s)
    pace.end(workflow_id)


def test_the_first_signal_goes_at_once() -> None:
    assert SignalPace().wait_s("a", 7.0) == 0.0


def test_the_second_signal_waits_a_moment_and_others_do_not() -> None:
    pace = SignalPace()
    sent(pace, "a", 0.0)
    assert pace.wait_s("a", 0.02) == 0.08
    assert pace.wait_s("b", 0.02) == 0.0


def test_the_pauses_of_a_burst_grow_to_a_limit() -> None:
    pace, now_s, pauses = SignalPace(), 0.0, []
    for _ in range(6):
        sent(pace, "a", now_s)
        wait_s = pace.wait_s("a", now_s)
        assert wait_s is not None
        pauses.append(round(wait_s, 3))
        now_s += wait_s
    assert pauses == [0.1, 0.2, 0.4, 0.4, 0.4, LONGEST_PAUSE.total_seconds()]


def test_after_a_silence_the_next_signal_begins_a_new_burst() -> None:
    pace = SignalPace()
    for at_s in (0.0, 0.1, 0.3):
        sent(pace, "a", at_s)
    after_s = 0.31 + BURST_ENDS_S
    assert pace.wait_s("a", after_s) == 0.0
    sent(pace, "a", after_s)
    assert pace.wait_s("a", after_s) == pytest.approx(0.1)


def test_what_comes_while_a_signal_is_under_way_is_told_at_its_end() -> None:
    pace = SignalPace()
    pace.begin("a", 0.0)
    assert pace.wait_s("a", 0.01) is None
    assert pace.end("a")
    pace.begin("a", 1.0)
    assert not pace.end("a")
