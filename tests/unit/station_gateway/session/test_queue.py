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
    for priority in (Priority.NORMAL, Priority.BACKGROUND):
        with pytest.raises(QueueFull):
            queue.enter("c", priority)
    with pytest.raises(ValueError, match="already"):
        queue_of("a").enter("a", Priority.NORMAL)


def test_a_full_queue_gives_the_last_place_to_who_has_a_person_in_front_of_the_station() -> None:
    queue = queue_of("a", "b", "c", limit=4)
    queue.enter("question", Priority.BACKGROUND)
    assert queue.enter("stop", Priority.URGENT) == "question"
    assert queue.enter("unlock", Priority.URGENT) == "c"
    assert list(queue.keys()) == ["a", "stop", "unlock", "b"]


def test_the_urgent_ones_have_places_of_their_own() -> None:
    queue = queue_of("a", limit=2)
    for key in ("u1", "u2"):
        assert queue.enter(key, Priority.URGENT) is None
    with pytest.raises(QueueFull):
        queue.enter("u3", Priority.URGENT)
    assert list(queue.keys()) == ["a", "u1", "u2"]


def test_who_steps_aside_lets_only_those_go_that_pass() -> None:
    queue = queue_of("a", "b")
    queue.enter("theirs", Priority.NORMAL, passes=True)
    queue.step_aside("a")
    assert "a" in queue and list(queue.keys()) == ["a", "b", "theirs"]
    assert queue.advance() == "theirs"
    assert not queue.step_back("a")
    queue.leave("theirs")
    assert queue.advance() is None
    assert not queue.step_back("b")
    assert queue.step_back("a")
    assert queue.head == "a"


def test_who_was_overtaken_is_the_next_one() -> None:
    queue = queue_of("a", "b")
    queue.step_aside("a")
    queue.enter("theirs", Priority.OVERDUE, passes=True)
    queue.enter("more of theirs", Priority.OVERDUE, passes=True)
    assert queue.advance() == "theirs"
    queue.line_up("a")
    queue.line_up("a")
    assert list(queue.ahead_of("b")) == ["theirs", "a", "more of theirs"]
    queue.leave("theirs")
    assert queue.advance() == "a"


def test_only_the_one_whose_turn_it_is_steps_aside() -> None:
    queue = queue_of("a", "b")
    with pytest.raises(ValueError, match="turn"):
        queue.step_aside("b")
    queue.leave("b")
    queue.leave("a")
    with pytest.raises(ValueError, match="turn"):
        queue.step_aside("a")


def test_who_stepped_aside_may_leave() -> None:
    queue = queue_of("a", "b")
    queue.step_aside("a")
    assert queue.leave("a")
    assert not queue.leave("a")
    assert queue.advance() == "b"


@given(st.lists(st.tuples(st.sampled_from(Priority), st.booleans()), max_size=60))
def test_a_queue_stays_bounded_and_never_displaces_the_urgent(
    steps: list[tuple[Priority, bool]],
) -> None:
    queue, limit = CallQueue(4), 4
    urgent: set[str] = set()
    for number, (priority, serve) in enumerate(steps):
        try:
            displaced = queue.enter(f"{number}", priority)
        except QueueFull:
            pass
        else:
            assert displaced not in urgent
            assert displaced is None or displaced not in queue
            urgent |= {f"{number}"} if priority is Priority.URGENT else set()
        queue.advance()
        assert len(queue) <= 2 * limit
        if serve and queue.head is not None:
            queue.leave(queue.head)


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
