"""One running system for the programs that others wrote: everything, as `evcommand up` runs it."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from tests.e2e.broker_calls import Broker, broker_at
from tests.support.ports import steady_port
from tests.support.preloaded import Child, preloaded

UP_LIMIT_S = 120.0
DOWN_LIMIT_S = 30.0


@dataclass(frozen=True)
class System:
    """Where a running system is reached. `home`: its files and logs."""

    grpc_address: str
    ocpp_address: str
    broker: Broker
    home: Path

    @property
    def ocpp_url(self) -> str:
        """What a station is configured with."""
        return f"ws://{self.ocpp_address}/ocpp"


@contextmanager
def running_system(
    home: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    open_to_all: bool = True,
) -> Iterator[System]:
    """`evcommand up` on free ports, with its files in `home` and further settings.

    open_to_all: `--open`, which admits stations that nobody registered, and unknown tokens.
    """
    grpc_address, ocpp_address = (f"127.0.0.1:{steady_port()}" for _ in range(2))
    command = [
        *("up", *(["--open"] if open_to_all else [])),
        *("--grpc-listen", grpc_address, "--ocpp-listen", ocpp_address),
        *("--data-dir", os.fspath(home)),
        *options,
    ]
    log = home / "evcommand.log"
    with _running(command, log, environment) as process, broker_at(grpc_address) as broker:
        _wait_until_up(process, grpc_address, log)
        yield System(grpc_address, ocpp_address, broker, home)


@contextmanager
def simulated_station(
    system: System, version: str, station_id: str, settings: Mapping[str, str] | None = None
) -> Iterator[str]:
    """This project's own station, booted; yields its resource name.

    settings: environment variables, for example of its password.
    """
    where = ["--version", version, "--id", station_id, "--url", system.ocpp_url]
    log = system.home / f"{station_id}.log"
    with _running(["station", *where], log, settings):
        try:
            system.broker.wait_until_booted(f"stations/{station_id}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{log.read_text()}") from error
        yield f"stations/{station_id}"


@contextmanager
def _running(
    arguments: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Child]:
    """Runs `evcommand` until the block ends, its words in `log`, without this user's settings."""
    keep = {"EVCOMMAND_CACHE"}
    env = {k: v for k, v in os.environ.items() if k in keep or not k.startswith("EVCOMMAND_")}
    env.update(environment or {})
    log.touch()
    process = preloaded().start(*arguments, home=log.parent, env=env, log=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(DOWN_LIMIT_S)
        process.kill()
        process.wait(DOWN_LIMIT_S)


def _wait_until_up(process: Child, grpc_address: str, log: Path) -> None:
    deadline = time.monotonic() + UP_LIMIT_S
    with grpc.insecure_channel(grpc_address) as channel:
        ready = grpc.channel_ready_future(channel)
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(grpc.FutureTimeoutError):
                ready.result(timeout=0.5)
                return
    raise AssertionError(f"evcommand up did not come up:\n{log.read_text()}")
