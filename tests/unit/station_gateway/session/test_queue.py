"""The queue in front of one station."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model.specs import Kind
from station_gateway.session.queue import CallQueue, Priority, QueueFull, priority_of


def queue_of(*keys: str, limit: int = 64) -> CallQueue:
    queue = CallQueue(limit)
    for key in keys:
        queue.enter(key, Priority.NORMAL)
        queue.advance()
    return queue


def test_first_come_is_first_served() -> None:
    queue = queue_of("a", "b", "c")
    assert queue.head == "a"
    assert list(queue.keys()) == ["a", "b", "c"]
    assert queue.leave("a")
    assert queue.advance() == "b"


def test_stop_and_unlock_go_before_everything_but_the_one_in_turn() -> None:
    queue = queue_of("a", "b")
    queue.enter("stop", priority_of(Kind.STOP_SESSION))
    queue.enter("unlock", priority_of(Kind.UNLOCK_CONNECTOR))
    queue.enter("question", Priority.BACKGROUND)
    queue.enter("start", priority_of(Kind.START_SESSION))
    assert list(queue.keys()) == ["a", "stop", "unlock", "b", "start", "question"]


def test_position_is_visible() -> None:
    queue = queue_of("a", "b", "c")
    assert list(queue.ahead_of("c")) == ["a", "b"]
    assert list(queue.ahead_of("a")) == []
    queue.leave("a")
    assert list(queue.ahead_of("c")) == ["b"]
    with pytest.raises(KeyError):
        queue.ahead_of("nobody")


def test_turn_is_given_only_when_it_is_free() -> None:
    queue = queue_of("a", "b")
    assert queue.advance() is None
    queue.leave("a")
    assert queue.advance() == "b"
    queue.leave("b")
    assert queue.advance() is None
    assert queue.head is None
    assert list(queue.keys()) == []


def test_waiting_can_be_cancelled() -> None:
    queue = queue_of("a", "b", "c")
    assert queue.leave("b")
    assert not queue.leave("b")
    assert "b" not in queue and "c" in queue


def test_queue_is_bounded_and_keys_are_unique() -> None:
    queue = queue_of("a", "b", limit=2)
    with pytest.raises(QueueFull):
        queue.enter("c", Priority.URGENT)
    with pytest.raises(ValueError, match="already"):
        queue_of("a").enter("a", Priority.NORMAL)


@given(st.lists(st.tuples(st.sampled_from(Priority), st.booleans()), max_size=40))
def test_nobody_is_lost_or_overtaken_by_an_equal(steps: list[tuple[Priority, bool]]) -> None:
    queue, served, entered = CallQueue(), [], []
    for number, (priority, serve) in enumerate(steps):
        queue.enter(f"{number}", priority)
        entered.append((f"{number}", priority))
        queue.advance()
        if serve and queue.head is not None:
            served.append(queue.head)
            queue.leave(queue.head)
    assert len(served) + len(queue) == len(entered)
    for priority in Priority:
        equals = [key for key, own in entered if own is priority and key in served]
        assert [key for key in served if key in equals] == equals
