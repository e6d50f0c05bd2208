"""The ways from a station to a back end: straight, through a bare forwarder, and through us."""

import asyncio
import contextlib
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from pathlib import Path

from bench.servers import ServerProcess, first_line, our_gateway, stop


@contextlib.asynccontextmanager
async def forwarder(back_end: str) -> AsyncIterator[ServerProcess]:
    """The bare forwarder, in front of the back end with this URL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.relayed.forwarder", back_end),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
    )
    try:
        port = int(await first_line(process))
        yield ServerProcess("forwarder", f"ws://127.0.0.1:{port}", process.pid)
    finally:
        await stop(process)


@contextlib.asynccontextmanager
async def our_relay(
    home: Path, temporal: str, back_end: str, mode: str
) -> AsyncIterator[ServerProcess]:
    """A gateway of ours in this mode, in front of the back end with this URL.

    Stations are let in as the back end lets them in, and no limit is raised.
    """
    directory = Path(tempfile.mkdtemp(dir=home))
    environment = {
        "EVCOMMAND_GATEWAY_UPSTREAM_URL": f"{back_end}/{{station}}",
        "EVCOMMAND_GATEWAY_UPSTREAM_MODE": mode,
    }
    async with our_gateway(directory, temporal, environment) as server:
        yield server
