"""JSON logs can be joined over the processes, and no process logs or exports a secret."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from evcommand.v1 import remote_command_service_pb2 as pb

from tests.e2e.telemetry.house import Story, Watched

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

Line = dict[str, Any]


def lines_of(watched: Watched, process: str) -> list[Line]:
    """Every line of a process's log that is JSON."""
    (log,) = (each.log for each in watched.fleet.processes if each.name == process)
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


def lines_about(watched: Watched, process: str, command: str) -> list[Line]:
    """What a process logged about a command, but for other calls that asked about it."""
    name = command.removeprefix("commands/")
    return [
        line
        for line in lines_of(watched, process)
        if line.get("command") == name
        and line.get("method", "StartSession").endswith("StartSession")
    ]


@pytest.mark.parametrize(
    ("process", "events"),
    [
        # Its worker made the first decision, so that the next ones came to it too.
        ("broker", {"call", "command_routed", "evidence_weighed"}),
        ("gateway", {"frame_sent", "frame_answered"}),
    ],
)
async def test_lines_about_a_command_carry_its_station_and_trace(
    watched: Watched, story: Story, process: str, events: set[str]
) -> None:
    lines = lines_about(watched, process, story.started.name)
    assert {line["event"] for line in lines} >= events
    assert {line["station"] for line in lines} == {story.station}
    assert {line["trace_id"] for line in lines} == {story.started.trace_id}
    assert {line["process"] for line in lines} == {process}


async def test_every_line_of_every_process_is_json(watched: Watched, story: Story) -> None:
    for process in watched.fleet.processes:
        text = process.log.read_text().splitlines()
        plain = [line for line in text if not line.startswith("{")]
        assert plain == [line for line in text if line.startswith(f"{process.name} ready: ")]


async def test_no_secret_reaches_logs_traces_metrics_or_histories(
    watched: Watched, story: Story
) -> None:
    told = [item async for item in everything_told(watched)]
    assert {where for where, _ in told} >= {"log", "trace", "metrics", "history", "reply"}
    assert b"".join(text for where, text in told if where == "history").count(b"****") > 3
    for secret in watched.secrets.everywhere_forbidden(story.station):
        found = {where for where, text in told if secret.lower() in text.lower()}
        assert not found, (secret, found)


async def everything_told(watched: Watched) -> AsyncIterator[tuple[str, bytes]]:
    """Whatever the fleet has told to anybody but the station, in raw bytes."""
    for log in sorted(watched.home.glob("*.log")):
        yield "log", log.read_bytes()
    for export in watched.collector.exports:
        yield "trace", export.SerializeToString()
    yield "metrics", (await watched.joined_pages()).text.encode()
    async for text in histories(watched):
        yield "history", text
    async for text in replies(watched):
        yield "reply", text


async def histories(watched: Watched) -> AsyncIterator[bytes]:
    """Every history, its payloads not in base64, with what the web UI shows beside it."""
    async for execution in watched.temporal.list_workflows():
        yield execution.raw_info.SerializeToString()
        handle = watched.temporal.get_workflow_handle(execution.id, run_id=execution.run_id)
        history = await handle.fetch_history()
        yield history.to_json().encode()
        for event in history.events:
            yield event.SerializeToString()
        yield (await handle.describe()).raw_description.SerializeToString()


async def replies(watched: Watched) -> AsyncIterator[bytes]:
    """What the event log answers to Get, List and Watch."""
    commands, ask = watched.desk.commands, watched.desk.ask
    listed = await ask(commands.ListCommands, pb.ListCommandsRequest())
    assert len(listed.commands) >= 3
    for command in listed.commands:
        yield (
            await ask(commands.GetCommand, pb.GetCommandRequest(name=command.name))
        ).SerializeToString()
    yield listed.SerializeToString()
    async for change in watched.desk.watched([command.name for command in listed.commands]):
        yield change.SerializeToString()
