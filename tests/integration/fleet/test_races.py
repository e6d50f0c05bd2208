"""Races that the database decides, with real concurrency on both databases."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from fleet import sends, transactions
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import commands as log
from fleet.log.event_log import Columns
from fleet.sends import AlreadySettled, Send
from tests.support.fleet_rows import NOW, connect, event_2, intend, start_16

Run = Callable[[Callable[[Tx], Awaitable[Any]]], Awaitable[Any]]


@pytest.fixture(params=["write", "batch"])
def run(request: pytest.FixtureRequest, db: Database) -> Run:
    """Runs an operation in a transaction of its own, or in a shared one."""

    async def alone(op: Callable[[Tx], Awaitable[Any]]) -> Any:
        async with db.write() as tx:
            return await op(tx)

    return alone if request.param == "write" else db.batch


async def try_to_send(tx: Tx, command: str) -> Send:
    try:
        return await intend(tx, command)
    except AlreadySettled as settled:
        return settled.send


async def append(tx: Tx, key: str, name: str = "c1") -> Any:
    return await log.append(
        tx,
        tenant="acme",
        name=name,
        key=key,
        change=lambda old: {"keys": [*(old or {"keys": []})["keys"], key]},
        columns=lambda _: Columns("CP1", "START_SESSION", "QUEUED", "", NOW),
        now=NOW,
    )


async def test_sending_and_giving_up_are_decided_exactly_once(db: Database, run: Run) -> None:
    async with db.write() as tx:
        await connect(tx)
    for number in range(40):
        command = f"c{number}"
        ways: list[Any] = [
            partial(try_to_send, command=command),
            partial(sends.void, tenant="acme", command=command, attempt=1, now=NOW),
        ]
        seen = await asyncio.gather(*(run(op) for op in ways[:: 1 if number % 2 else -1] * 3))
        assert len({(send.id, send.state) for send in seen}) == 1


async def test_every_concurrent_change_of_a_command_is_kept_in_one_order(
    db: Database, run: Run
) -> None:
    keys = [f"k{n}" for n in range(30)]
    await asyncio.gather(*(run(partial(append, key=k)) for k in keys))
    async with db.read() as tx:
        history = await log.history(tx, tenant="acme", name="c1")
        newest = await log.latest(tx, tenant="acme", name="c1")
    assert [entry.revision for entry in history] == list(range(1, 31))
    assert newest == history[-1]
    assert newest.snapshot["keys"] == [entry.key for entry in history]
    assert sorted(newest.snapshot["keys"]) == sorted(keys)


async def test_the_same_change_from_many_callers_is_written_once(db: Database, run: Run) -> None:
    entries = await asyncio.gather(*(run(lambda tx: append(tx, "queued")) for _ in range(20)))
    assert len({entry.seq for entry in entries}) == 1


async def test_the_same_start_on_many_connections_is_one_transaction(
    db: Database, run: Run
) -> None:
    rows = await asyncio.gather(*(run(start_16) for _ in range(12)))
    assert len({row.id for row, _ in rows}) == 1
    assert sum(created for _, created in rows) == 1


async def test_events_of_a_session_on_many_connections_make_one_row(db: Database, run: Run) -> None:
    kinds = ["Started", "Updated", "Ended", "Started", "Ended"]
    ops = [partial(event_2, type=k, seq_no=n % 3) for n, k in enumerate(kinds)]
    rows = await asyncio.gather(*(run(op) for op in ops))
    assert len({row.id for row, _ in rows}) == 1
    async with db.read() as tx:
        (row,) = await transactions.list_page(tx, tenant="acme", limit=10)
    assert (row.state, row.observed_only) == ("ENDED", False)


async def test_every_claim_of_a_station_gets_an_epoch_of_its_own(db: Database, run: Run) -> None:
    epochs = await asyncio.gather(
        *(run(partial(connect, connection_id=f"c{n}")) for n in range(20))
    )
    assert sorted(epochs) == list(range(1, 21))
