"""A dead zone holds up nobody else's names, and a name is asked for once in a while."""

import asyncio
import socket
from collections import Counter

import pytest

from broker.callbacks import names
from broker.callbacks.names import Names


class Zones:
    """Names under `.dead` get no answer before `answer` is set, those under `.none` have none."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.answer = asyncio.Event()

    async def lookup(self, host: str) -> list[str]:
        """See `names.Lookup`."""
        self.asked[host] += 1
        if host.endswith(".dead"):
            await self.answer.wait()
        if host.endswith(".none"):
            raise socket.gaierror(socket.EAI_NONAME, "none")
        return ["192.0.2.1", "192.0.2.1", "192.0.2.2"]


async def test_a_live_name_is_found_beside_a_hundred_dead_ones() -> None:
    zones = Zones()
    found = Names(zones.lookup)
    dead = [asyncio.create_task(found.addresses(f"r{n}.dead")) for n in range(100)]
    assert await found.addresses("live.example.com") == ["192.0.2.1", "192.0.2.2"]
    assert not any(task.done() for task in dead)
    await found.close()
    await asyncio.gather(*dead, return_exceptions=True)


async def test_a_name_without_an_answer_cannot_be_resolved_after_its_time() -> None:
    found = Names(Zones().lookup, limit_s=0.01)
    with pytest.raises(socket.gaierror):
        await found.addresses("r.dead")


async def test_posts_to_one_name_ask_once_and_go_on_when_one_of_them_gives_up() -> None:
    zones = Zones()
    found = Names(zones.lookup)
    first, second = (asyncio.create_task(found.addresses("r.dead")) for _ in range(2))
    while not zones.asked:
        await asyncio.sleep(0)
    first.cancel()
    zones.answer.set()
    assert await second == ["192.0.2.1", "192.0.2.2"]
    assert zones.asked["r.dead"] == 1


@pytest.mark.parametrize(
    ("name", "kept_s"), [("a.example.com", names.KEPT_S), ("a.none", names.FAILURE_KEPT_S)]
)
async def test_what_was_found_is_kept_for_a_short_time(
    monkeypatch: pytest.MonkeyPatch, name: str, kept_s: float
) -> None:
    zones = Zones()
    found = Names(zones.lookup)
    now = [0.0]
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now[0])

    async def ask() -> int:
        await asyncio.gather(found.addresses(name), return_exceptions=True)
        return zones.asked[name]

    assert await ask() == 1
    now[0] += kept_s - 0.001
    assert await ask() == 1
    now[0] += 0.002
    assert await ask() == 2


async def test_only_so_many_names_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MOST_KEPT", 2)
    zones = Zones()
    found = Names(zones.lookup)
    for name in ("a", "b", "c", "c", "b", "a"):
        await found.addresses(name)
    assert zones.asked == {"a": 2, "b": 1, "c": 1}


async def test_an_address_is_no_name() -> None:
    zones = Zones()
    assert await Names(zones.lookup).addresses("2001:db8::1") == ["2001:db8::1"]
    assert not zones.asked
