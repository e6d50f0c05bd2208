"""One id of a command's story leads to the log, the trace and the workflow."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from evcommand.v1 import remote_command_service_pb2 as pb
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.e2e.telemetry.house import Story, Watched
from tests.e2e.telemetry.test_logs import lines_of

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

Step = pb.Step


async def explained(watched: Watched, name: str) -> list[Step]:
    request = pb.ExplainCommandRequest(name=name)
    reply = await watched.desk.ask(watched.desk.commands.ExplainCommand, request)
    return list(reply.steps)


async def frame_of(watched: Watched, story: Story) -> dict[str, str]:
    """The facts of the only frame of the start."""
    steps = await explained(watched, story.started.name)
    (sent,) = (step for step in steps if step.kind == Step.KIND_FRAME_SENT)
    return dict(sent.facts)


def attributes(span: Span) -> dict[str, str]:
    return {one.key: one.value.string_value or str(one.value.int_value) for one in span.attributes}


async def test_a_message_id_of_the_story_stands_in_the_gateways_log(
    watched: Watched, story: Story
) -> None:
    frame = await frame_of(watched, story)
    lines = [
        line
        for line in lines_of(watched, "gateway")
        if line.get("message_id") == frame["message_id"]
    ]
    assert [line["event"] for line in lines] == ["frame_sent", "frame_answered"]
    assert {str(line["attempt"]) for line in lines} == {frame["attempt"]}
    assert {f"commands/{line['command']}" for line in lines} == {story.started.name}


async def test_a_message_id_of_the_story_stands_in_the_trace_that_the_story_names(
    watched: Watched, story: Story
) -> None:
    frame = await frame_of(watched, story)
    trace_id = (await explained(watched, story.started.name))[0].facts["trace_id"]

    def named(spans: list[Span]) -> list[Span]:
        return [
            span
            for span in spans
            if attributes(span).get("evcommand.message_id") == frame["message_id"]
        ]

    (span,) = named(await asyncio.to_thread(watched.collector.until, lambda s: bool(named(s))))
    assert span.name == f"ocpp.{frame['action']}"
    assert span.trace_id.hex() == trace_id == story.trace_id
    assert attributes(span)["evcommand.attempt"] == frame["attempt"]


async def test_a_message_id_of_the_story_stands_in_the_workflow_that_the_story_names(
    watched: Watched, story: Story
) -> None:
    frame = await frame_of(watched, story)
    workflow_id = (await explained(watched, story.started.name))[0].facts["workflow_id"]
    history = await watched.temporal.get_workflow_handle(workflow_id).fetch_history()
    results = [
        json.loads(payload.data)
        for event in history.events
        for payload in event.marker_recorded_event_attributes.details["result"].payloads
    ]
    assert frame["message_id"] in [result.get("sent", {}).get("message_id") for result in results]


async def test_the_table_of_the_command_line_names_the_same_ids_and_no_secret(
    watched: Watched, story: Story
) -> None:
    frame = await frame_of(watched, story)
    program = Path(sys.executable).with_name("evcommand")
    run = await asyncio.create_subprocess_exec(
        *(program, "explain", story.started.name, "--address", watched.fleet.grpc_address),
        "--facts",
        env={**os.environ, "EVCOMMAND_KEY": watched.secrets.api_key},
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        printed, _ = await run.communicate()
    for id in (frame["message_id"], story.trace_id, story.started.workflow_id):
        assert id.encode() in printed
    forbidden = watched.secrets.everywhere_forbidden(story.station)
    assert [secret for secret in forbidden if secret in printed] == []
