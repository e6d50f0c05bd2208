"""One trace from the caller's span to the OCPP frame, over three processes."""

import asyncio
import uuid

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.e2e.telemetry.house import Story, Watched

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

STEPS = {
    "evcommand.v1.RemoteCommandService/StartSession",
    "StartWorkflow:StartSession",
    "RunWorkflow:StartSession",
    "RunActivity:prepare_command",
    "ocpp.RemoteStartTransaction",
    "RunActivity:weigh_evidence",
    "CompleteWorkflow:StartSession",
}


async def spans_of(watched: Watched, trace_id: str) -> dict[str, Span]:
    """The spans of a trace by name, when all steps of a start have arrived."""

    def there(spans: list[Span]) -> dict[str, Span]:
        return {span.name: span for span in spans if span.trace_id.hex() == trace_id}

    arrived = await asyncio.to_thread(
        watched.collector.until, lambda spans: there(spans).keys() >= STEPS
    )
    return there(arrived)


def ancestors(span: Span, spans: dict[str, Span]) -> list[str]:
    """The names from a span up to the first one, and then the id of its parent elsewhere."""
    by_id = {each.span_id: each for each in spans.values()}
    parent = by_id.get(span.parent_span_id)
    return [span.name, *(ancestors(parent, spans) if parent else [span.parent_span_id.hex()])]


async def test_all_steps_of_a_command_are_in_the_trace_that_its_reply_names(
    watched: Watched, story: Story
) -> None:
    spans = await spans_of(watched, story.started.trace_id)
    assert spans.keys() >= STEPS
    services = {"evcommand-broker", "evcommand-gateway"}
    assert watched.collector.services_of(story.started.trace_id) >= services


async def test_the_frame_descends_from_the_span_that_the_caller_sent(
    watched: Watched, story: Story
) -> None:
    assert story.started.trace_id == story.trace_id
    spans = await spans_of(watched, story.trace_id)
    assert ancestors(spans["ocpp.RemoteStartTransaction"], spans) == [
        "ocpp.RemoteStartTransaction",
        "RunActivity:prepare_command",
        "StartActivity:prepare_command",
        "StartWorkflow:StartSession",
        "evcommand.v1.RemoteCommandService/StartSession",
        story.caller,
    ]


async def test_the_spans_of_call_and_frame_name_command_and_station(
    watched: Watched, story: Story
) -> None:
    spans = await spans_of(watched, story.trace_id)
    for step in ("evcommand.v1.RemoteCommandService/StartSession", "ocpp.RemoteStartTransaction"):
        told = {one.key: one.value.string_value for one in spans[step].attributes}
        assert told["evcommand.station"] == story.station
        assert f"commands/{told['evcommand.command']}" == story.started.name


async def test_the_span_of_a_call_follows_the_conventions_of_opentelemetry(
    watched: Watched, story: Story
) -> None:
    call = "evcommand.v1.RemoteCommandService/StartSession"
    spans = await spans_of(watched, story.trace_id)
    told = {one.key: one.value.string_value for one in spans[call].attributes}
    assert (told["rpc.system.name"], told["rpc.method"]) == ("grpc", call)
    assert told["rpc.response.status_code"] == "OK"
    assert "error.type" not in told


async def test_a_wake_up_is_linked_to_the_trace_of_its_command(
    watched: Watched, story: Story
) -> None:
    await spans_of(watched, story.trace_id)
    sent = {
        span.span_id for span in watched.collector.spans() if span.name == "SignalWorkflow:wake"
    }
    heard = [
        link.span_id
        for span in watched.collector.spans()
        if span.name == "HandleSignal:wake" and span.trace_id.hex() == story.trace_id
        for link in span.links
    ]
    assert heard
    assert set(heard) <= sent


async def test_a_caller_without_a_trace_gets_one(story: Story) -> None:
    assert len(story.stopped.trace_id) == 32
    assert len({story.started.trace_id, story.stopped.trace_id, story.offline.trace_id}) == 3


async def test_what_is_not_a_traceparent_is_not_continued(watched: Watched) -> None:
    station = f"NONE-{uuid.uuid4().hex[:8]}"
    await watched.desk.register(station, watched.secrets.password)
    command = await watched.desk.start(station, watched.secrets.token, traceparent="00-0-0-01")
    assert len(command.trace_id) == 32
    assert command.trace_id != "0" * 32
