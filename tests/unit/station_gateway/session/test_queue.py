"""The line in front of one station."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model.specs import Kind
from station_gateway.session.queue import Lane, LaneFull, Priority, priority_of


def lane_of(*keys: str, limit: int = 64) -> Lane:
    lane = Lane(limit)
    for key in keys:
        lane.enter(key, Priority.NORMAL, 100.0)
        lane.advance()
    return lane


def test_first_come_is_first_served() -> None:
    lane = lane_of("a", "b", "c")
    assert lane.head == "a"
    assert list(lane.keys()) == ["a", "b", "c"]
    assert lane.leave("a")
    assert lane.advance() == "b"


def test_stop_and_unlock_go_before_everything_but_the_one_in_turn() -> None:
    lane = lane_of("a", "b")
    lane.enter("stop", priority_of(Kind.STOP_SESSION), 100.0)
    lane.enter("unlock", priority_of(Kind.UNLOCK_CONNECTOR), 100.0)
    lane.enter("question", Priority.BACKGROUND, 100.0)
    lane.enter("start", priority_of(Kind.START_SESSION), 100.0)
    assert list(lane.keys()) == ["a", "stop", "unlock", "b", "start", "question"]


def test_position_is_visible() -> None:
    lane = lane_of("a", "b", "c")
    assert list(lane.ahead_of("c")) == ["a", "b"]
    assert list(lane.ahead_of("a")) == []
    lane.leave("a")
    assert list(lane.ahead_of("c")) == ["b"]
    with pytest.raises(KeyError):
        lane.ahead_of("nobody")


def test_turn_is_given_only_when_it_is_free() -> None:
    lane = lane_of("a", "b")
    assert lane.advance() is None
    lane.leave("a")
    assert lane.advance() == "b"
    lane.leave("b")
    assert lane.advance() is None
    assert lane.head is None
    assert list(lane.keys()) == []


def test_who_waits_too_long_leaves_the_line() -> None:
    lane = lane_of("a")
    lane.enter("b", Priority.NORMAL, 5.0)
    lane.enter("c", Priority.NORMAL, 9.0)
    assert lane.next_deadline() == 5.0
    assert list(lane.expire(4.9)) == []
    assert list(lane.expire(5.0)) == ["b"]
    assert list(lane.keys()) == ["a", "c"]
    assert list(lane.expire(1000.0)) == ["c"]  # "a" has its turn
    assert lane.next_deadline() is None


def test_waiting_can_be_cancelled() -> None:
    lane = lane_of("a", "b", "c")
    assert lane.leave("b")
    assert not lane.leave("b")
    assert "b" not in lane and "c" in lane


def test_line_is_bounded_and_keys_are_unique() -> None:
    lane = lane_of("a", "b", limit=2)
    with pytest.raises(LaneFull):
        lane.enter("c", Priority.URGENT, 100.0)
    with pytest.raises(ValueError, match="already"):
        lane_of("a").enter("a", Priority.NORMAL, 100.0)


@given(st.lists(st.tuples(st.sampled_from(Priority), st.booleans()), max_size=40))
def test_nobody_is_lost_or_overtaken_by_an_equal(steps: list[tuple[Priority, bool]]) -> None:
    lane, served, entered = Lane(), [], []
    for number, (priority, serve) in enumerate(steps):
        lane.enter(f"{number}", priority, 1.0)
        entered.append((f"{number}", priority))
        lane.advance()
        if serve and lane.head is not None:
            served.append(lane.head)
            lane.leave(lane.head)
    assert len(served) + len(lane) == len(entered)
    for priority in Priority:
        equals = [key for key, own in entered if own is priority and key in served]
        assert [key for key in served if key in equals] == equals
