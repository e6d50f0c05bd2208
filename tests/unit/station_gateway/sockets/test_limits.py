"""How often a station may connect, and how many attempts may fail."""

from station_gateway.sockets.limits import Attempts, Reconnects


def attempts(**changed: float) -> Attempts:
    limits = {"limit": 3, "window_s": 60.0, "penalty_s": 10.0, "max_penalty_s": 35.0, "max_keys": 3}
    return Attempts(**{**limits, **changed})  # type: ignore[arg-type]


def test_failures_up_to_the_limit_block_and_each_further_one_blocks_longer() -> None:
    failures = attempts()
    assert [failures.count("s", 0.0) for _ in range(5)] == [0.0, 0.0, 10.0, 20.0, 35.0]
    assert failures.blocked_s("s", 5.0) == 30.0
    assert failures.blocked_s("s", 35.0) == 0.0


def test_failures_of_one_do_not_block_another() -> None:
    failures = attempts(limit=1)
    failures.count("s", 0.0)
    assert failures.blocked_s("t", 0.0) == 0.0


def test_after_a_quiet_window_failures_count_anew() -> None:
    failures = attempts()
    for _ in range(3):
        failures.count("s", 0.0)
    assert failures.count("s", 10.0 + 61.0) == 0.0


def test_only_so_many_keys_are_remembered() -> None:
    failures = attempts(limit=1)
    for key in "abcd":
        failures.count(key, 0.0)
    failures.block("e", 0.0, 10.0)
    assert [failures.blocked_s(key, 0.0) > 0 for key in "abcde"] == [False, False, True, True, True]


def test_a_block_is_never_shortened() -> None:
    failures = attempts()
    failures.block("s", 0.0, 60.0)
    failures.block("s", 0.0, 10.0)
    assert failures.blocked_s("s", 0.0) == 60.0


def test_a_station_may_reconnect_so_often_and_then_at_that_rate() -> None:
    reconnects = Reconnects(per_hour=2, max_keys=2)
    assert [reconnects.blocked_s("s", 0.0) for _ in range(3)] == [0.0, 0.0, 1800.0]
    assert reconnects.blocked_s("s", 1800.0) == 0.0


def test_the_station_that_was_quiet_longest_is_forgotten_first() -> None:
    reconnects = Reconnects(per_hour=1, max_keys=2)
    for station in ("a", "b", "c"):
        assert reconnects.blocked_s(station, 0.0) == 0.0
    assert reconnects.blocked_s("a", 0.0) == 0.0
