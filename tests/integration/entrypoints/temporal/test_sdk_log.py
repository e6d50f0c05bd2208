"""The lines of Temporal's SDK go through our own log: nobody may be reading standard error."""

import asyncio
import logging
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from entrypoints.processes import Role, running
from entrypoints.settings import Settings
from entrypoints.temporal.binary import find_temporal
from entrypoints.temporal.client import TemporalTarget
from entrypoints.temporal.dev_server import DevServerOptions, running_dev_server

WAIT_S = 20.0


async def test_the_sdk_writes_nothing_itself_while_temporal_is_away(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    options = DevServerOptions(log_file=tmp_path / "temporal.log", ui=False)
    binary = await asyncio.to_thread(find_temporal, lambda _: None)
    settings = Settings(data_dir=tmp_path)
    async with AsyncExitStack() as stack, AsyncExitStack() as serving:
        server = running_dev_server(binary, options, lambda _: None)
        target = TemporalTarget((await serving.enter_async_context(server)).address, "default", {})
        await stack.enter_async_context(running(settings, (Role.WORKER,), target))
        capfd.readouterr()
        await serving.aclose()
        async with asyncio.timeout(WAIT_S):
            while not any(_is_of_the_sdk(record) for record in caplog.records):
                await asyncio.sleep(0.05)
    written = "".join(capfd.readouterr())
    assert "temporal" not in written


def _is_of_the_sdk(record: logging.LogRecord) -> bool:
    return record.name.startswith("temporalio-sdk_core")
