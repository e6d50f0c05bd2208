"""One flooded workflow costs no other one anything, at the server's own limit of signals.

The limit is lowered from 10,000 to 100, and the length of a run with it: 120 signals here are
12,000 there.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
import pytest_asyncio
from sqlalchemy import insert
from temporalio.client import Client
from temporalio.service import RPCError

from contract import names
from contract.commands import WakeInput
from contract.converter import DATA_CONVERTER
from domain.model.command import Code, Command, WaitFor
from domain.reservations.reservation import ReservationState
from entrypoints.temporal.binary import find_temporal
from entrypoints.temporal.dev_server import DevServerOptions, running_dev_server
from fleet import tables
from fleet.database import Database
from tests.integration.workflows.wakeups.test_long_histories import on_guard, run_of
from tests.support.benches import hold_bench
from tests.support.benches.command_bench import Bench
from tests.support.scripted_gateway import accepted, answers, has_code
from workflows import command_run
from workflows.registration import register_search_attributes
from workflows.worker import running_worker

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMIT = 100
FULL = "command/acme/full"
SAID = "INVALID_ARGUMENT: exceeded workflow execution limit for signal events"


@pytest_asyncio.fixture(loop_scope="session")
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """A client of a server that takes few signals of one run."""
    options = DevServerOptions(
        log_file=tmp_path / "temporal.log",
        ui=False,
        dynamic_config=(f"history.maximumSignalsPerExecution={LIMIT}",),
    )
    binary = await asyncio.to_thread(find_temporal, lambda _: None)
    async with running_dev_server(binary, options, lambda _: None) as where:
        client = await Client.connect(where.address, data_converter=DATA_CONVERTER)
        await register_search_attributes(client)
        yield client


async def fill_a_run(client: Client) -> str:
    """A run that takes no signal any more. Returns the server's word."""
    handle = await client.start_workflow("Nobody", id=FULL, task_queue="nobody")
    for _ in range(LIMIT):
        await handle.signal(names.WAKE_SIGNAL, WakeInput("flood"))
    with pytest.raises(RPCError) as refused:
        await handle.signal(names.WAKE_SIGNAL, WakeInput("flood"))
    return f"{refused.value.status.name}: {refused.value.message}"


async def leave_rows(db: Database, number: int) -> None:
    """Rows of that run, as an older version left them."""
    now = datetime.now(UTC) - timedelta(minutes=11)
    row = {"workflow_id": FULL, "reason": "transaction", "create_time": now}
    async with db.write() as tx:
        await tx.execute(insert(tables.wakeups), [row] * number)


async def flooded(bench: Bench, command: Command, number: int) -> None:
    """The card on guard goes on reporting: none of its signals is refused."""
    first = await run_of(bench, command)
    for _ in range(number):
        await bench.handle(command).signal(names.WAKE_SIGNAL, WakeInput("flood"))
    assert await run_of(bench, command) != first


async def told_at_once(bench: Bench) -> None:
    """A start at another station is told within a second of its session."""
    bench.gateway.plays = [answers(accepted())]
    command = await bench.start_command()
    await bench.submit(command, WaitFor.STATION_ANSWER)
    await bench.session_starts()
    begun_s = monotonic()
    await bench.until(command, lambda seen: has_code(seen, Code.SUCCEEDED))
    assert monotonic() - begun_s < 1


async def hold_ends_on_time(bench: Bench) -> None:
    """A hold of eight seconds ends at its end."""
    bench.gateway.plays = [answers(accepted()), answers(accepted())]
    command = await hold_bench.reserve_command(bench, ttl=timedelta(seconds=8))
    assert command.reserve is not None
    await bench.submit(command)
    ended = await hold_bench.until(
        bench, command, lambda seen: seen.state is ReservationState.EXPIRED
    )
    assert ended.end_time is not None
    assert ended.end_time - command.reserve.expire_time < timedelta(seconds=1)


async def test_a_full_run_and_its_rows_cost_no_other_command_and_no_hold_anything(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_run, "HISTORY_LIMIT", 40)
    assert await fill_a_run(client) == SAID

    async def now() -> datetime:
        return datetime.now(UTC)

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running_worker(database, client))
        benches = [Bench(client, database, now, asyncio.sleep) for _ in range(3)]
        loud, quick, held = [await stack.enter_async_context(each.running()) for each in benches]
        command = await on_guard(loud)
        await leave_rows(database, 1000)
        await asyncio.gather(
            flooded(loud, command, LIMIT + LIMIT // 5),
            told_at_once(quick),
            hold_ends_on_time(held),
        )
