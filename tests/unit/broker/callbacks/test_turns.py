"""Nobody's dead receivers take the places of others, and every place is given back."""

from contextlib import ExitStack
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.callbacks.turns import FIRST_PAUSE, LONGEST_PAUSE, PostPlaces, pause_before_turn
from broker.places import Share, ShareTaken


class Posts:
    """Posts that go out and do not end."""

    def __init__(self, most: int) -> None:
        self.places = PostPlaces(most)
        self._open = ExitStack()

    def begin(self, tenant: str, host: str) -> bool:
        """Whether one more post may go out."""
        one = ExitStack()
        try:
            one.enter_context(self.places.of_tenant(tenant))
            one.enter_context(self.places.of_host(tenant, host))
        except ShareTaken:
            one.close()
            return False
        self._open.enter_context(one)
        return True

    def end_all(self) -> None:
        """All of them end."""
        self._open.close()


def test_one_tenant_with_a_hundred_dead_receivers_leaves_half_of_the_places() -> None:
    posts = Posts(100)
    dead = [posts.begin("south", f"dead-{n}.example.com") for n in range(100)]
    assert sum(dead) == 50
    assert all(posts.begin("north", f"good-{n}.example.com") for n in range(25))


def test_two_tenants_with_dead_receivers_leave_a_third() -> None:
    posts = Posts(90)
    for n in range(90):
        posts.begin("south", f"dead-{n}.example.com")
        posts.begin("west", f"dead-{n}.example.org")
    assert posts.places.free == 30
    assert posts.begin("north", "good.example.com")


def test_one_dead_host_leaves_places_to_the_other_receivers_of_its_tenant() -> None:
    posts = Posts(100)
    assert sum(posts.begin("south", "dead.example.com") for _ in range(100)) == 34
    assert posts.begin("south", "good.example.com")


def test_a_dead_host_that_all_tenants_post_to_leaves_places_to_other_hosts() -> None:
    posts = Posts(100)
    for n in range(200):
        posts.begin(f"tenant-{n}", "dead.example.com")
    assert posts.places.free == 50
    assert posts.begin("north", "good.example.com")


def test_what_is_refused_says_of_whom_the_share_is() -> None:
    places = PostPlaces(2)
    with places.of_tenant("south"), places.of_host("south", "a.example.com"):
        with pytest.raises(ShareTaken) as taken, places.of_tenant("south"):
            pass
        assert (taken.value.share, taken.value.most) == (Share.TENANT, 1)
        with (
            places.of_tenant("north"),
            pytest.raises(ShareTaken) as taken,
            places.of_host("north", "a.example.com"),
        ):
            pass
        assert taken.value.share is Share.HOST
    assert places.free == 2


@given(
    st.integers(1, 40),
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz")), max_size=80),
)
def test_nobody_takes_the_last_places_and_all_are_given_back(
    most: int, wanted: list[tuple[str, str]]
) -> None:
    posts = Posts(most)
    taken = {tenant: 0 for tenant, _ in wanted}
    for tenant, host in wanted:
        before = posts.places.free
        if posts.begin(tenant, host):
            taken[tenant] += 1
            assert taken[tenant] <= before  # what was free was at least what it has now
        assert sum(taken.values()) == most - posts.places.free <= most
    if taken and max(taken.values()) == sum(taken.values()) > 0 and most > 1:
        assert posts.places.free > 0  # a tenant that is alone leaves some
    posts.end_all()
    assert posts.places.free == most


def test_a_post_that_waits_for_its_turn_waits_longer_each_time() -> None:
    shortest = [pause_before_turn(times, 0.0) for times in range(1, 9)]
    assert shortest[0] == FIRST_PAUSE / 2
    assert shortest == sorted(shortest)
    assert pause_before_turn(1, 1.0) == FIRST_PAUSE
    assert pause_before_turn(10_000, 1.0) == LONGEST_PAUSE == timedelta(seconds=30)
