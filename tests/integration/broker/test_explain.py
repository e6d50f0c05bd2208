"""What happened to a command: real broker, worker and gateway, a station at the other end."""

import asyncio
import json
import re
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1.remote_command_pb2 import Compensation, Outcome, RemoteCommand
from temporalio.client import Client

from tests.support.benches.broker_house import House, begin_session, end_session, failure_of
from tests.support.stations.scripted_station import found

pytestmark = pytest.mark.asyncio(loop_scope="session")

OUTCOME = options_pb.WAIT_FOR_OUTCOME
SUBMITTED = options_pb.WAIT_FOR_SUBMITTED
TAG = "TAG-0042"
Step = pb.Step


async def explained(house: House, name: str) -> list[Step]:
    request = pb.ExplainCommandRequest(name=name)
    return list((await house.broker.commands.ExplainCommand(request, timeout=20)).steps)


def kinds(steps: list[Step]) -> list[str]:
    return [Step.Kind.Name(step.kind).removeprefix("KIND_") for step in steps]


def of_kind(steps: list[Step], kind: Step.Kind.ValueType) -> list[Step]:
    return [step for step in steps if step.kind == kind]


async def until(house: House, name: str, holds: Callable[[RemoteCommand], bool]) -> RemoteCommand:
    async def look() -> RemoteCommand | None:
        command = await house.broker.get(name)
        return command if holds(command) else None

    return await found(look)


