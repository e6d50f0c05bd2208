"""Events through real processes: what happens while a process is dead is posted, once by its id."""

import asyncio
import sqlite3
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import grpc.aio
import pytest
import pytest_asyncio

from tests.e2e.callbacks.desk import LIMIT_S, Desk
from tests.support.benches.broker_house import begin_session, end_session
from tests.support.processes import Fleet, running_fleet
from tests.support.receiver import Answer, Receiver, receiving
from tests.support.stations.scripted_station import connected

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


def rows(fleet: Fleet, station: str) -> list[str]:
    """The types of the events of a station that have a row, in their order."""
    with sqlite3.connect(fleet.database_file, timeout=10) as db:
        found = db.execute(
            "SELECT news FROM event_deliveries WHERE station = ? ORDER BY change_time, sequence",
            (station,),
        )
        return [row[0] for row in found]


async def written(fleet: Fleet, station: str, type: str) -> None:
    async with asyncio.timeout(LIMIT_S):
        while type not in await asyncio.to_thread(rows, fleet, station):
            await asyncio.sleep(0.05)


async def told(receiver: Receiver, type: str) -> None:
    async with asyncio.timeout(LIMIT_S):
        while type not in {post.json["type"] for post in receiver.posts}:
            await asyncio.sleep(0.05)


async def a_day(fleet: Fleet, id: str) -> None:
    """A station connects, has a session, and leaves."""
    async with connected(f"{fleet.ocpp_url}/{id}", subprotocol="ocpp1.6") as station:
        await station.boot()
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
        await station.call("StatusNotification", status)
        await end_session(station, await begin_session(station, tag="SECRET-TAG-4711"))


@pytest.mark.parametrize("victim", ["broker", "worker"])
async def test_what_happens_while_a_process_is_dead_is_posted_in_order(
    fleet: Fleet, desk: Desk, victim: str
) -> None:
    id = f"CP-{uuid.uuid4().hex[:8]}"
    secret = await desk.rotate()
    async with receiving() as receiver:
        await desk.choose(receiver.url(), "station.*", "transaction.*")
        await fleet.crash(victim)
        await a_day(fleet, id)
        if victim == "broker":  # the rows are there, and nobody can post them
            await written(fleet, id, "station.disconnected")
            assert receiver.posts == []
        await fleet.recover(victim)
        await told(receiver, "station.disconnected")
        await told(receiver, "transaction.ended")
        await desk.choose(receiver.url())
    by_id = {post.id: post.verify(secret) for post in receiver.posts}
    assert len(by_id) == len({post.id for post in receiver.posts}) == len(rows(fleet, id))
    told_of = [content["type"] for content in by_id.values()]
    of_station = [each for each in told_of if each.startswith("station.")]
    assert of_station[0] == "station.connected"
    assert of_station[-1] == "station.disconnected"
    assert {"station.booted", "station.connector"} < set(of_station)
    of_transaction = [each for each in told_of if each.startswith("transaction.")]
    assert of_transaction == ["transaction.started", "transaction.ended"]
    numbers = [
        content["sequence"] for content in by_id.values() if content["type"].startswith("station.")
    ]
    assert numbers == sorted(numbers)
    assert not [post for post in receiver.posts if "SECRET-TAG" in post.body]


async def test_a_worker_that_dies_with_a_post_in_hand_keeps_its_id(
    fleet: Fleet, desk: Desk
) -> None:
    id = f"CP-{uuid.uuid4().hex[:8]}"
    await desk.rotate()
    async with receiving() as receiver:
        await desk.choose(receiver.url(), "station.connected")
        receiver.answers.append(Answer(delay_s=1.0))
        async with connected(f"{fleet.ocpp_url}/{id}", subprotocol="ocpp1.6") as station:
            await station.boot()
            await receiver.received(1)
            await fleet.crash("worker")
            await fleet.recover("worker")
            await settled(fleet, id)
        await desk.choose(receiver.url())
    assert len({post.id for post in receiver.posts}) == 1


async def settled(fleet: Fleet, station: str) -> None:
    """Waits until the events of the station are delivered."""

    def open_rows() -> int:
        with sqlite3.connect(fleet.database_file, timeout=10) as db:
            query = "SELECT COUNT(*) FROM event_deliveries WHERE station = ? AND state <> ?"
            return int(db.execute(query, (station, "DELIVERED")).fetchone()[0])

    async with asyncio.timeout(LIMIT_S):
        while await asyncio.to_thread(open_rows):
            await asyncio.sleep(0.1)
