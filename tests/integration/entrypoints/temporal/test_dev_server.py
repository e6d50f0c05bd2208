"""The dev server starts, keeps its history, says why it cannot start, and ends with its parent."""

import asyncio
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from contextlib import AsyncExitStack, closing
from pathlib import Path

import psutil
import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from entrypoints.errors import CannotStart
from entrypoints.settings import ChosenSettings
from entrypoints.temporal import dev_server
from entrypoints.temporal.binary import find_temporal
from entrypoints.temporal.choice import TemporalPlan, start_temporal
from entrypoints.temporal.dev_server import (
    DevServer,
    DevServerOptions,
    TemporalAddress,
    free_port,
    is_free,
    running_dev_server,
)

PARENT = """
import asyncio, sys
from pathlib import Path
from entrypoints.temporal.dev_server import DevServer, DevServerOptions

async def main():
    server = DevServer(sys.argv[1], DevServerOptions(Path(sys.argv[2]), ui=False))
    await server.start()
    print(server.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def binary() -> str:
    """The Temporal CLI of this machine, built when there is none."""
    found = find_temporal(lambda _line: None)
    assert found is not None
    return found


def options(home: Path, **more: object) -> DevServerOptions:
    return DevServerOptions(home / "temporal.log", ui=False, **more)  # type: ignore[arg-type]


async def started_workflow(server: DevServer) -> str:
    client = await Client.connect(server.where.address)
    identity = str(uuid.uuid4())
    await client.start_workflow("Nobody", id=identity, task_queue="nobody-listens")
    return identity


async def test_a_history_in_a_file_outlives_the_server(tmp_path: Path, binary: str) -> None:
    server = DevServer(binary, options(tmp_path, db_file=tmp_path / "history.sqlite"))
    await server.start()
    identity = await started_workflow(server)
    await server.stop()
    await server.start()
    client = await Client.connect(server.where.address)
    described = await client.get_workflow_handle(identity).describe()
    await server.stop()
    assert described.status is WorkflowExecutionStatus.RUNNING


async def test_a_history_in_a_file_is_written_ahead(tmp_path: Path, binary: str) -> None:
    """Otherwise each step of a workflow waits for the disk, and costs twice as much."""
    file = tmp_path / "history.sqlite"
    async with running_dev_server(binary, options(tmp_path, db_file=file), lambda _line: None):
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_stopped_server_frees_its_port(tmp_path: Path, binary: str) -> None:
    port = free_port()
    server = DevServer(binary, options(tmp_path, port=port))
    await server.start()
    assert not is_free(port)
    await server.stop()
    assert is_free(port)


async def test_a_server_that_cannot_start_says_why(tmp_path: Path, binary: str) -> None:
    nowhere = tmp_path / "missing" / "history.sqlite"
    server = DevServer(binary, options(tmp_path, db_file=nowhere))
    with pytest.raises(CannotStart, match=r"ended while it was starting") as refusal:
        await server.start()
    assert "temporal.log" in refusal.value.message


def test_the_server_ends_when_its_parent_is_killed(tmp_path: Path, binary: str) -> None:
    command = [sys.executable, "-c", PARENT, binary, str(tmp_path / "temporal.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    deadline = time.monotonic() + 10
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the dev server still runs"
        time.sleep(0.02)


def test_the_page_of_a_workflow_has_its_id_escaped() -> None:
    where = TemporalAddress("127.0.0.1:7233", "http://127.0.0.1:8233")
    page = where.workflow_url("command/default/42")
    assert page == "http://127.0.0.1:8233/namespaces/default/workflows/command%2Fdefault%2F42"


async def test_two_that_start_at_once_have_a_server_each(tmp_path: Path, binary: str) -> None:
    async with AsyncExitStack() as stack:

        async def started(name: str) -> str:
            settings = ChosenSettings(data_dir=tmp_path / name)
            plan = TemporalPlan(None, binary)
            target, _ = await start_temporal(stack, plan, settings, lambda _line: None, keep=True)
            return target.address

        first, second = await asyncio.gather(started("first"), started("second"))
    assert first != second


async def test_a_port_that_was_taken_in_the_meantime_is_left_for_another_one(
    tmp_path: Path, binary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = iter([taken.getsockname()[1], free_port()])
        monkeypatch.setattr(dev_server, "free_port", lambda: next(ports))
        async with running_dev_server(binary, options(tmp_path), lambda _line: None) as where:
            assert where.address != f"127.0.0.1:{taken.getsockname()[1]}"
