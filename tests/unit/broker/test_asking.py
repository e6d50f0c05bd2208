"""Who is slow is waited for, and who is not there is told soon."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from broker.asking import NobodyThere, Seen, TooSlow, ask

LOOK_S = 0.01
Request = Callable[[float], Awaitable[str]]


class Unclear(Exception):
    """The request may have been taken."""


class Wrong(Exception):
    """The request is wrong."""


def looks(*seen: Seen) -> Callable[[], Awaitable[Seen]]:
    """Finds these, one after another, and the last of them for ever."""
    left = list(seen)

    async def look() -> Seen:
        return left.pop(0) if len(left) > 1 else left[0]

    return look


def is_unclear(error: BaseException) -> bool:
    return isinstance(error, Unclear)


async def asked(request: Request, *seen: Seen, patience_s: float = 5.0) -> str | None:
    async with asyncio.timeout(5):
        return await ask(
            request,
            looks(*seen),
            unclear=is_unclear,
            look_after_s=LOOK_S,
            patience_s=patience_s,
        )


def answering(*ends: str | Exception | None) -> tuple[Request, list[float]]:
    """A request that ends so, one after another; None: it is under way for ever."""
    made: list[float] = []

    async def request(limit_s: float) -> str:
        made.append(limit_s)
        end = ends[min(len(made), len(ends)) - 1]
        if end is None:
            await asyncio.Event().wait()
        if isinstance(end, Exception):
            raise end
        return str(end)

    return request, made


async def test_an_answer_is_passed_on() -> None:
    request, made = answering("yes")
    assert await asked(request, Seen.GONE) == "yes"
    assert len(made) == 1


async def test_who_is_slow_is_waited_for() -> None:
    taken = asyncio.Event()

    async def request(_: float) -> str:
        await taken.wait()
        return "yes"

    async def look() -> Seen:
        taken.set()
        return Seen.NOT_YET

    found = await ask(request, look, unclear=is_unclear, look_after_s=LOOK_S, patience_s=5)
    assert found == "yes"


async def test_what_is_found_to_be_taken_needs_no_answer() -> None:
    request, _ = answering(None)
    assert await asked(request, Seen.NOT_YET, Seen.TAKEN) is None


async def test_an_unclear_error_is_followed_by_the_same_request() -> None:
    request, made = answering(Unclear(), Unclear(), "yes")
    assert await asked(request, Seen.NOT_YET) == "yes"
    assert len(made) == 3


async def test_who_is_not_seen_once_is_looked_for_again() -> None:
    request, _ = answering(Unclear(), Unclear(), "yes")
    assert await asked(request, Seen.GONE, Seen.NOT_YET) == "yes"


async def test_who_is_not_seen_twice_is_gone() -> None:
    request, _ = answering(Unclear("refused"))
    with pytest.raises(NobodyThere) as raised:
        await asked(request, Seen.GONE)
    assert isinstance(raised.value.__cause__, Unclear)


@pytest.mark.parametrize("end", [None, Unclear()])
async def test_patience_ends(end: Exception | None) -> None:
    request, made = answering(end)
    with pytest.raises(TooSlow):
        await asked(request, Seen.NOT_YET, patience_s=0.05)
    assert all(limit_s <= 0.05 for limit_s in made)


async def test_a_wrong_request_is_not_repeated() -> None:
    request, made = answering(Wrong())
    with pytest.raises(Wrong):
        await asked(request, Seen.NOT_YET)
    assert len(made) == 1


async def test_a_caller_who_goes_leaves_no_request_behind() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def request(_: float) -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    caller = asyncio.create_task(asked(request, Seen.NOT_YET))
    await begun.wait()
    caller.cancel()
    async with asyncio.timeout(5):
        await ended.wait()
        with pytest.raises(asyncio.CancelledError):
            await caller
