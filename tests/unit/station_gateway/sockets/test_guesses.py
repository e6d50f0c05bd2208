"""What guesses of passwords cost, and whom; and who waits for a slow hash."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.keys import Fit
from station_gateway.settings import GatewaySettings
from station_gateway.sockets.limits import Failures
from station_gateway.sockets.slow_checks import AT_ONCE, CrowdedOut, FairQueue, SlowChecks

GUESSED = 5
"""Wrong passwords for one station before it is blocked."""


def failures(*, of_station: int = 0, of_address: int = 0) -> Failures:
    made = Failures(GatewaySettings(station_failures=GUESSED, address_failures=20))
    for _ in range(of_station):
        made.count("S1", "elsewhere", 0.0)
    for number in range(of_address):
        made.count(f"other-{number}", "here", 0.0)
    return made


@pytest.mark.parametrize(
    ("fit", "of_station", "of_address", "reason"),
    [
        (Fit.RIGHT, GUESSED, 20, ""),
        (Fit.WRONG, 0, 0, ""),
        (Fit.WRONG, GUESSED, 0, "too_many_failures"),
        (Fit.WRONG, 0, 20, "too_many_failures_of_address"),
        (Fit.WRONG, GUESSED - 1, 19, ""),
        (Fit.UNPROVEN, 0, 20, ""),
        (Fit.UNPROVEN, GUESSED, 0, "too_many_failures"),
    ],
)
def test_a_right_password_is_never_refused_for_the_failures_of_others(
    fit: Fit, of_station: int, of_address: int, reason: str
) -> None:
    made = failures(of_station=of_station, of_address=of_address)
    told, wait_s = made.blocked(fit, "S1", "here", 0.0)
    assert (told, wait_s > 0) == (reason, bool(reason))


def filled(limit: int, *places: str) -> tuple[FairQueue[str], list[str | None]]:
    """A queue, and what had no place. A place is an address and a station: "a1"."""
    queue: FairQueue[str] = FairQueue(limit)
    return queue, [queue.put(place[0], place[1:], place) for place in places]


def taken(queue: FairQueue[str]) -> list[str]:
    return list(iter(queue.take, None))


@pytest.mark.parametrize(
    ("places", "without_place", "order"),
    [
        ("a1 a2 a3 b1", [], "a1 b1 a2 a3"),
        ("a1 a1", ["a1"], "a1"),
        ("a1 b1", [], "a1 b1"),
        ("a1 a2 a3 a4 a5", ["a5"], "a1 a2 a3 a4"),
        ("a1 a2 a3 a4 b1", ["a4"], "a1 b1 a2 a3"),
        ("a1 a2 a3 a4 b1 b2", ["a4", "a3"], "a1 b1 a2 b2"),
        ("a1 a2 a3 a4 b1 b2 b3", ["a4", "a3", "b3"], "a1 b1 a2 b2"),
        ("a1 b1 c1 d1 e1", ["e1"], "a1 b1 c1 d1"),
    ],
)
def test_addresses_take_turns_and_the_one_with_the_most_gives_way(
    places: str, without_place: list[str], order: str
) -> None:
    queue, had_none = filled(4, *places.split())
    assert [each for each in had_none if each] == without_place
    assert taken(queue) == order.split()
    assert len(queue) == 0


def test_one_that_went_away_is_forgotten_and_only_that_one() -> None:
    queue, _ = filled(4, "a1", "a2", "b1")
    queue.remove("b", "1", "b1")
    queue.remove("a", "1", "another")
    queue.remove("c", "1", "c1")
    assert taken(queue) == ["a1", "a2"]


def test_a_queue_without_places_takes_nobody() -> None:
    assert filled(0, "a1")[1] == ["a1"]


PLACES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=40)


@given(st.integers(1, 6), PLACES)
def test_nobody_is_lost_and_no_address_starves(limit: int, places: list[tuple[str, int]]) -> None:
    queue: FairQueue[int] = FairQueue(limit)
    items = list(enumerate(places))
    gone = {queue.put(address, str(station), item) for item, (address, station) in items}
    assert len(queue) <= limit
    left = list(iter(queue.take, None))
    assert sorted([*left, *(gone - {None})]) == list(range(len(items)))  # type: ignore[type-var]
    if limit >= 3:
        asked = {address for address, _ in places}
        assert {places[item][0] for item in left} == asked


def test_wrong_passwords_from_all_addresses_of_one_ipv6_network_count_together() -> None:
    made = failures()
    for number in range(20):
        made.count(f"other-{number}", f"2001:db8::{number:x}", 0.0)
    reason, _ = made.blocked(Fit.WRONG, "S9", "2001:db8::ffff", 0.0)
    assert reason == "too_many_failures_of_address"
    assert made.blocked(Fit.WRONG, "S9", "2001:db8:0:1::1", 0.0) == ("", 0.0)


async def test_one_with_many_ipv6_addresses_crowds_nobody_out_of_the_slow_hashes() -> None:
    checks, goes_on = SlowChecks(4), asyncio.Event()

    async def check() -> None:
        await goes_on.wait()

    def asks(station: str, address: str) -> asyncio.Task[None]:
        return asyncio.create_task(checks.run(station, address, check))

    hostile = [asks(f"other-{n}", f"2001:db8::{n:x}") for n in range(AT_ONCE + 4)]
    await asyncio.sleep(0)
    honest = asks("S1", "2001:db8:0:1::1")
    await asyncio.sleep(0)
    goes_on.set()
    ends = await asyncio.gather(*hostile, return_exceptions=True)
    assert [type(end) for end in ends if end is not None] == [CrowdedOut]
    await honest


async def test_slow_hashes_run_few_at_once_and_each_ends_with_its_turn() -> None:
    checks, running, most = SlowChecks(10), 0, 0

    async def check() -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return 7

    told = await asyncio.gather(*(checks.run(str(n), "here", check) for n in range(8)))
    assert (told, most) == ([7] * 8, AT_ONCE)


async def test_who_is_crowded_out_is_told_at_once_and_who_goes_away_gives_its_turn() -> None:
    checks, go_on = SlowChecks(2), asyncio.Event()

    async def check() -> bool:
        return await go_on.wait()

    def start(station: str, address: str) -> asyncio.Task[bool]:
        return asyncio.create_task(checks.run(station, address, check))

    running = [start(str(n), "here") for n in range(AT_ONCE)]
    first, second = start("A", "here"), start("B", "here")
    await asyncio.sleep(0)
    with pytest.raises(CrowdedOut):
        await checks.run("C", "here", check)
    elsewhere = start("D", "there")
    with pytest.raises(CrowdedOut):
        await second
    first.cancel()
    go_on.set()
    assert await asyncio.gather(*running, elsewhere) == [True] * (AT_ONCE + 1)
    assert first.cancelled()
    assert await checks.run("E", "here", check)


async def test_a_check_that_fails_gives_its_turn() -> None:
    checks = SlowChecks(10)

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError

    told = await asyncio.gather(
        *(checks.run(str(n), "here", fail) for n in range(6)), return_exceptions=True
    )
    assert all(isinstance(each, ValueError) for each in told)
