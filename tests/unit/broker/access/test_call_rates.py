"""Each credential has its own rate of reads and its own of changes."""

from collections.abc import Callable

import grpc
import pytest
import structlog

from broker.access.call_bucket import CallRate
from broker.access.call_rates import MOST_BUCKETS, CallRates
from broker.access.caller import Caller
from broker.errors import Reason, Refusal
from telemetry import metrics

V1 = "/evcommand.v1."
READ, STOP = f"{V1}RemoteCommandService/GetCommand", f"{V1}RemoteCommandService/StopSession"
DESK, NIGHT = Caller("desk", "south"), Caller("night", "south")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def rates(clock: Callable[[], float], per_s: float = 1.0, burst_s: float = 2.0) -> CallRates:
    return CallRates(per_s, burst_s, clock)


def refusal(checked: CallRates, caller: Caller, method: str) -> Refusal:
    with pytest.raises(Refusal) as refused:
        checked.check(caller, method)
    return refused.value


def test_one_call_too_many_is_refused_and_told_when_to_come_again() -> None:
    checked = rates(Clock())
    for _ in range(2):
        checked.check(DESK, STOP)
    told = refusal(checked, DESK, STOP)
    assert (told.reason, told.code) == (
        Reason.RATE_LIMIT_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    )
    assert told.facts == {"calls": "changes", "rate": "1"}
    assert told.retry_after is not None
    assert told.retry_after.total_seconds() >= 1.0
    assert "desk" in told.message


def test_a_program_that_reads_too_much_can_still_stop_a_session() -> None:
    checked = rates(Clock())
    for _ in range(2):
        checked.check(DESK, READ)
    assert refusal(checked, DESK, READ).facts["calls"] == "reads"
    checked.check(DESK, STOP)


def test_the_others_keep_their_rate_also_those_of_one_name() -> None:
    checked = rates(Clock(), burst_s=1.0)
    checked.check(DESK, STOP)
    refusal(checked, DESK, STOP)
    checked.check(NIGHT, STOP)
    checked.check(Caller("desk", "north"), STOP)


def test_a_key_may_have_a_rate_of_its_own() -> None:
    checked = rates(Clock())
    fast = Caller("fast", call_rate=50.0)
    for _ in range(100):
        checked.check(fast, STOP)
    assert refusal(checked, fast, STOP).facts["rate"] == "50"


@pytest.mark.parametrize(
    ("caller", "per_s"),
    [(Caller("free", call_rate=0.0), 1.0), (DESK, 0.0), (Caller(), 1.0)],
    ids=["a key without a limit", "a broker without a limit", "nobody"],
)
def test_without_a_limit_every_call_is_admitted(caller: Caller, per_s: float) -> None:
    checked = rates(Clock(), per_s)
    for _ in range(1_000):
        checked.check(caller, STOP)
    assert checked.count == 0


def test_a_rate_below_one_call_admits_one_at_once() -> None:
    checked = rates(Clock(), per_s=0.1, burst_s=1.0)
    checked.check(DESK, STOP)
    refusal(checked, DESK, STOP)


def test_refusals_are_counted_each_and_told_in_the_log_once_a_pause() -> None:
    clock = Clock()
    checked = rates(clock)
    counter = metrics.CALLS_OVER_RATE.labels("changes")
    before = counter._value.get()
    for _ in range(2):
        checked.check(DESK, STOP)
    with structlog.testing.capture_logs() as logs:
        for _ in range(100):
            refusal(checked, DESK, STOP)
        clock.now = 0.999
        refusal(checked, DESK, STOP)
    assert counter._value.get() == before + 101
    (line,) = logs
    assert (line["event"], line["caller"], line["calls"]) == ("calls_over_rate", "desk", "changes")


def test_no_more_credentials_are_remembered_than_the_limit() -> None:
    checked = rates(Clock(), burst_s=1.0)
    for number in range(MOST_BUCKETS):
        checked.check(Caller(f"jwt:{number}"), STOP)
    refusal(checked, Caller("jwt:0"), STOP)  # used again: jwt:1 is forgotten before it
    checked.check(DESK, STOP)
    assert checked.count == MOST_BUCKETS
    refusal(checked, Caller("jwt:0"), STOP)
    checked.check(Caller("jwt:1"), STOP)


def test_a_rate_has_a_burst_of_its_own_length() -> None:
    assert CallRate.of(5.0, 4.0) == CallRate(5.0, 20.0)
