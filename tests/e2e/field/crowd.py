"""Many scenarios at once in one running system, each at a station of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

AT_ONCE = 5
TRIES = 5
_CALLERS = ThreadPoolExecutor(64)


async def call(method: Any, request: Any, timeout_s: float = 30) -> Any:
    """Calls the broker in a thread of its own. What it calls unavailable is repeated as it is."""

    def repeated() -> Any:
        for left in reversed(range(TRIES)):
            try:
                return method(request, timeout=timeout_s)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE or not left:
                    raise
        raise AssertionError

    return await asyncio.get_running_loop().run_in_executor(_CALLERS, repeated)


async def received(asked: asyncio.Event, calling: "asyncio.Task[Any]") -> None:
    """Waits until a station was asked. Raises: what the call raised that should have asked it."""
    waiting = asyncio.create_task(asked.wait())
    await asyncio.wait({waiting, calling}, return_when=asyncio.FIRST_COMPLETED)
    if not waiting.done():
        waiting.cancel()
        raise AssertionError(f"the station was not asked: {calling.result()}")


async def run_all(cases: Sequence[Callable[[str], Awaitable[None]]], names: str) -> None:
    """Runs all cases, a few at once. Each gets the identity of its own station."""
    places = asyncio.Semaphore(AT_ONCE)

    async def run(number: int, case: Callable[[str], Awaitable[None]]) -> None:
        async with places:
            await case(f"{names}-{number}")

    await asyncio.gather(*(run(number, case) for number, case in enumerate(cases)))
