"""How often something may happen."""

from domain.token_bucket import TokenBucket


def test_a_bucket_gives_its_burst_at_once_and_then_its_rate() -> None:
    bucket = TokenBucket(rate=2.0, burst=3, now_s=0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(1.0) == 0.0


def test_a_bucket_gives_several_tokens_at_once_and_tells_how_long_to_wait() -> None:
    bucket = TokenBucket(rate=10.0, burst=30, now_s=0.0)
    assert bucket.take(0.0, 30.0) == 0.0
    assert bucket.take(0.0, 20.0) == 2.0


def test_trying_a_bucket_in_vain_costs_nothing() -> None:
    bucket = TokenBucket(rate=1.0, burst=1, now_s=0.0)
    assert bucket.try_take(0.0) == 0.0
    assert [bucket.try_take(0.0) for _ in range(5)] == [1.0] * 5
    assert bucket.try_take(1.0) == 0.0


def test_a_wait_beyond_the_longest_one_is_none_and_costs_nothing() -> None:
    bucket = TokenBucket(rate=1.0, burst=1, now_s=0.0)
    assert [bucket.take_within(0.0, 2.0) for _ in range(5)] == [0.0, 1.0, 2.0, None, None]
    assert bucket.take_within(1.0, 2.0, tokens=2.0) is None
    assert bucket.take_within(1.0, 2.0) == 2.0
