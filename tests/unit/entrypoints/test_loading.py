"""A process loads only what its role runs. Loading takes most of its start."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fleet.database import Database

PROGRAM = """
import json, sys
from entrypoints.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print(json.dumps([end.code, sorted(sys.modules)]))
"""

NO_TEMPORAL = 3
CLIENTS_ALONE = {
    *("entrypoints.commands.audit", "entrypoints.commands.broker_access"),
    *("entrypoints.commands.demo", "entrypoints.commands.explain"),
    *("entrypoints.commands.report", "simulator.station"),
}
BROKER_ALONE = {"broker.process", "broker.callbacks.posting", "evcommand", "httpcore"}
GATEWAY_ALONE = {"jsonschema_rs", "station_gateway.gateway", "websockets"}
WORKER_ALONE = {"workflows.command_workflow", "workflows.worker"}
NEVER = {"alembic", "mako", "opentelemetry.exporter", *CLIENTS_ALONE}


def loaded(*words: str) -> tuple[int, set[str]]:
    """The exit code of `evcommand` with these words, and the modules that it had loaded then."""
    command = [sys.executable, "-c", PROGRAM, *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    code, modules = json.loads(ended.stdout.splitlines()[-1])
    return code, set(modules)


@pytest.mark.parametrize(
    ("role", "needed", "left_out"),
    [
        (["broker"], BROKER_ALONE | WORKER_ALONE, GATEWAY_ALONE),
        (["broker", "--no-broker-eager-start"], BROKER_ALONE, GATEWAY_ALONE | WORKER_ALONE),
        (["gateway"], GATEWAY_ALONE, BROKER_ALONE | WORKER_ALONE),
        (["worker"], WORKER_ALONE, BROKER_ALONE | GATEWAY_ALONE),
    ],
    ids=["broker", "broker without eager start", "gateway", "worker"],
)
async def test_a_process_on_a_current_database_loads_only_its_role(
    role: list[str], needed: set[str], left_out: set[str], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'fleet.sqlite'}"
    await (await Database.open(url)).close()
    nobody = ["--temporal-address", "127.0.0.1:1", "--startup-timeout-s", "0.1"]
    code, modules = loaded(*role, "--database-url", url, *nobody)
    assert (code, modules & (left_out | NEVER)) == (NO_TEMPORAL, set())
    assert needed <= modules


@pytest.mark.parametrize("words", [("--help",), ("settings",), ("station", "--help")])
def test_what_only_prints_loads_neither_servers_nor_databases(words: tuple[str, ...]) -> None:
    code, modules = loaded(*words)
    assert code == 0
    assert modules & {"alembic", "grpc", "sqlalchemy", "temporalio", "websockets"} == set()
