"""Callback workflows on a bench: a Temporal server that skips time, a real fleet, real posts."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from broker.callbacks.posting import posting_callbacks
from broker.callbacks.signing import make_secret
from broker.settings import BrokerSettings
from contract import names
from contract.callbacks import CallbackResult
from domain.commands import transitions as changes
from domain.model.command import Callback, CallbackEvents, Command
from domain.model.outcomes import Cause, ending
from fleet import callbacks, wakeups
from fleet.callbacks import Delivery
from fleet.database import Database
from fleet.keys import Sealer, load_sealer
from journal.callback_outbox import wake_callback
from journal.commands.record import record
from tests.support.histories import golden as histories
from tests.unit.domain.situations import ACCEPTED, T0, at, start
from workflows.calls import filters
from workflows.worker import running_worker

CALLER = "desk"
TENANT = "acme"
SETTINGS = BrokerSettings(callback_allow_private=True, callback_timeout_s=0.5)


class CallbackBench:
    """Commands with callbacks, moved by the test; everything that posts is real."""

    def __init__(self, db: Database, environment: WorkflowEnvironment, sealer: Sealer) -> None:
        self.db = db
        self.environment = environment
        self.sealer = sealer
        self.secret = make_secret()
        self.story = ""
        self._keys = 0
        self._kept = 0
        self._commands: list[str] = []

    async def own(self, url: str = "", **fields: Any) -> None:
        """The credential gets its secret, and its settings when a URL is given."""
        sealed = self.sealer.seal(self.secret)
        who: dict[str, Any] = {"tenant": TENANT, "caller": CALLER, "now": T0}
        async with self.db.write() as tx:
            await callbacks.set_secret(tx, secret=sealed, previous_until=None, **who)
            if url:
                more: dict[str, Any] = {"events": "OUTCOMES", "disable_reason": "", **fields}
                await callbacks.put(tx, url=url, **more, **who)

    async def settings(self) -> callbacks.Endpoint:
        """The credential's settings as they stand."""
        async with self.db.read() as tx:
            found = await callbacks.endpoint(tx, TENANT, CALLER)
        assert found is not None
        return found

    async def queued(
        self, url: str, events: CallbackEvents = CallbackEvents.OUTCOMES, *, default: bool = False
    ) -> Command:
        """A new command, written to the log."""
        name = str(uuid.uuid4())
        self._commands.append(name)
        command = replace(
            start(caller=CALLER, callback=Callback(url, events, default)),
            name=name,
            workflow_id=names.command_workflow_id(TENANT, name),
        )
        return await self.change(command, lambda known: known, initial=command)

    async def sent(self, command: Command) -> Command:
        """Its frame left."""
        return await self.change(command, lambda known: changes.sent(known, T0))

    async def answered(self, command: Command) -> Command:
        """The station said yes."""
        return await self.change(command, lambda known: changes.answered(known, ACCEPTED, at(1)))

    async def ended(self, command: Command, cause: Cause = Cause.SESSION_STARTED) -> Command:
        """It has its outcome."""
        return await self.change(
            command, lambda known: changes.concluded(known, ending(cause), at(9))
        )

    async def change(
        self,
        command: Command,
        change: Callable[[Command], Command],
        initial: Command | None = None,
    ) -> Command:
        """Any change, written as gateways and workers write them."""
        self._keys += 1
        async with self.db.write() as tx:
            return await record(
                tx,
                tenant=TENANT,
                name=command.name,
                key=f"step:{self._keys}",
                change=change,
                now=T0 + timedelta(seconds=self._keys),
                initial=initial,
            )

    async def deliveries(self, command: Command) -> list[Delivery]:
        """What became of its posts, the oldest change first."""
        async with self.db.read() as tx:
            return await callbacks.of_command(tx, TENANT, command.name)

    async def states(self, command: Command) -> list[tuple[int, str, str]]:
        """(sequence, state, cause) of its posts."""
        rows = await self.deliveries(command)
        return [(row.revision, row.state, row.cause) for row in rows]

    async def until(self, command: Command, state: str, revision: int | None = None) -> Delivery:
        """Waits for a delivery of the command in this state; no time is skipped for it."""
        async with asyncio.timeout(10):
            while True:
                for row in await self.deliveries(command):
                    if row.state == state and revision in (None, row.revision):
                        return row
                await asyncio.sleep(0.02)

    async def resend(self, command: Command, delivery: Delivery) -> None:
        """As ResendCallbackDelivery does."""
        async with self.db.write() as tx:
            await wake_callback(tx, command, "resend", T0)
            self._keys += 1
            now = T0 + timedelta(seconds=self._keys)
            await callbacks.resend(tx, TENANT, delivery.id, now)

    async def posted(self, command: Command) -> CallbackResult:
        """Skips to where nothing is left to post."""
        await self._outbox_empty()
        id = names.callback_workflow_id(TENANT, command.name)
        handle = self.environment.client.get_workflow_handle(id, result_type=CallbackResult)
        async with asyncio.timeout(60):
            while (await handle.describe()).status is not WorkflowExecutionStatus.COMPLETED:
                if any(state == "RETRYING" for _, state, _ in await self.states(command)):
                    await self.environment.sleep(timedelta(hours=1))
                else:
                    await asyncio.sleep(0.02)
        result: CallbackResult = await handle.result()
        if self.story:
            self._kept += 1
            await histories.keep(handle, f"callback_{self.story}-{self._kept}")
        return result

    async def attention(self, command: Command) -> list[str]:
        """What operators find the newest run of its callback workflow by."""
        id = names.callback_workflow_id(TENANT, command.name)
        described = await self.environment.client.get_workflow_handle(id).describe()
        return list(described.typed_search_attributes.get(filters.ATTENTION, []))

    async def never_started(self, command: Command) -> bool:
        """Whether nothing was ever to be posted for the command."""
        await self._outbox_empty()
        id = names.callback_workflow_id(TENANT, command.name)
        try:
            await self.environment.client.get_workflow_handle(id).describe()
        except RPCError:
            return True
        return False

    async def now(self) -> datetime:
        """The server's time."""
        return await self.environment.get_current_time()

    async def close(self) -> None:
        """Leaves nothing behind that would keep the server from skipping time."""
        for name in self._commands:
            id = names.callback_workflow_id(TENANT, name)
            with suppress(RPCError):
                await self.environment.client.get_workflow_handle(id).terminate("the test is over")

    async def _outbox_empty(self) -> None:
        async with asyncio.timeout(10):
            while True:
                async with self.db.read() as tx:
                    if not (await wakeups.backlog(tx)).undelivered:
                        return
                await asyncio.sleep(0.02)


@asynccontextmanager
async def callback_bench(
    db: Database, environment: WorkflowEnvironment, settings: BrokerSettings = SETTINGS
) -> AsyncIterator[CallbackBench]:
    """A worker and a broker's poster at work."""
    sealer = await load_sealer(db)
    async with (
        running_worker(db, environment.client),
        posting_callbacks(db, environment.client, sealer, settings),
    ):
        bench = CallbackBench(db, environment, sealer)
        try:
            yield bench
        finally:
            await bench.close()
