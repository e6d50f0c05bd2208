"""Back ends (CSMS) on libraries by others: how each is run, and what a station says there."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.third_party.charge_point_process import (
    ChargePointProcess,
    Event,
    running_charge_point,
)
from tests.e2e.third_party.programs import (
    HERE,
    build_eu_chargetime,
    build_ocpp_go,
    build_ocpp_rpc,
    on_path,
)
from tests.support.ports import steady_port

Words = list[str | Path]


@dataclass(frozen=True)
class BackEndByOthers:
    """A running back end. Its events name the station that they are about."""

    process: ChargePointProcess
    port: int

    @property
    def url(self) -> str:
        """What a station that connects directly is configured with."""
        return f"ws://127.0.0.1:{self.port}/ocpp"

    def command(self, word: str, station: str) -> None:
        """Have it send a command of its own: start, stop or unlock."""
        self.process.tell(f"{word} {station}")

    def about(self, station: str) -> list[Event]:
        """What it has seen of a station."""
        with self.process.news:
            return [event for event in self.process.events if event.get("station") == station]


def ocpp_rpc_server() -> Words:
    """The server of `ocpp-rpc` (npm) in strict mode: 1.6, 2.0.1, 2.1."""
    return [on_path("node"), build_ocpp_rpc() / "ocpp_rpc" / "central_system.mjs"]


def ocpp_go_central_system() -> Words:
    """The 1.6 central system of `ocpp-go` (Go)."""
    return [build_ocpp_go() / "central16"]


def ocpp_go_csms() -> Words:
    """The 2.0.1 CSMS of `ocpp-go` (Go)."""
    return [build_ocpp_go() / "csms201"]


def eu_chargetime_server() -> Words:
    """The 1.6 server of `eu.chargetime.ocpp` (Maven)."""
    place = build_eu_chargetime()
    return [on_path("java"), "-cp", f"{place}/classes:{place}/jars/*", "CentralSystem"]


def stock_ocpp() -> Words:
    """The `ocpp` package (Python): 1.6, 2.0.1, 2.1."""
    return [sys.executable, HERE / "ocpp_python" / "central_system.py"]


@contextmanager
def running_back_end(words: Callable[[], Words]) -> Iterator[BackEndByOthers]:
    """One of these back ends, ready, until the block ends."""
    port = steady_port()
    command = [*words(), str(port)]
    with running_charge_point(words.__name__, command, os.environ) as process:
        process.wait_for("ready")
        yield BackEndByOthers(process, port)
