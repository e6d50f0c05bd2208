"""The servers under measurement, each in a process of its own."""

import asyncio
import contextlib
import os
import re
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from entrypoints.temporal.binary import find_temporal
from entrypoints.temporal.dev_server import DevServer, DevServerOptions

_READY_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class ServerProcess:
    """A running server process.

    url: stations append their id. database: its SQLite file; None: it has no database.
    """

    name: str
    url: str
    pid: int
    database: Path | None = None

    def rss_kib(self) -> int:
        """The resident memory of the process."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
        if found is None:
            raise RuntimeError("the server is gone")
        return int(found[1])

    def cpu_s(self) -> float:
        """The CPU time of the process so far, of all threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def booted(self, prefix: str) -> int | None:
        """The number of booted stations with this prefix in the database; None: no database."""
        if self.database is None:
            return None
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            row = connection.execute(
                "SELECT count(*) FROM stations WHERE boot_state = 'ACCEPTED' AND id LIKE ?",
                (f"{prefix}%",),
            ).fetchone()
        return int(row[0])


@contextlib.asynccontextmanager
async def stock_pair() -> AsyncIterator[ServerProcess]:
    """The stock pair: `websockets` and `ocpp` with their defaults."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.stock_pair", stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    )
    try:
        port = int(await first_line(process))
        yield ServerProcess("stock", f"ws://127.0.0.1:{port}", process.pid)
    finally:
        await stop(process)


@contextlib.asynccontextmanager
async def dev_temporal(directory: Path) -> AsyncIterator[str]:
    """Runs Temporal's dev server; yields its address."""
    binary = find_temporal(lambda _: None)
    if binary is None:
        raise SystemExit("No temporal binary: run `make demo` once, it builds one.")
    options = DevServerOptions(log_file=directory / "temporal.log", ui=False)
    server = DevServer(str(binary), options)
    await server.start()
    try:
        yield server.where.address
    finally:
        await server.stop()


@contextlib.asynccontextmanager
async def our_gateway(
    directory: Path, temporal: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[ServerProcess]:
    """Runs `evcommand gateway --open` on a SQLite file, with default settings but these."""
    database = directory / "fleet.sqlite"
    with (directory / "gateway.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).with_name("evcommand")), "gateway", "--open"),
            *("--ocpp-listen", "127.0.0.1:0", "--temporal-address", temporal),
            *("--database-url", f"sqlite:///{database}"),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=log,
            env={**os.environ, **(environment or {})},
        )
    try:
        address = (await first_line(process)).rpartition("ocpp ")[2].strip()
        yield ServerProcess("ours", f"ws://{address}/ocpp", process.pid, database)
    finally:
        await stop(process)


async def first_line(process: Process, *, timeout_s: float = _READY_TIMEOUT_S) -> str:
    """The next line that the process prints.

    Raises: RuntimeError when it ends before; TimeoutError.
    """
    assert process.stdout is not None
    async with asyncio.timeout(timeout_s):
        line = await process.stdout.readline()
    if not line:
        raise RuntimeError("the server ended before it was ready")
    return line.decode()


async def stop(process: Process) -> None:
    """Terminates the process; kills it when that takes too long."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
