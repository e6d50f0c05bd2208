"""The real processes of a fleet, on fixed ports, that tests kill and start again."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from entrypoints.temporal.binary import find_temporal
from entrypoints.temporal.dev_server import DevServer, DevServerOptions
from tests.support.databases import new_sqlite
from tests.support.ports import steady_port
from tests.support.preloaded import Child, Parent, preloaded

EVCOMMAND = Path(sys.executable).with_name("evcommand")
READY_S = 60.0
STOP_S = 30.0

QUICK = {
    "EVCOMMAND_TIMING_ANSWER_TIMEOUT_S": "10",
    "EVCOMMAND_TIMING_CONNECTION_TIMEOUT_S": "20",
    "EVCOMMAND_TIMING_EFFECT_MARGIN_S": "2",
    "EVCOMMAND_LOG_LEVEL": "INFO",
    "EVCOMMAND_LOG_FORMAT": "json",
}


class ProcessFailed(AssertionError):
    """A process did not start or ended by itself; the message has the end of its log."""


class Process:
    """One evcommand process. `kill` is what the kernel's out-of-memory killer does.

    role: the word of the command line; "": the name. parent: whose child it is; None: all have one.
    """

    def __init__(
        self,
        name: str,
        home: Path,
        environment: Mapping[str, str],
        *,
        role: str = "",
        parent: Parent | None = None,
    ) -> None:
        self._parent = parent
        self.name, self._role = name, role or name
        self.log = home / f"{name}.log"
        self._environment = {**_clean_environment(), **environment}
        self._home = home
        self._running: Child | None = None

    @property
    def pid(self) -> int:
        """The process id while it runs."""
        assert self._running is not None, f"{self.name} does not run"
        return self._running.pid

    async def start(self) -> None:
        """Starts it and waits until it says that it is ready."""
        before = self._said_ready()
        parent = self._parent or preloaded()
        self._running = parent.start(
            self._role, home=self._home, env=self._environment, log=self.log
        )
        deadline = time.monotonic() + READY_S
        while self._said_ready() == before:
            if self._running.poll() is not None or time.monotonic() > deadline:
                raise ProcessFailed(f"{self.name} is not ready:\n{self.log_end()}")
            await asyncio.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL, and nothing is tidied up."""
        running, self._running = self._running, None
        if running is not None:
            running.kill()
            running.wait(10)

    def freeze(self) -> None:
        """SIGSTOP: it lives and does nothing, as on a machine that is out of memory."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on where it was."""
        os.kill(self.pid, signal.SIGCONT)

    def died(self) -> bool:
        """Whether it has ended by itself."""
        return self._running is not None and self._running.poll() is not None

    async def stop(self) -> int:
        """SIGTERM, and waits for the drain. Returns the exit code."""
        running, self._running = self._running, None
        if running is None:
            return 0
        running.send_signal(signal.SIGTERM)
        try:
            return await asyncio.to_thread(running.wait, STOP_S)
        except subprocess.TimeoutExpired:
            running.kill()
            raise ProcessFailed(f"{self.name} did not stop:\n{self.log_end()}") from None

    def _said_ready(self) -> int:
        return self.log.read_text().count(f"{self._role} ready: ") if self.log.exists() else 0

    def log_end(self) -> str:
        """The end of what it has logged."""
        return self.log.read_text()[-6000:]


class TemporalProcess:
    """Temporal's dev server with its history in a file, always on the same port."""

    def __init__(self, home: Path) -> None:
        binary = find_temporal(lambda _line: None)
        if binary is None:
            raise ProcessFailed("no Temporal CLI and no Go to build it with")
        self.port = steady_port()
        options = DevServerOptions(
            log_file=home / "temporal.log",
            port=self.port,
            ui=False,
            db_file=home / "temporal.sqlite",
        )
        self._server = DevServer(binary, options)

    async def start(self) -> None:
        """Starts it with the history it had."""
        await self._server.start()

    async def stop(self) -> None:
        """Stops it in order."""
        await self._server.stop()


class Fleet:
    """Temporal, broker, worker and gateway as processes of their own, with one SQLite file."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self.temporal = TemporalProcess(home)
        self.grpc_address = f"127.0.0.1:{steady_port()}"
        self.ocpp_address = f"127.0.0.1:{steady_port()}"
        self.database_file = home / "fleet.sqlite"
        self.database_url = f"sqlite:///{self.database_file}"
        settings = {
            **QUICK,
            "EVCOMMAND_GRPC_LISTEN": self.grpc_address,
            "EVCOMMAND_OCPP_LISTEN": self.ocpp_address,
            "EVCOMMAND_TEMPORAL_ADDRESS": f"127.0.0.1:{self.temporal.port}",
            "EVCOMMAND_DATABASE_URL": self.database_url,
            "EVCOMMAND_OPEN": "true",
            **environment,
        }
        self.broker = Process("broker", home, settings)
        self.worker = Process("worker", home, settings)
        self.gateway = Process("gateway", home, settings)

    @property
    def ocpp_url(self) -> str:
        """What a station is configured with."""
        return f"ws://{self.ocpp_address}/ocpp"

    @property
    def processes(self) -> tuple[Process, ...]:
        """All but Temporal."""
        return (self.broker, self.worker, self.gateway)

    async def start(self) -> None:
        """Starts everything."""
        await self.temporal.start()
        await asyncio.gather(*(process.start() for process in self.processes))

    async def stop(self) -> None:
        """Stops everything in order."""
        await asyncio.gather(*(process.stop() for process in self.processes))
        await self.temporal.stop()

    async def crash(self, victim: str) -> None:
        """kill -9 of a process; Temporal is stopped, its file stays."""
        if victim == "temporal":
            await self.temporal.stop()
        else:
            self._process(victim).kill()

    async def recover(self, victim: str) -> None:
        """Starts it again, as an orchestrator would."""
        if victim == "temporal":
            await self.temporal.start()
        else:
            await self._process(victim).start()

    def _process(self, name: str) -> Process:
        return next(process for process in self.processes if process.name == name)


@asynccontextmanager
async def running_fleet(
    home: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Fleet]:
    """A fleet of processes with its files in `home`, on a database that is migrated already."""
    fleet = Fleet(home, environment or {})
    await new_sqlite(fleet.database_file)
    try:
        await fleet.start()
        yield fleet
        await fleet.stop()
    finally:
        for process in fleet.processes:
            process.kill()
        await fleet.temporal.stop()


def _clean_environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("EVCOMMAND_", "TEMPORAL_", "OTEL_"))
    }
