"""WatchCommands: present states first, nothing missed, nothing twice."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import pytest
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1.remote_command_pb2 import RemoteCommand
from temporalio.client import Client

from broker.process import running_broker
from broker.settings import BrokerSettings
from fleet.database import Database
from tests.support.benches.broker_house import WAIT_S, House, dialled, failure_of, patient

pytestmark = pytest.mark.asyncio(loop_scope="session")

SUBMITTED, OUTCOME = 1, 3
QUEUED, DONE = RemoteCommand.STATE_QUEUED, RemoteCommand.STATE_DONE


@asynccontextmanager
async def watching(house: House, **fields: Any) -> AsyncIterator[Any]:
    call = house.broker.commands.WatchCommands(pb.WatchCommandsRequest(**fields))
    try:
        yield call
    finally:
        call.cancel()


async def next_of(call: Any) -> pb.WatchCommandsResponse:
    async with asyncio.timeout(WAIT_S):
        reply = await call.read()
    assert isinstance(reply, pb.WatchCommandsResponse)
    return reply


async def queued(house: House, id: str) -> str:
    """A command that waits for its offline station, and of which nothing new is to come."""
    command = await house.broker.start(id, SUBMITTED, options=patient())
    async with watching(house, names=[command.name]) as call:
        while not command.progress:
            command = (await next_of(call)).command
    return command.name


async def cancel(house: House, name: str) -> None:
    await house.broker.commands.CancelCommand(pb.CancelCommandRequest(name=name))


async def until_done(call: Any, name: str) -> list[pb.WatchCommandsResponse]:
    """Every message about a command up to its DONE."""
    seen = []
    while True:
        reply = await next_of(call)
        if reply.command.name == name:
            seen.append(reply)
            if reply.command.state == DONE:
                return seen


def revisions(replies: list[pb.WatchCommandsResponse]) -> list[int]:
    return [reply.command.revision for reply in replies]


async def test_a_watch_by_name_tells_the_present_state_and_then_every_change(
    house: House,
) -> None:
    name = await queued(house, await house.offline_station())
    present = await house.broker.get(name)
    async with watching(house, names=[name]) as call:
        first = await next_of(call)
        assert first.command == present
        await cancel(house, name)
        later = await until_done(call, name)
    last = await house.broker.get(name)
    assert revisions([first, *later]) == list(range(present.revision, last.revision + 1))


async def test_a_watch_by_name_tells_a_finished_command_too(house: House) -> None:
    command = await house.broker.start(await house.offline_station())
    async with watching(house, names=[command.name]) as call:
        assert (await next_of(call)).command == command


async def test_a_watch_of_a_station_tells_what_goes_on_and_what_is_new(house: House) -> None:
    id = await house.offline_station()
    ended = await house.broker.start(id)
    waiting = await queued(house, id)
    async with watching(house, station=f"stations/{id}") as call:
        assert (await next_of(call)).command.name == waiting
        fresh = await queued(house, id)
        assert (await next_of(call)).command.name == fresh
    assert ended.name not in {waiting, fresh}


async def test_a_watch_resumes_behind_any_message_without_gap_or_repeat(house: House) -> None:
    id = await house.offline_station()
    names = [await queued(house, id) for _ in range(4)]
    here = {"station": f"stations/{id}"}
    seen: list[pb.WatchCommandsResponse] = []
    token = ""
    for _ in range(4):  # a new connection for every message, also within the present states
        async with watching(house, resume_token=token, **here) as call:
            seen.append(await next_of(call))
            token = seen[-1].resume_token
    assert {reply.command.name for reply in seen} == set(names)
    await cancel(house, names[0])
    async with watching(house, resume_token=token, **here) as call:
        later = await until_done(call, names[0])
    assert {reply.command.name for reply in later} == {names[0]}
    told = [reply for reply in seen if reply.command.name == names[0]]
    numbers = revisions([*told, *later])
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


async def test_a_change_between_two_present_states_is_told_once(house: House) -> None:
    id = await house.offline_station()
    older, newer = await queued(house, id), await queued(house, id)
    here = {"station": f"stations/{id}"}
    async with watching(house, **here) as call:
        first = await next_of(call)
    assert first.command.name == newer
    await cancel(house, older)  # it was not told yet, and now it changes
    async with watching(house, resume_token=first.resume_token, **here) as call:
        told = await until_done(call, older)
    assert revisions(told) == sorted(set(revisions(told)))
    assert told[-1].command == await house.broker.get(older)


async def test_concurrent_changes_are_told_in_order_and_once(house: House) -> None:
    id = await house.offline_station()
    async with watching(house, station=f"stations/{id}") as call:
        names = [await queued(house, id) for _ in range(6)]
        await asyncio.gather(*(cancel(house, name) for name in names))
        seen: dict[str, list[int]] = {}
        done: set[str] = set()
        while done != set(names):
            command = (await next_of(call)).command
            seen.setdefault(command.name, []).append(command.revision)
            done |= {command.name} if command.state == DONE else set()
    for told in seen.values():
        assert told == list(range(1, len(told) + 1))


async def test_a_resume_token_fits_its_selection_only(house: House) -> None:
    name = await queued(house, await house.offline_station())
    async with watching(house, names=[name]) as call:
        token = (await next_of(call)).resume_token
    for bad in (
        pb.WatchCommandsRequest(all=True, resume_token=token),
        pb.WatchCommandsRequest(names=[name], resume_token="made-up"),
    ):
        failure = await failure_of(house.broker.commands.WatchCommands(bad))
        assert failure.reason == "RESUME_TOKEN_INVALID"


async def test_an_unknown_name_is_not_found(house: House) -> None:
    request = pb.WatchCommandsRequest(names=[f"commands/{uuid.uuid4()}"])
    failure = await failure_of(house.broker.commands.WatchCommands(request))
    assert failure.reason == "COMMAND_NOT_FOUND"


async def test_watches_are_limited_and_given_back_when_their_client_goes(
    house: House, client: Client, db: Database
) -> None:
    settings = BrokerSettings(listen="127.0.0.1:0", max_watches=1, drain_s=0.5)
    async with running_broker(db, client, settings) as broker, dialled(broker.address) as dialled_:
        small = House(dialled_, db, 0)
        name = await queued(house, await house.offline_station())
        async with watching(small, names=[name]) as call:
            await next_of(call)
            second = dialled_.commands.WatchCommands(pb.WatchCommandsRequest(names=[name]))
            failure = await failure_of(second)
            assert failure.code is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert failure.retry_s
        await _can_watch(small, name)


async def _can_watch(house: House, name: str) -> None:
    async with asyncio.timeout(WAIT_S):
        while True:
            async with watching(house, names=[name]) as call:
                try:
                    await next_of(call)
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(0.02)
                else:
                    return


async def test_a_drain_ends_watches_with_unavailable_and_waits_with_the_command(
    house: House, client: Client, db: Database
) -> None:
    name = await queued(house, await house.offline_station())
    id = await house.offline_station()
    async with AsyncExitStack() as stack:
        settings = BrokerSettings(listen="127.0.0.1:0", drain_s=5)
        broker = await stack.enter_async_context(running_broker(db, client, settings))
        async with dialled(broker.address) as small, watching(house, all=True) as events:
            watch = small.commands.WatchCommands(pb.WatchCommandsRequest(names=[name]))
            await next_of(watch)
            outcome = asyncio.ensure_future(small.start(id, OUTCOME, options=patient()))
            while (await next_of(events)).command.station != f"stations/{id}":
                pass
            await stack.aclose()
            failure = await failure_of(watch)
            assert (failure.code, failure.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
            assert (await outcome).state == QUEUED
