"""README.md's grpcurl commands, run as they are pasted, by grpcurl itself, over reflection."""

import os
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.clients.readme_transcript import (
    GRPC_ADDRESS,
    Pasted,
    grpcurl_lines,
    shown_stations,
)
from tests.e2e.foreign_system import System, simulated_station
from tests.e2e.toolchains import BUILD_LIMIT_S, CHECKOUT, go_install

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(BUILD_LIMIT_S)]

GRPCURL = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3"
COMMAND_LIMIT_S = 120.0
README = CHECKOUT / "README.md"


def paste(entry: Pasted, system: System, grpcurl: Path) -> str:
    """Runs a command in a shell; only the address is not the README's."""
    result = subprocess.run(
        ["sh", "-c", entry.command.replace(GRPC_ADDRESS, system.grpc_address)],
        cwd=CHECKOUT,
        env={**os.environ, "PATH": f"{grpcurl.parent}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_LIMIT_S,
        check=False,
    )
    # A watch goes on for ever: -max-time is how grpcurl ends one.
    watched = "-max-time" in entry.command and "DeadlineExceeded" in result.stderr
    assert result.returncode == 0 or watched, f"{entry.command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def test_grpcurl_runs_the_readmes_transcript(system: System) -> None:
    grpcurl = go_install(GRPCURL)
    entries = grpcurl_lines(README)
    assert entries, "README.md shows no grpcurl command in a console or sh block"
    off = shown_stations(README)
    with ExitStack() as stations:
        for entry in entries:
            for station_id in sorted(entry.stations & off.keys()):
                shown = off.pop(station_id)
                stations.enter_context(
                    simulated_station(system, shown.version, station_id, shown.settings)
                )
            printed = paste(entry, system, grpcurl)
            assert entry.missing_from(printed) == [], f"{entry.command}\n{printed}"


def test_grpcurl_finds_every_service_by_reflection(system: System) -> None:
    grpcurl = go_install(GRPCURL)
    listed = paste(Pasted(f"grpcurl -plaintext {GRPC_ADDRESS} list"), system, grpcurl)
    services = {
        "CallbackService",
        "RemoteCommandService",
        "ReservationService",
        "StationService",
        "TokenService",
    }
    assert {f"evcommand.v1.{service}" for service in services} <= set(listed.split())
    assert "grpc.health.v1.Health" in listed
    for symbol, shown in (
        ("evcommand.v1.RemoteCommandService.StartSession", "rpc StartSession"),
        ("evcommand.v1.StartSessionRequest.station", "string station"),
        ("evcommand.v1.RemoteCommand.State", "enum State"),
        ("grpc.reflection.v1.ServerReflection", "rpc ServerReflectionInfo"),
    ):
        command = f"grpcurl -plaintext {GRPC_ADDRESS} describe {symbol}"
        assert shown in paste(Pasted(command), system, grpcurl)
