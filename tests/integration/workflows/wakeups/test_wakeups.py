"""The outbox of wake-ups: nothing is lost when Temporal is away, nothing is kept for the dead."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from sqlalchemy import insert
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from fleet import tables, wakeups
from fleet.database import Database
from journal.wakeups import WakeupDispatcher
from telemetry import metrics

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOW = datetime(2026, 5, 1, tzinfo=UTC)


class FakeTemporal:
    """Takes signals, or refuses them as scripted: one error per signal, None takes it."""

    def __init__(self, *errors: RPCStatusCode | None) -> None:
        self.errors = list(errors)
        self.taken: list[str] = []
        self.started: list[str] = []
        self.refusing: dict[str, RPCError] = {}
        self.tries: dict[str, int] = {}
        self.down: RPCError | RuntimeError | None = None
        self.hanging: set[str] = set()

    async def start_workflow(self, *_: object, id: str, **__: object) -> None:
        """Starts whatever it is asked for."""
        if id in self.refusing:
            raise self.refusing[id]
        self.started.append(id)

    def get_workflow_handle(self, workflow_id: str) -> Any:
        """A handle that signals."""
        return _Handle(self, workflow_id)


class _Handle:
    def __init__(self, temporal: FakeTemporal, workflow_id: str) -> None:
        self._temporal, self._id = temporal, workflow_id

    async def signal(self, *_: object, **__: object) -> None:
        temporal = self._temporal
        temporal.tries[self._id] = temporal.tries.get(self._id, 0) + 1
        if temporal.down is not None:
            raise temporal.down
        if self._id in temporal.hanging:
            await asyncio.Event().wait()
        if self._id in temporal.refusing:
            raise temporal.refusing[self._id]
        error = temporal.errors.pop(0) if temporal.errors else None
        if error is not None:
            raise RPCError("scripted", error, b"")
        temporal.taken.append(self._id)


@contextlib.asynccontextmanager
async def dispatching(db: Database, temporal: FakeTemporal) -> AsyncIterator[WakeupDispatcher]:
    begun = datetime.now(UTC)
    dispatcher = WakeupDispatcher(
        db,
        cast("Client", temporal),
        sweep_s=0.05,
        settle_s=0,
        clock=lambda: NOW + timedelta(seconds=1) + (datetime.now(UTC) - begun),
    )
    running = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def noted(db: Database, *workflow_ids: str) -> None:
    async with db.write() as tx:
        for workflow_id in workflow_ids:
            await wakeups.add(tx, workflow_id, "transaction", NOW)


async def emptied(db: Database) -> None:
    async with asyncio.timeout(5):
        while True:
            async with db.read() as tx:
                if not (await wakeups.backlog(tx)).undelivered:
                    return
            await asyncio.sleep(0.01)


async def test_a_kick_signals_each_workflow_once(database: Database) -> None:
    temporal = FakeTemporal()
    await noted(database, "a", "a", "b")
    async with dispatching(database, temporal) as dispatcher:
        dispatcher.kick()
        await emptied(database)
    assert sorted(temporal.taken) == ["a", "b"]


async def test_what_temporal_did_not_take_is_repeated(database: Database) -> None:
    temporal = FakeTemporal(RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED)
    await noted(database, "a")
    async with dispatching(database, temporal):
        await emptied(database)
    assert temporal.taken == ["a"]


async def test_a_workflow_that_has_ended_is_forgotten(database: Database) -> None:
    temporal = FakeTemporal(RPCStatusCode.NOT_FOUND)
    await noted(database, "a")
    async with dispatching(database, temporal):
        await emptied(database)
    assert temporal.taken == []


FULL = RPCError(
    "exceeded workflow execution limit for signal events", RPCStatusCode.INVALID_ARGUMENT, b""
)


async def taken(temporal: FakeTemporal, *workflow_ids: str, within_s: float = 5) -> None:
    async with asyncio.timeout(within_s):
        while not set(workflow_ids) <= set(temporal.taken):
            await asyncio.sleep(0.005)


async def test_a_thousand_refused_rows_hold_up_no_other(database: Database) -> None:
    temporal = FakeTemporal()
    refused = [f"full-{number}" for number in range(1000)]
    temporal.refusing = dict.fromkeys(refused, FULL)
    await noted(database, *refused)
    async with dispatching(database, temporal) as dispatcher:
        await noted(database, "a")
        dispatcher.kick()
        await taken(temporal, "a", within_s=1)


async def test_a_thousand_rows_of_one_refused_workflow_hold_up_no_other(
    database: Database,
) -> None:
    temporal = FakeTemporal()
    temporal.refusing = {"full": FULL}
    await planted(database, *["full"] * 1000)
    async with dispatching(database, temporal) as dispatcher:
        await noted(database, "a")
        dispatcher.kick()
        await taken(temporal, "a", within_s=1)


async def test_signals_that_hang_hold_up_no_other(database: Database) -> None:
    temporal = FakeTemporal()
    temporal.hanging = {f"hangs-{number}" for number in range(20)}
    await noted(database, *sorted(temporal.hanging))
    async with dispatching(database, temporal) as dispatcher:
        dispatcher.kick()
        await asyncio.sleep(0)
        await noted(database, "a")
        await taken(temporal, "a", within_s=1)


async def test_a_refused_row_is_tried_ever_more_rarely(database: Database) -> None:
    temporal = FakeTemporal()
    temporal.refusing = {"full": FULL}
    await noted(database, "full", "a")
    async with dispatching(database, temporal):
        await taken(temporal, "a")
        await noted(database, "full", "full")
        await noted(database, "b")
        await taken(temporal, "b")
    assert temporal.tries["full"] == 1
    async with database.read() as tx:
        left = await wakeups.backlog(tx)
    assert (left.undelivered, left.parked) == (1, 0)


@pytest.mark.parametrize(
    "down",
    [
        RPCError("", RPCStatusCode.UNAVAILABLE, b""),
        RPCError("", RPCStatusCode.DEADLINE_EXCEEDED, b""),
        RPCError("namespace rate limit exceeded", RPCStatusCode.RESOURCE_EXHAUSTED, b""),
        RPCError("Namespace default is not found.", RPCStatusCode.NOT_FOUND, b""),
        RuntimeError("Failed client connect"),
    ],
)
async def test_after_an_outage_every_row_is_delivered_within_seconds(
    database: Database, down: RPCError | RuntimeError
) -> None:
    temporal = FakeTemporal()
    temporal.down = down
    waiting = [f"w-{number}" for number in range(100)]
    await noted(database, *waiting)
    async with dispatching(database, temporal) as dispatcher:
        dispatcher.kick()
        async with asyncio.timeout(10):
            while sum(temporal.tries.values()) < len(waiting) + 10:
                await asyncio.sleep(0.01)
        temporal.down = None
        await taken(temporal, *waiting, within_s=4)
        await emptied(database)


async def test_one_workflow_that_is_not_reached_does_not_hurry_those_that_are_refused(
    database: Database,
) -> None:
    temporal = FakeTemporal()
    temporal.refusing = {"away": RPCError("", RPCStatusCode.UNAVAILABLE, b"")}
    temporal.refusing |= dict.fromkeys([f"full-{number}" for number in range(20)], FULL)
    await noted(database, *temporal.refusing)
    async with dispatching(database, temporal) as dispatcher:
        for number in range(15):
            await noted(database, f"a-{number}")
            dispatcher.kick()
            await taken(temporal, f"a-{number}")
            await asyncio.sleep(0.1)
    assert temporal.tries["full-0"] <= 4  # at 0, 0.25, 0.75 and 1.75 s


async def test_what_temporal_can_never_take_is_parked_and_named_once(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    temporal = FakeTemporal()
    temporal.refusing = {"odd": RPCError("odd", RPCStatusCode.INVALID_ARGUMENT, b"")}
    await noted(database, "odd")
    await planted(database, "broken", start={"neither": "workflow", "nor": "queue"})
    before = metrics.UNUSABLE_WAKEUPS._value.get()
    async with dispatching(database, temporal):
        await emptied(database)
        await noted(database, "a")
        await taken(temporal, "a")
        async with asyncio.timeout(5):
            while metrics.PARKED_WAKEUPS._value.get() != 2:
                await asyncio.sleep(0.01)
    assert temporal.tries["odd"] == 1
    assert metrics.UNUSABLE_WAKEUPS._value.get() == before + 2
    assert capsys.readouterr().out.count("wakeup_parked") == 2


async def test_a_row_that_was_refused_for_a_day_is_parked(database: Database) -> None:
    temporal = FakeTemporal()
    temporal.refusing = {"full": FULL}
    day = timedelta(days=1, minutes=1)
    await planted(database, "full", create_time=NOW - day, tries=50, next_time=NOW)
    async with dispatching(database, temporal):
        await emptied(database)
    async with database.read() as tx:
        assert (await wakeups.backlog(tx)).parked == 1


async def test_a_start_in_a_namespace_that_is_not_there_is_kept(database: Database) -> None:
    temporal = FakeTemporal()
    temporal.refusing = {"hold": RPCError("not found", RPCStatusCode.NOT_FOUND, b"")}
    await planted(database, "hold", start={"workflow": "W", "queue": "q", "argument": {}})
    async with dispatching(database, temporal):
        await asyncio.sleep(0.1)
        async with database.read() as tx:
            assert (await wakeups.backlog(tx)).undelivered == 1
        temporal.refusing = {}
        await emptied(database)
    assert temporal.started == ["hold"]


async def test_sixteen_facts_a_second_cost_few_signals(database: Database) -> None:
    temporal = FakeTemporal()
    async with dispatching(database, temporal) as dispatcher:
        for _ in range(32):
            await noted(database, "a")
            dispatcher.kick()
            await asyncio.sleep(1 / 16)
        await emptied(database)
    assert 3 <= len(temporal.taken) <= 9


async def test_the_age_of_the_oldest_wake_up_is_measured(database: Database) -> None:
    temporal = FakeTemporal()
    temporal.down = RPCError("", RPCStatusCode.UNAVAILABLE, b"")
    await noted(database, "a")
    async with dispatching(database, temporal):
        async with asyncio.timeout(5):
            while metrics.OLDEST_WAKEUP._value.get() < 1:
                await asyncio.sleep(0.01)
        assert metrics.UNDELIVERED_WAKEUPS._value.get() == 1
        temporal.down = None
        await emptied(database)
        async with asyncio.timeout(5):
            while metrics.OLDEST_WAKEUP._value.get() > 0:
                await asyncio.sleep(0.01)


async def test_a_start_of_a_newer_version_is_read_by_an_older_one(database: Database) -> None:
    temporal = FakeTemporal()
    start = {"workflow": "W", "queue": "q", "argument": {}, "of_a_newer_version": True}
    await planted(database, "newer", start=start)
    async with dispatching(database, temporal):
        await emptied(database)
    assert temporal.started == ["newer"]


async def test_a_row_that_nobody_can_use_holds_up_no_other(database: Database) -> None:
    temporal = FakeTemporal()
    await planted(database, "broken", start={"neither": "workflow", "nor": "queue"})
    await noted(database, "a")
    async with dispatching(database, temporal):
        async with asyncio.timeout(5):
            while "a" not in temporal.taken:
                await asyncio.sleep(0.01)
        await noted(database, "b")
        async with asyncio.timeout(5):
            while "b" not in temporal.taken:
                await asyncio.sleep(0.01)
    assert temporal.started == []


async def planted(
    db: Database, *workflow_ids: str, start: dict[str, Any] | None = None, **known: Any
) -> None:
    """Rows as another version, or a fault, may have left them."""
    row = {"reason": "held", "start": start, "create_time": NOW, **known}
    async with db.write() as tx:
        for workflow_id in workflow_ids:
            await tx.execute(insert(tables.wakeups).values(workflow_id=workflow_id, **row))
