"""Many scenarios at once in one running system, each at a station of its own."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import grpc

T = TypeVar("T")
AT_ONCE = 5
CALL_LIMIT_S = 60.0
PAUSE_S = 0.2
_CALLERS = ThreadPoolExecutor(64, thread_name_prefix="client")


def repeated(ask: Callable[[], T]) -> T:
    """The reply. What the broker calls unavailable is asked again, the same, as its message says.

    A machine under load is no other scenario; after a minute the refusal stands.
    """
    deadline = time.monotonic() + CALL_LIMIT_S
    while True:
        try:
            return ask()
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE or time.monotonic() > deadline:
                raise
        time.sleep(PAUSE_S)


def calling(ask: Callable[[], T]) -> "asyncio.Future[T]":
    """A blocking call of a client, beside the others."""
    return asyncio.get_running_loop().run_in_executor(_CALLERS, ask)


async def call(method: Any, request: Any, timeout_s: float = 30) -> Any:
    """Calls the broker in a thread of its own, repeated while it is unavailable."""
    return await calling(lambda: repeated(lambda: method(request, timeout=timeout_s)))


async def received(asked: asyncio.Event, calling: "asyncio.Task[Any]") -> None:
    """Waits until a station was asked. Raises: what the call raised that should have asked it."""
    waiting = asyncio.create_task(asked.wait())
    await asyncio.wait({waiting, calling}, return_when=asyncio.FIRST_COMPLETED)
    if not waiting.done():
        waiting.cancel()
        raise AssertionError(f"the station was not asked: {calling.result()}")


async def run_all(
    cases: Sequence[Callable[[str], Awaitable[None]]], names: str, at_once: int = AT_ONCE
) -> None:
    """Runs all cases, a few at once. Each gets the identity of its own station.

    at_once: more for cases that mostly wait.
    """
    places = asyncio.Semaphore(at_once)

    async def run(number: int, case: Callable[[str], Awaitable[None]]) -> None:
        async with places:
            await case(f"{names}-{number}")

    await asyncio.gather(*(run(number, case) for number, case in enumerate(cases)))
