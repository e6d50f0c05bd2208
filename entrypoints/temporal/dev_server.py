"""A Temporal dev server as a child of this process: started, awaited, stopped.

It listens on loopback only, ends with its parent (on Linux also after kill -9), and keeps its
history if it is given a database file. It is not for production: docs/operating.md.
"""

import asyncio
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from entrypoints.errors import CannotStart
from entrypoints.temporal.binary import NOT_FOUND, Say
from entrypoints.temporal.child_process import die_with_parent

_LOOPBACK = "127.0.0.1"
_PORT_TAKEN = "address already in use"
_PORT_TRIES = 3
_WRITTEN_AHEAD = ("--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL")
"""For a file: a step of a workflow does not wait for the disk, and costs half of the CPU time. What
was committed survives the end of the process; that of the machine may take the last of it away."""


@dataclass(frozen=True)
class DevServerOptions:
    """The options of the dev server.

    port, ui_port: 0 takes a free one. ui: False starts faster.
    db_file: keeps histories over restarts; None: they end with the server.
    log_file: the server's own log. dynamic_config: more of the server's own settings, KEY=VALUE.
    """

    log_file: Path
    port: int = 0
    ui_port: int = 0
    ui: bool = True
    db_file: Path | None = None
    log_level: str = "warn"
    dynamic_config: tuple[str, ...] = ()
    ready_timeout_s: float = 60.0
    stop_timeout_s: float = 10.0


@dataclass(frozen=True)
class TemporalAddress:
    """The address of a Temporal. ui: the base address of its web UI; "": none, or unknown."""

    address: str
    ui: str = ""

    def workflow_url(self, workflow_id: str, namespace: str = "default") -> str:
        """The page of one workflow in the web UI."""
        return f"{self.ui}/namespaces/{namespace}/workflows/{workflow_id.replace('/', '%2F')}"


class DevServer:
    """The process of one dev server."""

    def __init__(self, binary: str, options: DevServerOptions) -> None:
        self._options = options
        port = options.port or free_port()
        ui_port = _ui_port(options)
        self.where = TemporalAddress(f"{_LOOPBACK}:{port}", _ui_address(ui_port))
        self._command = _command_line(binary, options, port, ui_port)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Starts it and waits until it serves.

        Raises: CannotStart with the end of its log.
        """
        self._options.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self._options.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603, ASYNC220
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(),  # noqa: PLW1509
            )
        try:
            await self._ready()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stops it in order; kills it after `stop_timeout_s`."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, self._options.stop_timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    async def _ready(self) -> None:
        deadline = time.monotonic() + self._options.ready_timeout_s
        while not await _serves(self.where.address):
            if self._process is None or self._process.poll() is not None:
                raise CannotStart(self._failure("ended while it was starting"))
            if time.monotonic() > deadline:
                limit = self._options.ready_timeout_s
                raise CannotStart(self._failure(f"did not become ready within {limit:.0f} s"))
            await asyncio.sleep(0.1)

    def _failure(self, what: str) -> str:
        with suppress(OSError):
            lines = self._options.log_file.read_text(errors="replace").splitlines()[-8:]
            return "\n  ".join(
                [f"The Temporal dev server {what}. The end of {self._options.log_file}:", *lines]
            )
        return f"The Temporal dev server {what}."


@asynccontextmanager
async def running_dev_server(
    binary: str | None, options: DevServerOptions, say: Say
) -> AsyncIterator[TemporalAddress]:
    """Runs a dev server until the block is left.

    binary: what `find_temporal` returned; None: the SDK downloads one.

    Raises: CannotStart when it cannot be downloaded or does not start.
    """
    if binary is None:
        async with _downloaded_server(options, say) as where:
            yield where
        return
    server = await _started(binary, options)
    try:
        yield server.where
    finally:
        await server.stop()


async def _started(binary: str, options: DevServerOptions) -> DevServer:
    """A dev server that serves. Raises: CannotStart.

    A port that was free may be taken before the server listens on it. Then other ones are tried,
    where nobody asked for this one.
    """
    for left in reversed(range(_PORT_TRIES)):
        server = DevServer(binary, options)
        try:
            await server.start()
        except CannotStart as error:
            if not left or _PORT_TAKEN not in error.message:
                raise
        else:
            return server
    raise AssertionError("unreachable: the last try returns or raises")


@asynccontextmanager
async def _downloaded_server(options: DevServerOptions, say: Say) -> AsyncIterator[TemporalAddress]:
    ui_port = _ui_port(options)
    say("Temporal: downloading the CLI as Temporal's SDK does")
    try:
        environment = await WorkflowEnvironment.start_local(
            ip=_LOOPBACK,
            port=options.port or None,
            ui=options.ui,
            ui_port=ui_port or None,
            dev_server_database_filename=str(options.db_file) if options.db_file else None,
            dev_server_log_level=options.log_level,
            dev_server_extra_args=_WRITTEN_AHEAD if options.db_file else (),
        )
    except RuntimeError as error:
        say(f"Temporal: the download failed: {error}")
        raise CannotStart(NOT_FOUND) from error
    try:
        address = environment.client.service_client.config.target_host
        yield TemporalAddress(address, _ui_address(ui_port))
    finally:
        await environment.shutdown()


def _ui_port(options: DevServerOptions) -> int:
    """The port of the web UI; 0: there is no web UI."""
    return (options.ui_port or free_port()) if options.ui else 0


def _ui_address(port: int) -> str:
    return f"http://{_LOOPBACK}:{port}" if port else ""


def free_port() -> int:
    """A loopback port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether nobody listens on a loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError:
            return False
        return True


async def _serves(address: str) -> bool:
    try:
        async with asyncio.timeout(2):
            client = await Client.connect(address)
            await client.count_workflows("WorkflowType = 'none'")
    except (RPCError, RuntimeError, OSError, TimeoutError):
        return False
    return True


def _command_line(binary: str, options: DevServerOptions, port: int, ui_port: int) -> list[str]:
    command = [binary, "server", "start-dev", "--ip", _LOOPBACK, "--port", str(port)]
    command += ["--log-level", options.log_level]
    # Parallel visibility refresh lets search attributes made at start be used at once.
    for value in ("system.forceSearchAttributesCacheRefreshOnRead=true", *options.dynamic_config):
        command += ["--dynamic-config-value", value]
    command += ["--ui-port", str(ui_port)] if options.ui else ["--headless"]
    if options.db_file is not None:
        command += ["--db-filename", str(options.db_file), *_WRITTEN_AHEAD]
    return command
