"""How often a station may connect, and how many attempts may fail."""

import pytest
from structlog.testing import capture_logs

from station_gateway.sockets.limits import Attempts, Reconnects, network_of
from station_gateway.sockets.refusals import LINES_AT_ONCE_PER_ADDRESS, Refusals


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


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_addresses_that_one_subscriber_has_are_one_for_limits(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_stranger_with_many_ipv6_addresses_causes_no_more_lines_than_one_with_one() -> None:
    refusals = Refusals(lambda: 0.0, max_addresses=1_000)
    with capture_logs() as lines:
        for number in range(LINES_AT_ONCE_PER_ADDRESS * 2):
            refusals.report("tls", station="", path="", address=f"2001:db8::{number:x}")
        assert len(lines) == LINES_AT_ONCE_PER_ADDRESS
        refusals.report("tls", station="", path="", address="2001:db8:0:1::1")
    assert lines[-1]["address"] == "2001:db8:0:1::1"