async def evcommand(*words: str) -> tuple[int, str]:
    """The command line as a process of its own: its exit code, and all that it printed."""
    program = Path(sys.executable).with_name("evcommand")
    run = await asyncio.create_subprocess_exec(
        program, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(30):
        printed, _ = await run.communicate()
    return run.returncode or 0, printed.decode()


async def lost_answer_story(house: House) -> str:
    """The station's socket is lost after it got the frame; it comes back with the session."""
    async with house.station() as (id, station):
        command = await house.broker.start(id, SUBMITTED, evse_id=1)
        await station.called("RemoteStartTransaction")
        station.drop()
        await until(house, command.name, lambda c: c.outcome.code == Outcome.CODE_UNKNOWN)
    async with house.station(id=id) as (_, station):
        await begin_session(station)
        await until(house, command.name, lambda c: c.state == RemoteCommand.STATE_DONE)
    return command.name


async def test_a_lost_answer_is_explained_from_the_frame_to_the_session(house: House) -> None:
    steps = await explained(house, await lost_answer_story(house))
    assert [kind for kind in kinds(steps) if kind not in {"EVIDENCE", "QUESTION"}] == [
        *("ASKED", "ROUTE", "FRAME_SENT", "NO_ANSWER", "OUTCOME", "DECIDED", "OUTCOME"),
    ]
    no_answer, (unknown, last) = (
        of_kind(steps, Step.KIND_NO_ANSWER)[0],
        of_kind(steps, Step.KIND_OUTCOME),
    )
    assert no_answer.facts["cause"] == "CONNECTION_LOST_AFTER_SEND"
    assert unknown.summary.startswith("UNKNOWN so far, CONNECTION_LOST_AFTER_SEND: ")
    assert (last.facts["code"], last.facts["cause"]) == ("SUCCEEDED", "SESSION_STARTED")
    seen = [step.summary for step in of_kind(steps, Step.KIND_EVIDENCE)]
    told = ["connected", "booted", f"reported the start of session {last.facts['transaction_id']}"]
    assert [word for word in told if any(word in each for each in seen)] == told


async def test_a_session_that_came_too_late_is_explained_to_the_end_of_its_undoing(
    house: House,
) -> None:
    async with house.station() as (id, station):
        command = await house.broker.start(id, SUBMITTED, evse_id=1)
        message_id, _ = await station.called("RemoteStartTransaction")
        cancel = pb.CancelCommandRequest(name=command.name, reason="driver left")
        await house.broker.commands.CancelCommand(cancel, timeout=20)
        await station.answer(message_id, {"status": "Accepted"})
        number = await begin_session(station)
        await station.accept("RemoteStopTransaction")
        await end_session(station, number)
        done = Compensation.STATE_DONE
        await until(house, command.name, lambda c: c.compensation.state == done)
    steps = await explained(house, command.name)
    (cancelled,) = of_kind(steps, Step.KIND_CANCEL_ASKED)
    assert cancelled.summary == "It is to be taken back: driver left."
    start, stop = of_kind(steps, Step.KIND_FRAME_SENT)
    assert (start.facts["action"], stop.facts["action"], stop.facts["undo"]) == (
        *("RemoteStartTransaction", "RemoteStopTransaction", "true"),
    )
    assert (stop.facts["way"], stop.facts["line"]) == ("TASK_QUEUE", "NOT_OFFERED")
    assert json.loads(stop.facts["frame"]) == {"transactionId": number}
    undoing = [each.facts["state"] for each in of_kind(steps, Step.KIND_COMPENSATION)]
    assert undoing == ["PENDING", "DONE"]
    acts = [each.facts["act"] for each in of_kind(steps, Step.KIND_DECIDED)]
    assert acts[0] == "UNDO" and "UNDONE" in acts
    assert kinds(steps).index("DECIDED") < steps.index(stop)
    seen = " ".join(each.summary for each in of_kind(steps, Step.KIND_EVIDENCE))
    assert "reported the start of session" in seen and "reported the end of session" in seen


async def test_an_ordinary_start_is_explained_with_its_frame_and_every_id(
    house: House, client: Client
) -> None:
    async with house.station() as (id, station):
        call = asyncio.ensure_future(house.broker.start(id, OUTCOME, evse_id=1))
        message_id, payload = await station.called("RemoteStartTransaction")
        await station.answer(message_id, {"status": "Accepted"})
        await begin_session(station)
        command = await call
    steps = await explained(house, command.name)
    asked, (frame,) = steps[0], of_kind(steps, Step.KIND_FRAME_SENT)
    assert payload["idTag"] == TAG
    assert json.loads(frame.facts["frame"]) == {**payload, "idTag": "****0042"}
    assert frame.facts["message_id"] == message_id
    assert asked.facts["trace_id"] == command.trace_id
    (route,) = of_kind(steps, Step.KIND_ROUTE)
    assert [each.facts["way"] for each in (route, frame)] == ["DIRECT_LINE", "DIRECT_LINE"]
    description = await client.get_workflow_handle(asked.facts["workflow_id"]).describe()
    assert description.id == command.workflow_id
    assert TAG not in str(steps)


async def test_a_command_that_waits_for_its_station_is_explained_so_far(house: House) -> None:
    id = await house.offline_station()
    options = options_pb.CommandOptions(
        wait_for=SUBMITTED, offline_policy=options_pb.OFFLINE_POLICY_WAIT
    )
    request = pb.StartSessionRequest(station=f"stations/{id}", options=options)
    request.id_token.value = TAG
    reply = await house.broker.commands.StartSession(request, timeout=20)
    steps = await explained(house, reply.command.name)
    assert kinds(steps) == ["ASKED", "QUEUED"]
    assert steps[-1].summary == "The station is offline; waiting for it to connect."


async def test_an_unknown_command_cannot_be_explained(house: House) -> None:
    request = pb.ExplainCommandRequest(name=f"commands/{uuid.uuid4()}")
    failure = await failure_of(house.broker.commands.ExplainCommand(request))
    assert failure.code is grpc.StatusCode.NOT_FOUND
    bad = pb.ExplainCommandRequest(name="stations/CP1")
    failure = await failure_of(house.broker.commands.ExplainCommand(bad))
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT


async def test_the_command_line_prints_the_story_as_a_table_with_its_ids(house: House) -> None:
    name = await lost_answer_story(house)
    command = await house.broker.get(name)
    code, printed = await evcommand("explain", name, "--address", house.address)
    assert code == 0, printed
    assert f"Workflow  {command.workflow_id}\n" in printed
    assert re.search(r"station +EVIDENCE +\S+ reported the start of", printed)
    assert re.search(r'frame: \{.*"idTag": "\*\*\*\*0042"', printed)
    assert re.search(r"message_id: [0-9a-f-]{36}", printed)
    assert TAG not in printed


async def test_the_command_line_prints_the_story_as_json(house: House) -> None:
    command = await house.broker.start(await house.offline_station())
    id = command.name.removeprefix("commands/")
    _, printed = await evcommand("explain", id, "--json", "--address", house.address)
    steps = json.loads(printed)
    assert [step["kind"] for step in steps] == ["KIND_ASKED", "KIND_OUTCOME"]
    assert steps[0]["facts"]["workflow_id"] == command.workflow_id


async def test_the_command_line_says_what_to_do_about_a_command_that_is_not_there(
    house: House,
) -> None:
    code, printed = await evcommand("explain", str(uuid.uuid4()), "--address", house.address)
    assert code == 3
    assert "NOT_FOUND" in printed and "ListCommands" in printed
