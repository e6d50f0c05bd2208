"""What the SDK counts is served beside our own metrics; its polls are read there."""

import asyncio
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families
from temporalio.client import Client
from temporalio.worker import Worker

from contract.polls import LEAST_POLLS, polls
from entrypoints.processes import ALL_ROLES, running
from entrypoints.settings import ChosenSettings, Settings
from entrypoints.temporal.binary import find_temporal
from entrypoints.temporal.client import TemporalTarget
from entrypoints.temporal.dev_server import DevServerOptions, running_dev_server

Samples = dict[tuple[str, str, str], float]


@pytest_asyncio.fixture
async def target(tmp_path: Path) -> AsyncIterator[TemporalTarget]:
    """A dev server."""
    options = DevServerOptions(log_file=tmp_path / "temporal.log", ui=False)
    binary = await asyncio.to_thread(find_temporal, lambda _: None)
    async with running_dev_server(binary, options, lambda _: None) as where:
        yield TemporalTarget(where.address, "default", {})


def settings(folder: Path, metrics: str) -> ChosenSettings:
    return Settings(
        data_dir=folder,
        grpc_listen="127.0.0.1:0",
        ocpp_listen="127.0.0.1:0",
        metrics_listen=metrics,
    )


def page(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as reply:
        text: str = reply.read().decode()
        return text


def polls_of(text: str) -> Samples:
    """The open polls by queue and type."""
    return {
        (sample.name, sample.labels["task_queue"], sample.labels["poller_type"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "temporal_num_pollers"
    }


def expected() -> Samples:
    queues = [
        ("evcommand-commands", "workflow_task"),
        ("evcommand-commands", "sticky_workflow_task"),
        ("evcommand-callbacks", "activity_task"),
        ("gateway", "activity_task"),
    ]
    return {("temporal_num_pollers", *queue): LEAST_POLLS for queue in queues}


async def test_each_queue_of_a_process_that_idles_has_several_polls(
    target: TemporalTarget, tmp_path: Path
) -> None:
    async with running(settings(tmp_path, "127.0.0.1:0"), ALL_ROLES, target) as listens:
        assert listens.metrics is not None
        async with asyncio.timeout(20):
            while True:
                text = await asyncio.to_thread(page, listens.metrics)
                if polls_of(text) == expected():
                    break
                await asyncio.sleep(0.2)
    assert "evcommand_commands_total" in text
    assert "namespace=" not in text


async def test_each_worker_polls_within_its_setting(
    target: TemporalTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: dict[str, dict[str, Any]] = {}

    class Noted(Worker):
        def __init__(self, client: Client, **given: Any) -> None:
            made[given["task_queue"].partition(":")[0]] = given
            super().__init__(client, **given)

    for module in ("workflows.worker", "station_gateway.process", "broker.temporal_posts"):
        monkeypatch.setattr(f"{module}.Worker", Noted)
    limits = {"worker_max_polls": 17, "gateway_max_polls": 18, "broker_callback_max_polls": 19}
    chosen = Settings(**{**settings(tmp_path, "").model_dump(exclude_unset=True), **limits})
    async with running(chosen, ALL_ROLES, target), asyncio.timeout(10):
        while len(made) < 3:
            await asyncio.sleep(0.05)
    assert made["evcommand-commands"]["workflow_task_poller_behavior"] == polls(17)
    assert made["gateway"]["activity_task_poller_behavior"] == polls(18)
    assert made["evcommand-callbacks"]["activity_task_poller_behavior"] == polls(19)


async def test_without_an_endpoint_the_sdk_counts_nothing(
    target: TemporalTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("entrypoints.processes.counting_runtime")
    async with running(settings(tmp_path, ""), ALL_ROLES, target) as listens:
        assert listens.metrics is None
