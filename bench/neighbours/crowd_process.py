"""A crowd in a process of its own and of the lowest priority: stations are other machines, and what
they cost is not ours.

As a program it takes a URL, the certificate to trust ("" without TLS), a count, and how many to
connect at a time. Each line `join` connects and boots them all and prints the seconds that it took;
each line `leave` drops them all.
"""

import asyncio
import contextlib
import gc
import os
import ssl
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import uvloop

from bench.crowd import Crowd
from bench.servers import first_line, stop

LOWEST_PRIORITY = 19
_JOIN_TIMEOUT_S = 300.0


class CrowdProcess:
    """The crowd of another process."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def join(self) -> float:
        """Connects and boots all. Returns how many seconds it took."""
        return float(await self._do("join"))

    async def leave(self) -> None:
        """Drops every connection without the closing handshake."""
        await self._do("leave")

    async def _do(self, what: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n".encode())
        return await first_line(self._process, timeout_s=_JOIN_TIMEOUT_S)


@contextlib.asynccontextmanager
async def crowd_process(
    url: str, count: int, *, at_once: int, certificate: Path | None = None
) -> AsyncIterator[CrowdProcess]:
    """Runs a crowd of which nobody is connected yet.

    certificate: with which it trusts a `wss://` server.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.neighbours.crowd_process"),
        *(url, str(certificate or ""), str(count), str(at_once)),
        stdin=PIPE,
        stdout=PIPE,
    )
    try:
        yield CrowdProcess(process)
    finally:
        await stop(process)


async def _main() -> None:
    url, certificate, count, at_once = sys.argv[1:]
    tls = None
    if certificate:
        tls = ssl.create_default_context(cafile=certificate)
        tls.check_hostname = False
    os.nice(LOWEST_PRIORITY)
    gc.disable()
    crowd = Crowd(url, "CP", compression=None, tls=tls)
    while line := await asyncio.to_thread(sys.stdin.readline):
        began = time.perf_counter()
        if line.strip() == "join":
            await crowd.join(int(count), at_once=int(at_once))
        else:
            crowd.close()
        print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    uvloop.run(_main())
