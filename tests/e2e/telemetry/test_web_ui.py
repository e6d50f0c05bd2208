"""What an operator finds in the Temporal web UI, read through the API that it reads."""

import asyncio

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowHandle

from tests.e2e.telemetry.house import Command, Story, Watched

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

LISTED_S = 10.0


def workflow_id(command: Command) -> str:
    return f"command/default/{command.name.removeprefix('commands/')}"


def workflow_of(watched: Watched, command: Command) -> WorkflowHandle[object, object]:
    return watched.temporal.get_workflow_handle(workflow_id(command))


async def found(watched: Watched, query: str, expected: set[str]) -> set[str]:
    """What a list query finds; visibility comes a little later than the fact."""
    ids: set[str] = set()
    async with asyncio.timeout(LISTED_S):
        while not ids >= expected:
            ids = {each.id async for each in watched.temporal.list_workflows(query)}
            await asyncio.sleep(0.05)
    return ids


async def test_commands_are_found_by_station_and_end(watched: Watched, story: Story) -> None:
    both = {workflow_id(story.started), workflow_id(story.stopped)}
    query = f'EvStation = "{story.station}" AND EvOutcome IS NULL AND ExecutionStatus = "Completed"'
    assert await found(watched, query, both) == both


async def test_commands_are_found_by_kind_and_tenant(watched: Watched, story: Story) -> None:
    stop = {workflow_id(story.stopped)}
    query = 'EvKind = "STOP_SESSION" AND EvTenant = "default"'
    assert await found(watched, query, stop) == stop


async def test_commands_that_were_not_sent_are_found(watched: Watched, story: Story) -> None:
    offline = {workflow_id(story.offline)}
    assert await found(watched, 'EvOutcome = "NOT_SENT"', offline) >= offline


async def test_summary_and_details_say_what_was_asked_and_by_whom(
    watched: Watched, story: Story
) -> None:
    shown = await workflow_of(watched, story.started).describe()
    assert await shown.static_summary() == (
        f"Start session at {story.station}, EVSE 1, token ****{watched.secrets.token[-4:]}"
    )
    details = await shown.static_details() or ""
    assert "Asked by: desk, tenant default" in details
    assert story.trace_id in details


async def test_current_details_say_how_it_ended_and_why(watched: Watched, story: Story) -> None:
    metadata = await workflow_of(watched, story.started).query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )
    assert "State: **DONE**" in metadata.current_details
    assert "Outcome: **SUCCEEDED** / SESSION_STARTED" in metadata.current_details


async def test_activities_say_what_they_do(watched: Watched, story: Story) -> None:
    history = await workflow_of(watched, story.started).fetch_history()
    read = watched.temporal.data_converter.payload_converter.from_payload
    told = [
        read(event.user_metadata.summary)
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED
    ]
    assert [text.partition(" (frame 1, ")[0] for text in told] == [
        f"Start session at {story.station}, EVSE 1, token ****{watched.secrets.token[-4:]}",
        "What do the facts mean now?",
    ]
