"""Command workflows on a bench: real Temporal server, real fleet on SQLite, scripted station."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowHandle,
)
from temporalio.common import (
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.service import RPCError
from temporalio.worker import Worker

from broker.reading.waiting import is_satisfied
from broker.settings import BrokerSettings
from broker.temporal import Temporal, attributes_of
from contract import names
from contract.commands import (
    EDITION,
    CancelInput,
    CommandInput,
    CommandResult,
    SubmitInput,
    UpdateResult,
)
from domain.commands import wording
from domain.commands.timing import Timing
from domain.model.command import Command, Outcome, State, WaitFor
from domain.model.specs import (
    Kind,
    OfflinePolicy,
    ReserveSpec,
    ResetMode,
    ResetSpec,
    StartSpec,
    StopSpec,
    UnlockSpec,
)
from fleet import stations
from fleet.database import Database
from fleet.keys import load_line_key
from fleet.log import commands as log
from fleet.log import reservations
from journal.commands.record import from_snapshot
from journal.reservations import record as reservation_recorder
from journal.wakeups import WakeupDispatcher
from station_gateway.commands.activities import GatewayActivities
from station_gateway.commands.runs import Runs
from station_gateway.line import DirectLine
from station_gateway.settings import GatewaySettings
from tests.support.histories import golden as histories
from tests.support.scripted_gateway import (
    Happening,
    Held,
    Play,
    ScriptedGateway,
    accepted,
    answers,
    call_error,
    dies,
    has_code,
    is_ending,
    loses,
    not_sent,
    rejected,
)
from tests.support.stations.station_reports import TENANT, TOKEN, StationReports, numbers

__all__ = [
    "TENANT",
    "TOKEN",
    "Bench",
    "Happening",
    "Held",
    "Play",
    "ScriptedGateway",
    "accepted",
    "answers",
    "call_error",
    "dies",
    "has_code",
    "is_ending",
    "loses",
    "not_sent",
    "rejected",
]


class Bench(StationReports):
    """One station, its gateway, a fleet and a worker.

    now: the server's time. skip: lets so many seconds pass there (at once, where it can).
    """

    def __init__(
        self,
        client: Client,
        db: Database,
        clock: Callable[[], Awaitable[datetime]],
        skip: Callable[[float], Awaitable[None]],
        *,
        has_line: bool = False,
    ) -> None:
        self._has_line = has_line
        self.eager = False  # the broker starts the workflow, and reads the log
        self.story = "story"
        self.skips_time = skip is not asyncio.sleep
        number = next(numbers)
        gateway_id = f"bench-{number}-{id(self):x}"
        dispatcher = WakeupDispatcher(
            db, client, sweep_s=0.2, clock=lambda: datetime.now(UTC) + timedelta(days=99_999)
        )
        super().__init__(db, dispatcher, clock, f"CP{number:03}", gateway_id)
        self.client = client
        self.skip = skip
        self._submitted: dict[str, Command] = {}
        self.gateway = ScriptedGateway(self, gateway_id)
        self.timing = Timing(
            answer_timeout_s=30,
            connection_timeout_s=60,
            effect_margin_s=15,
            stop_effect_s=60,
            guard_s=600,
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Bench"]:
        """The gateway's worker and the dispatcher, and a connected station."""
        await self._make_station()
        runs = Runs(self.gateway.send_frame, lambda *_: None)
        line = await self._direct_line(runs)
        activities = self._activities(runs)
        await self.connect()
        dispatching = asyncio.create_task(self.dispatcher.run())
        try:
            async with Worker(
                self.client,
                task_queue=names.gateway_queue(self.gateway.id),
                activities=[activities.send_frame, activities.ask_station],
            ):
                yield self
                await self._end_all()
        finally:
            await line.stop()
            dispatching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await dispatching

    def _activities(self, runs: Runs) -> ScriptedGateway | GatewayActivities:
        """A gateway with a line has one run for each attempt, whichever way it is asked for."""
        if not self._has_line:
            return self.gateway
        return GatewayActivities(runs, self.gateway, GatewaySettings())  # type: ignore[arg-type]

    async def _direct_line(self, runs: Runs) -> DirectLine:
        """The gateway's direct line, served if the bench has one."""
        settings = GatewaySettings(line_listen="127.0.0.1:0" if self._has_line else "")
        key = await load_line_key(self.db)
        line = DirectLine(runs, settings, gateway=self.gateway.id, key=key)
        await line.start()
        self.line = line.address
        return line

    async def _end_all(self) -> None:
        """Every command ends, also those on guard: the next test's worker must not meet them."""
        for number, command in enumerate(self._submitted.values()):
            if command.reserve is not None:
                await self._end_hold(command, command.reserve, f"{self.story}-hold-{number}")
            elif self.skips_time:
                await self.end_of(command)
            await histories.keep(self.handle(command), f"{self.story}-{number}")
            with contextlib.suppress(RPCError):
                await self.handle(command).terminate("the test is over")

    async def _end_hold(self, command: Command, reserve: ReserveSpec, story: str) -> None:
        """The guard of a ReserveNow and the workflow of its reservation end by themselves."""
        workflow_id = names.reservation_workflow_id(TENANT, reserve.reservation)
        hold: WorkflowHandle[Any, Any] = self.client.get_workflow_handle(workflow_id)
        if self.skips_time:
            self.gateway.plays = [answers(accepted()) for _ in range(9)]
            end = await self._end_of_hold(reserve)
            left = end - await self.now() + timedelta(minutes=1)
            await self.skip(max(left.total_seconds(), 1.0))
            async with asyncio.timeout(10):
                await self.handle(command).result()
        with contextlib.suppress(RPCError):
            if self.skips_time:
                async with asyncio.timeout(10):
                    await hold.result()
            await histories.keep(hold, story)
            await hold.terminate("the test is over")

    async def _end_of_hold(self, reserve: ReserveSpec) -> datetime:
        """When the hold ends, by its latest change."""
        async with self.db.read() as tx:
            entry = await reservations.get(tx, tenant=TENANT, name=reserve.reservation)
        if entry is None:
            return reserve.expire_time
        known = reservation_recorder.from_snapshot(entry.snapshot)
        return max(known.expire_time, reserve.expire_time)

    async def end_of(self, command: Command) -> CommandResult:
        """Skips to the end of the command's guard; it must end there by itself."""
        description = await self.handle(command).describe()
        if description.status is WorkflowExecutionStatus.RUNNING:
            await self.skip(self.timing.guard_s + 300)
        async with asyncio.timeout(10):
            return await self.handle(command).result()

    async def _make_station(self) -> None:
        now = await self.now()
        async with self.db.write() as tx:
            await stations.create(
                tx,
                id=self.station,
                tenant=TENANT,
                location="",
                security_profile=1,
                password_hash=None,
                now=now,
            )

    # Commands.

    async def start_command(self, **changed: Any) -> Command:
        """A StartSession that was accepted but not yet submitted."""
        spec = StartSpec(TOKEN, evse_id=changed.pop("evse_id", 1))
        return replace(await self.command(Kind.START_SESSION), start=spec, **changed)

    async def stop_command(self, wire_id: str, **changed: Any) -> Command:
        """A StopSession of OCPP's transaction id."""
        spec = StopSpec(ocpp_transaction_id=wire_id, found_ocpp_transaction_id=wire_id)
        return replace(await self.command(Kind.STOP_SESSION), stop=spec, **changed)

    async def unlock_command(self, *, stop_first: bool = False, **changed: Any) -> Command:
        """An UnlockConnector of EVSE 1."""
        spec = UnlockSpec(1, 1, stop_first=stop_first)
        return replace(await self.command(Kind.UNLOCK_CONNECTOR), unlock=spec, **changed)

    async def reset_command(self, *, evse_id: int | None = None, **changed: Any) -> Command:
        """A Reset of the whole station, or of one EVSE."""
        spec = ResetSpec(ResetMode.SOFT, evse_id)
        return replace(await self.command(Kind.RESET), reset=spec, **changed)

    async def command(self, kind: Kind) -> Command:
        """A command of this kind without its spec."""
        now = await self.now()
        name = f"req-{self.station}-{next(numbers)}-{id(self):x}"
        return Command(
            name=name,
            tenant=TENANT,
            kind=kind,
            station=self.station,
            state=State.QUEUED,
            create_time=now,
            not_after=now + timedelta(seconds=60),
            workflow_id=names.command_workflow_id(TENANT, name),
            offline_policy=OfflinePolicy.FAIL_FAST,
        )

    async def submit(
        self, command: Command, wait_for: WaitFor = WaitFor.SUBMITTED
    ) -> WorkflowHandle[Any, CommandResult]:
        """Update-with-Start, as brokers did it before; or a start, as the broker does it."""
        self._submitted[command.name] = command
        if self.eager:
            temporal = Temporal(self.client, BrokerSettings(timing=self.timing))
            await temporal.submit(command, 5.0)
            await self.until(command, lambda known: is_satisfied(known, wait_for))
            return self.handle(command)
        operation: WithStartWorkflowOperation[Any, CommandResult] = WithStartWorkflowOperation(
            names.command_workflow(command.kind),
            CommandInput(command, self.timing, edition=EDITION),
            id=command.workflow_id,
            task_queue=names.COMMANDS_QUEUE,
            result_type=CommandResult,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=wording.title(command),
            search_attributes=attributes_of(command),
        )
        await self.client.execute_update_with_start_workflow(
            names.SUBMIT_UPDATE,
            SubmitInput(wait_for),
            start_workflow_operation=operation,
            id=f"submit-{wait_for.value}",
            result_type=UpdateResult,
        )
        return self.handle(command)

    def handle(self, command: Command) -> WorkflowHandle[Any, CommandResult]:
        """The command's workflow."""
        handle: WorkflowHandle[Any, CommandResult] = self.client.get_workflow_handle(
            command.workflow_id, result_type=CommandResult
        )
        return handle

    async def cancel(self, command: Command, reason: str = "driver left") -> None:
        """CancelCommand, as the broker does it."""
        await self.handle(command).execute_update(
            names.CANCEL_UPDATE, CancelInput(reason), id="cancel", result_type=UpdateResult
        )

    async def seen(self, command: Command) -> Command:
        """The command as the log shows it."""
        async with self.db.read() as tx:
            entry = await log.latest(tx, tenant=TENANT, name=command.name)
        assert entry is not None
        return from_snapshot(entry.snapshot)

    async def until(
        self, command: Command, condition: Callable[[Command], bool], timeout_s: float = 15
    ) -> Command:
        """Waits for the log to show what is expected."""
        seen: Command | None = None
        try:
            async with asyncio.timeout(timeout_s), self.db.watch() as news:
                while True:
                    with contextlib.suppress(AssertionError):
                        seen = await self.seen(command)
                        if condition(seen):
                            return seen
                    await news.wait(0.1)
        except TimeoutError:
            raise AssertionError(f"never seen: the command stayed {seen}") from None

    async def outcome(self, command: Command) -> Outcome:
        """Waits for the end of the command (DONE) without skipping time."""
        done = await self.until(command, lambda c: c.state is State.DONE)
        assert done.outcome is not None
        return done.outcome
