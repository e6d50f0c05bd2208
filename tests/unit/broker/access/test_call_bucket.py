"""A credential's calls are admitted at its rate; whoever presses on is told to wait longer."""

from hypothesis import given
from hypothesis import strategies as st

from broker.access.call_bucket import FIRST_PAUSE_S, LONGEST_PAUSE_S, CallBucket, CallRate


def pauses(bucket: CallBucket, *moments: float) -> list[float]:
    """What calls at these moments are told: 0.0 means admitted."""
    told = [bucket.take(moment) for moment in moments]
    return [0.0 if one is None else one.seconds for one in told]


def drained(per_s: float = 1.0) -> CallBucket:
    """A bucket of one call, taken at 0.0."""
    bucket = CallBucket(CallRate(per_s, 1.0), 0.0)
    assert pauses(bucket, 0.0) == [0.0]
    return bucket


def test_a_burst_is_admitted_then_the_rate() -> None:
    bucket = CallBucket(CallRate(2.0, 3.0), 10.0)
    told = pauses(bucket, *[10.0] * 4, 10.5, 10.6, 11.0)
    assert [one == 0.0 for one in told] == [True] * 3 + [False, True, False, True]


def test_calls_that_were_on_their_way_do_not_count_as_unheard() -> None:
    assert pauses(drained(), *[0.1] * 50, 0.9) == [FIRST_PAUSE_S] * 51


def test_the_pause_grows_for_who_does_not_wait_and_has_an_end() -> None:
    told = pauses(drained(), *(0.4 * tick for tick in range(1, 60)))
    refused = [pause for pause in told if pause]
    assert refused == sorted(refused)
    assert list(dict.fromkeys(refused)) == [1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_PAUSE_S]


def test_no_pause_is_shorter_than_the_next_call_needs() -> None:
    assert 99.0 < pauses(drained(per_s=0.01), 0.5)[0] < 100.0


def test_whoever_waits_begins_with_the_first_pause_again() -> None:
    bucket = drained()
    assert pauses(bucket, 0.5, 1.2, 1.4, 1.6) == [1.0, 0.0, 1.0, 2.0]
    assert pauses(bucket, 3.6, 3.7) == [0.0, FIRST_PAUSE_S]


def test_waiting_for_as_long_as_was_told_is_enough() -> None:
    bucket = drained()
    now = 0.5
    for _ in range(20):
        told = bucket.take(now)
        assert told is not None
        assert FIRST_PAUSE_S <= told.seconds < FIRST_PAUSE_S + 0.01
        now += told.seconds
        assert bucket.take(now) is None


def test_only_a_first_or_a_longer_pause_is_news() -> None:
    bucket = drained(per_s=0.1)
    told = [bucket.take(moment) for moment in (0.1, 0.2, 0.3, 1.2, 1.3, 2.3)]
    assert [one.is_news for one in told if one] == [True, False, False, True, False, True]


def test_the_longest_pause_is_news_once_in_its_own_length() -> None:
    bucket = drained()
    told = [bucket.take(0.4 * tick) for tick in range(1, 250)]  # for 100 seconds
    news = [one.seconds for one in told if one and one.is_news]
    assert news == [1.0, 2.0, 4.0, 8.0, 16.0, *[LONGEST_PAUSE_S] * 4]


def test_a_clock_that_stands_or_goes_back_admits_nothing_more() -> None:
    assert all(pauses(drained(), 0.0, -5.0, 0.5))


RATES = st.builds(CallRate, st.floats(0.01, 500.0), st.floats(1.0, 100.0))
STEPS = st.lists(st.floats(0.0, 5.0), max_size=200)


@given(RATES, STEPS)
def test_no_window_ever_has_more_than_its_burst_and_its_rate(
    rate: CallRate, steps: list[float]
) -> None:
    bucket, now, admitted = CallBucket(rate, 0.0), 0.0, list[float]()
    for step in steps:
        now += step
        if bucket.take(now) is None:
            admitted.append(now)
    for first, begin in enumerate(admitted):
        for last, end in enumerate(admitted[first:], first):
            assert last - first + 1 <= rate.burst + rate.per_s * (end - begin) + 1e-6


@given(RATES, STEPS)
def test_whoever_waits_as_told_is_admitted_however_it_called_before(
    rate: CallRate, steps: list[float]
) -> None:
    bucket, now = CallBucket(rate, 0.0), 0.0
    for step in steps:
        now += step
        bucket.take(now)
    told = bucket.take(now)
    if told is not None:
        assert told.seconds >= FIRST_PAUSE_S
        assert bucket.take(now + told.seconds) is None


@given(RATES, st.floats(0.05, 0.9))
def test_whoever_never_waits_is_told_the_longest_pause_in_the_end(
    rate: CallRate, spacing: float
) -> None:
    bucket, now, longest = CallBucket(rate, 0.0), 0.0, 0.0
    while now < 15.0:
        told = bucket.take(now)
        while told is None:
            told = bucket.take(now)
        longest = max(longest, told.seconds)
        now += spacing
    assert longest >= LONGEST_PAUSE_S
