"""A station that sends too fast is slowed down first, and then disconnected with 1008."""

from hypothesis import given
from hypothesis import strategies as st

from station_gateway.session.events import Closing
from station_gateway.session.flood import CROSSING, FloodGate, FloodLimits

LIMITS = FloodLimits(rate_per_s=20, burst=60, patience_s=30)


def paused_s(answer: float | Closing) -> float:
    assert isinstance(answer, float)
    return answer


def test_burst_flows_freely() -> None:
    gate = FloodGate(LIMITS, 0.0)
    assert [gate.admit(0.0) for _ in range(60)] == [0.0] * 60
    assert paused_s(gate.admit(0.0)) == 1 / 20


def test_station_within_its_rate_is_never_touched() -> None:
    gate = FloodGate(LIMITS, 0.0)
    assert all(gate.admit(second / 20) == 0.0 for second in range(10_000))


def flood_until_closed(messages: int) -> tuple[int, float]:
    """How many messages get in, and when it is over, if the shell keeps to the pauses."""
    gate, now = FloodGate(LIMITS, 0.0), 0.0
    for number in range(messages):
        answer = gate.admit(now)
        if isinstance(answer, Closing):
            assert answer.code == 1008
            return number, now
        now += answer
    raise AssertionError("never closed")


def test_flood_is_slowed_down_to_the_rate_and_then_closed() -> None:
    messages, ended_s = flood_until_closed(100_000)
    assert 30.0 <= ended_s <= 31.0
    assert messages <= 60 + 20 * 31 + 1


def test_replay_that_ends_in_time_is_only_slowed_down() -> None:
    gate, now = FloodGate(LIMITS, 0.0), 0.0
    for _ in range(500):
        now += paused_s(gate.admit(now))
    quiet = now + 10
    assert gate.admit(quiet) == 0.0
    assert [gate.admit(quiet) for _ in range(59)] == [0.0] * 59


def test_a_station_that_waits_for_each_answer_is_slowed_down_and_never_cut() -> None:
    gate, now = FloodGate(LIMITS, 0.0), 0.0
    for _ in range(5_000):
        pause_s = paused_s(gate.admit(now, more=False))
        now += pause_s / 2
    assert pause_s == 1 / LIMITS.rate_per_s


def test_a_station_that_also_answers_what_it_is_asked_is_never_cut() -> None:
    """While it was not read, an answer of its came behind its own message."""
    gate, now = FloodGate(LIMITS, 0.0), 0.0
    for number in range(5_000):
        pause_s = paused_s(gate.admit(now, more=number % CROSSING != 0))
        now += pause_s / 2


def test_pressure_is_forgotten_after_a_rest() -> None:
    gate = FloodGate(LIMITS, 0.0)
    for start in (0.0, 1000.0, 2000.0):
        for _ in range(80):
            paused_s(gate.admit(start))


@given(st.lists(st.floats(-5, 5), max_size=200))
def test_clock_that_stands_or_steps_back_is_harmless(steps: list[float]) -> None:
    gate, now = FloodGate(LIMITS, 0.0), 0.0
    for step in steps:
        now += step
        answer = gate.admit(now)
        assert isinstance(answer, Closing) or answer >= 0.0
