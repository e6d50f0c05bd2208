"""A time-skipping server of its own for each day."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from tests.integration.workflows.conftest import SkippingServer
from tests.support.servers import time_skipping_server


@pytest_asyncio.fixture(loop_scope="session")
async def environment() -> AsyncIterator[WorkflowEnvironment]:
    """A server of its own: what a day leaves behind meets no other test."""
    server = SkippingServer(await asyncio.to_thread(time_skipping_server))
    yield await server.ready()
    await server.stop()
