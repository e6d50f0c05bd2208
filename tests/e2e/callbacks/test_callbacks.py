"""Callbacks through real processes: the example receivers, and kill -9 while one is posted."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc.aio
import httpcore
import pytest
import pytest_asyncio
from google.protobuf.timestamp_pb2 import Timestamp

from tests.e2e.callbacks.desk import Desk, node_receiver, python_receiver, running_receiver
from tests.support.processes import Fleet, running_fleet
from tests.support.receiver import Answer, receiving

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """Processes that may post to this machine."""
    home: Path = tmp_path_factory.mktemp("fleet")
    lab = {"EVCOMMAND_BROKER_CALLBACK_ALLOW_PRIVATE": "true"}
    async with running_fleet(home, lab) as fleet:
        yield fleet


@pytest_asyncio.fixture(loop_scope="session")
async def desk(fleet: Fleet) -> AsyncIterator[Desk]:
    """A client of the broker."""
    options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]
    async with grpc.aio.insecure_channel(fleet.grpc_address, options=options) as channel:
        yield Desk(channel)


@pytest.mark.parametrize("receiver", [python_receiver, node_receiver])
async def test_example_receiver_verifies_and_takes_a_post_once(
    fleet: Fleet, desk: Desk, receiver: Callable[[], list[str]]
) -> None:
    command_line = await asyncio.to_thread(receiver)
    secret = await desk.rotate()
    async with running_receiver(command_line, secret) as running:
        command = await desk.start_at_an_offline_station(running.url)
        line = await running.line()
        (delivery,) = await desk.delivered(command.name)
    assert (line["command"], line["type"]) == (command.name, "command.outcome")
    assert (line["outcome"], line["newest"]) == ("CODE_NOT_SENT", True)
    assert delivery.name == f"callbackDeliveries/{line['id']}"
    files = [each for each in fleet.broker.log.parent.iterdir() if each.is_file()]
    assert {".log", ".sqlite"} <= {each.suffix for each in files}
    key = secret.removeprefix("whsec_").encode()
    assert [each.name for each in files if key in each.read_bytes()] == [], "a secret in a file"


@pytest.mark.parametrize("receiver", [python_receiver, node_receiver])
async def test_example_receiver_refuses_a_forged_post(receiver: Callable[[], list[str]]) -> None:
    command_line = await asyncio.to_thread(receiver)
    headers: dict[bytes | str, bytes | str] = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(time.time())),
        "webhook-signature": "v1,bm90IGEgc2lnbmF0dXJl",
    }
    async with (
        running_receiver(command_line, "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=") as running,
        httpcore.AsyncConnectionPool() as pool,
    ):
        answer = await pool.request("POST", running.url, headers=headers, content=b"{}")
        assert answer.status == 400
        assert "refused" in await running.complaint()


@pytest.mark.parametrize("victim", ["broker", "worker", "temporal"])
async def test_death_before_the_outcome_loses_no_post(
    fleet: Fleet, desk: Desk, victim: str
) -> None:
    secret = await desk.rotate()
    soon = Timestamp()
    soon.FromSeconds(int(time.time()) + 4)
    async with receiving() as receiver:
        command = await desk.start_at_an_offline_station(receiver.url(), soon)
        await fleet.crash(victim)
        await fleet.recover(victim)
        (delivery,) = await desk.delivered(command.name)
        assert {post.id for post in receiver.posts} == {delivery.name.split("/")[1]}
        content = receiver.posts[0].verify(secret)
    assert content["data"]["outcome"]["code"] == "CODE_NOT_SENT"


@pytest.mark.parametrize("victim", ["worker", "temporal"])
async def test_death_while_it_is_posted_loses_no_post_and_keeps_its_id(
    fleet: Fleet, desk: Desk, victim: str
) -> None:
    await desk.rotate()
    async with receiving() as receiver:
        receiver.answers += [Answer(delay_s=1.0)]
        command = await desk.start_at_an_offline_station(receiver.url())
        await receiver.received(1)
        await fleet.crash(victim)
        await fleet.recover(victim)
        (delivery,) = await desk.delivered(command.name)
        assert {post.id for post in receiver.posts} == {delivery.name.split("/")[1]}


async def test_broker_that_dies_with_a_post_in_hand_is_followed_by_another_try(
    fleet: Fleet, desk: Desk
) -> None:
    """The try is given up when its broker was silent for 8 s; the next one is due 30 s later."""
    await desk.rotate()
    async with receiving() as receiver:
        receiver.answers += [Answer(delay_s=5.0)]
        command = await desk.start_at_an_offline_station(receiver.url())
        await receiver.received(1)
        await fleet.crash("broker")
        await fleet.recover("broker")
        async with asyncio.timeout(55):  # 99 of 100 news come within a minute
            while len(receiver.posts) < 2:
                await asyncio.sleep(0.2)
        (delivery,) = await desk.delivered(command.name)
    assert {post.id for post in receiver.posts} == {delivery.name.split("/")[1]}
    assert delivery.tries == 2
