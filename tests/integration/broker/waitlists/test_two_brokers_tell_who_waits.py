"""Two brokers on one PostgreSQL: whoever made a change, both tell it once, and in order."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from evcommand.v1 import waitlist_pb2 as pb
from temporalio.client import Client

from tests.integration.broker.bookings.asking import a_pool
from tests.integration.broker.bookings.test_two_brokers import two_brokers
from tests.integration.broker.bookings.test_waitlist import joining
from tests.support.benches.broker_house import WAIT_S, Broker
from tests.support.client import patiently
from tests.support.databases import Postgres, postgres_server

__all__ = ["postgres_server"]

pytestmark = pytest.mark.asyncio(loop_scope="session")

State = pb.WaitlistEntry.State
WAITING = 4
Told = tuple[str, int, int]


async def watched(broker: Broker, pool: str, resume_token: str = "") -> Any:
    request = pb.WatchWaitlistRequest(pool=pool, resume_token=resume_token)
    call = broker.bookings.WatchWaitlist(request)
    await call.initial_metadata()
    return call


async def read(call: Any, count: int) -> tuple[list[Told], str]:
    """The next ones as (name, revision, state), and the token behind them."""
    told, token = [], ""
    async with asyncio.timeout(3 * WAIT_S):
        for _ in range(count):
            message = await call.read()
            entry, token = message.entry, message.resume_token
            told.append((entry.name, entry.revision, entry.state))
    return told, token


async def test_whoever_changes_who_waits_both_brokers_tell_it_once(
    postgres_server: Postgres, client: Client
) -> None:
    async with AsyncExitStack() as stack:
        brokers = await two_brokers(stack, postgres_server, client)
        pool = await a_pool(brokers[0], 1)
        calls = [await watched(broker, pool) for broker in brokers]

        async def comes_and_goes(number: int) -> None:
            broker, other = brokers[number % 2], brokers[1 - number % 2]
            request = joining(pool, f"T{number}")
            leaving = pb.LeaveWaitlistRequest(name=f"waitlistEntries/{request.request_id}")
            # All share one busy machine: the database may seem slow.
            await patiently(lambda: broker.bookings.JoinWaitlist(request, timeout=60))
            await patiently(lambda: other.bookings.LeaveWaitlist(leaving, timeout=60))

        await asyncio.gather(*(comes_and_goes(number) for number in range(WAITING)))
        listed = await brokers[0].bookings.ListWaitlistEntries(
            pb.ListWaitlistEntriesRequest(pool=pool)
        )
        changes = sum(entry.revision for entry in listed.entries)
        first, _ = await read(calls[0], changes)
        some, token = await read(calls[1], changes // 2)
        calls[1].cancel()
        rest, _ = await read(await watched(brokers[0], pool, token), changes - changes // 2)
    assert some + rest == first
    by_entry: dict[str, list[tuple[int, int]]] = {}
    for name, revision, state in first:
        by_entry.setdefault(name, []).append((revision, state))
    assert len(by_entry) == WAITING
    for states in by_entry.values():
        assert [revision for revision, _ in states] == list(range(1, len(states) + 1))
        assert (states[0][1], states[-1][1]) == (State.STATE_WAITING, State.STATE_LEFT)
