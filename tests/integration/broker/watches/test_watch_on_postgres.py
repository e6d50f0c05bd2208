"""On PostgreSQL commits overtake each other: a watch tells all the same everything once."""

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from evcommand.v1 import remote_command_service_pb2 as pb
from temporalio.client import Client

from broker.process import running_broker
from broker.settings import BrokerSettings
from domain.model.command import Command, State
from domain.model.specs import IdToken, Kind, StartSpec
from fleet.database import Database
from journal.commands.record import record
from tests.support.benches.broker_house import WAIT_S, dialled
from tests.support.databases import Postgres, postgres_server

__all__ = ["postgres_server"]

pytestmark = pytest.mark.asyncio(loop_scope="session")

COMMANDS, CHANGES = 12, 5


def new_command() -> Command:
    name, now = str(uuid.uuid4()), datetime.now(UTC)
    return Command(
        name=name,
        tenant="default",
        kind=Kind.START_SESSION,
        station="CP-1",
        state=State.QUEUED,
        create_time=now,
        not_after=now + timedelta(minutes=1),
        workflow_id=f"command/default/{name}",
        start=StartSpec(IdToken("ISO14443", "****", "", "")),
    )


async def live(db: Database, command: Command) -> None:
    """Every change in a transaction of its own, open for different lengths of time."""
    for number in range(CHANGES):
        async with db.write() as tx:
            await record(
                tx,
                tenant="default",
                name=command.name,
                key=f"{number}",
                change=lambda known, n=number: replace(known, progress=str(n)),  # type: ignore[misc]
                now=datetime.now(UTC),
                initial=command,
            )
            await asyncio.sleep(0.001 * (hash(command.name) % 30))


async def test_a_watch_tells_overtaking_commits_once_and_in_order(
    postgres_server: Postgres, client: Client
) -> None:
    async with postgres_server.fresh() as url:
        db = await Database.open(url)
        settings = BrokerSettings(listen="127.0.0.1:0", drain_s=0.5)
        async with (
            running_broker(db, client, settings) as broker,
            dialled(broker.address) as small,
        ):
            await check_watch(db, small)
        await db.close()


async def check_watch(db: Database, small: Any) -> None:
    seen: dict[str, list[int]] = {}
    living = asyncio.gather(*(live(db, new_command()) for _ in range(COMMANDS)))
    first = small.commands.WatchCommands(pb.WatchCommandsRequest(all=True))
    reply = await first.read()
    seen[f"{reply.command.name}"] = [reply.command.revision]
    first.cancel()
    token = reply.resume_token
    while sum(told[-1] for told in seen.values()) < COMMANDS * CHANGES:
        request = pb.WatchCommandsRequest(all=True, resume_token=token)
        watch = small.commands.WatchCommands(request)
        token = await read_until_cut(watch, seen)
        watch.cancel()
    await living
    for told in seen.values():
        assert told == list(range(told[0], CHANGES + 1))


async def read_until_cut(watch: Any, seen: dict[str, list[int]]) -> str:
    """Reads seven messages, or fewer when all was told; the last resume token."""
    token = ""
    async with asyncio.timeout(WAIT_S):
        for _ in range(7):
            reply = await watch.read()
            seen.setdefault(reply.command.name, []).append(reply.command.revision)
            token = reply.resume_token
            if sum(told[-1] for told in seen.values()) >= COMMANDS * CHANGES:
                break
    return token
