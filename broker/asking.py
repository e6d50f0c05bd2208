"""Asks somebody who may be slow, and tells who is slow from who is not there.

A request that gets no answer says nothing: it may be under way, taken, or lost. So while it waits,
somebody looks: at what the request should have made, with a small question of its own. Whoever
answers that is there, and the request is waited for. Only who does not answer it twice is gone.
"""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TypeVar

T = TypeVar("T")

GONE_AGAIN_S = 0.3
"""How soon a second look follows one that found nobody: a process may just restart."""

LONGEST_PAUSE_S = 10.0
"""Between two looks. They become rarer: who is slow has enough to do."""


class Seen(Enum):
    """What a look finds.

    TAKEN: what was asked for is durable there. NOT_YET: they are there, and it is not, as far as
    they say. GONE: nobody answers.
    """

    TAKEN = "TAKEN"
    NOT_YET = "NOT_YET"
    GONE = "GONE"


class NobodyThere(Exception):
    """Two looks found nobody."""


class TooSlow(Exception):
    """They are there, and did not take the request in time."""


async def ask(
    request: Callable[[float], Awaitable[T]],
    look: Callable[[], Awaitable[Seen]],
    *,
    unclear: Callable[[BaseException], bool],
    look_after_s: float,
    patience_s: float,
) -> T | None:
    """The answer to a request, however often it must be made; None: a look found that it is taken.

    request: makes it, within so many seconds. It must be idempotent.
    unclear: whether an error of a request leaves it open that it was taken; others are raised.

    Raises: NobodyThere, TooSlow; both with the last unclear error as their cause.
    """
    clock = asyncio.get_running_loop().time
    until, pause, gone = clock() + patience_s, look_after_s, False
    asking: asyncio.Future[T] | None = None
    why: BaseException | None = None
    try:
        while True:
            asking = asking or _begun(request(max(until - clock(), look_after_s)))
            await asyncio.wait((asking,), timeout=pause)
            if asking.done():
                why = asking.exception()
                if why is None:
                    return asking.result()
                if not unclear(why):
                    raise why
                asking = None
            seen = await look()
            if seen is Seen.TAKEN:
                return None
            if seen is Seen.GONE and gone:
                raise NobodyThere from why
            if clock() >= until:
                raise TooSlow from why
            gone = seen is Seen.GONE
            pause = GONE_AGAIN_S if gone else min(2 * max(pause, look_after_s), LONGEST_PAUSE_S)
            pause = max(min(pause, until - clock()), 0.0)
            if asking is None:
                await asyncio.sleep(min(pause, GONE_AGAIN_S))
    finally:
        if asking is not None:
            asking.cancel()


def _begun(asking: Awaitable[T]) -> "asyncio.Future[T]":
    """The request under way. Its error is looked at, also when nobody waits for it any longer."""
    future = asyncio.ensure_future(asking)
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future
