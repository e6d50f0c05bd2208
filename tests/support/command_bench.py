"""Command workflows on a bench: real Temporal server, real fleet on SQLite, scripted station.

The gateway's activities are played by a script that writes to the fleet exactly what a real
gateway writes, in the same order and the same transactions.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
from temporalio import activity
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowHandle,
)
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.worker import Worker

from fleet import connections, log, reservations, sends, stations, transactions
from fleet.database import Database, Tx
from fleet.sends import AlreadySettled, Send
from fleet.transactions import Transaction
from tests.support import histories
from workflows import names, reservation_recorder
from workflows.contract import (
    AskRequest,
    AskResult,
    Cancel,
    CommandOrder,
    Ended,
    Progress,
    SendRequest,
    SendResult,
    SendStatus,
    Submit,
)
from workflows.correlation import StationEvent, wake_concerned
from workflows.domain import changes, wording
from workflows.domain.model import (
    CallError,
    Code,
    Command,
    IdToken,
    Kind,
    OfflinePolicy,
    Outcome,
    ReserveSpec,
    StartSpec,
    State,
    StationAnswer,
    StopSpec,
    Verdict,
    WaitFor,
)
from workflows.domain.outcomes import Cause
from workflows.domain.timing import Timing
from workflows.recorder import from_snapshot, record
from workflows.wakeups import WakeupDispatcher

TENANT = "acme"
TOKEN = IdToken("ISO14443", "****1234", "sealed", "digest-of-1234")
_numbers = itertools.count(1)

T = TypeVar("T")
Play = Callable[["ScriptedGateway", SendRequest], Awaitable[SendResult]]
Happening = Callable[[], Awaitable[object]]


def is_ending(outcome: Outcome | None, code: Code, cause: Cause) -> bool:
    """Whether a command ended so."""
    return outcome is not None and (outcome.code, outcome.cause) == (code, cause.value)


def has_code(command: Command, code: Code) -> bool:
    """Whether the command's outcome, provisional or not, has this code."""
    return command.outcome is not None and command.outcome.code is code


def accepted(transaction_id: str | None = None) -> StationAnswer:
    """The station says yes."""
    return StationAnswer(Verdict.ACCEPTED, "Accepted", transaction_id=transaction_id)


def rejected(reason: str = "") -> StationAnswer:
    """The station says no."""
    return StationAnswer(Verdict.REJECTED, "Rejected", reason_code=reason)


def call_error(code: str, verdict: Verdict = Verdict.FAILED) -> StationAnswer:
    """The station answers with a CALLERROR."""
    return StationAnswer(verdict, call_error=CallError(code, "out of order"))


class ScriptedGateway:
    """Plays the gateway and the station behind it: one `Play` per frame, in order."""

    def __init__(self, bench: "Bench", gateway_id: str) -> None:
        self.id = gateway_id
        self.bench = bench
        self.plays: list[Play] = []
        self.frames: list[SendRequest] = []
        self.sent: list[Send] = []
        self.asked: list[AskRequest] = []
        self.reply = AskResult(asked=False)
        self.forgets = False  # its database fails when the answer comes
        self.on_ask: Callable[[], Awaitable[object]] | None = None

    @activity.defn(name=names.SEND_FRAME)
    async def send_frame(self, request: SendRequest) -> SendResult:
        """The next play of the script."""
        self.frames.append(request)
        if not self.plays:
            raise ApplicationError(f"no play for {request}", non_retryable=True)
        return await self.plays.pop(0)(self, request)

    @activity.defn(name=names.ASK_STATION)
    async def ask_station(self, request: AskRequest) -> AskResult:
        """The scripted reply."""
        self.asked.append(request)
        if self.on_ask is not None:
            await self.on_ask()
        return self.reply

    async def intend(self, request: SendRequest) -> Send:
        """Commits the intent and the command's SENT."""
        now = await self.bench.now()
        start, stop, reserve = request.start, request.stop, request.reserve
        cancel = request.cancel_reservation
        numbered = reserve.wire_id if reserve else cancel.wire_id if cancel else None

        async def write(tx: Tx) -> Send:
            holder = await connections.holder(tx, request.station, now=now)
            send = await sends.intend(
                tx,
                command=request.command,
                tenant=request.tenant,
                workflow_id=request.workflow_id,
                station=request.station,
                kind=request.kind.value,
                attempt=request.attempt,
                message_id=f"{request.command}-{request.attempt}",
                epoch=holder.epoch if holder else 0,
                undo=request.undo,
                evse_id=start.evse_id if start else reserve.evse_id if reserve else None,
                connector_id=None,
                token_digest=_token_digest(request),
                group_digest=None,
                wire_id=stop.wire_id if stop else str(numbered) if numbered else None,
                now=now,
            )
            if not request.undo:
                await _record(tx, request, f"sent:{request.attempt}", now, _sent_at(now))
            return send

        send = await self.bench.db.batch(write)
        self.sent.append(send)
        return send

    async def answer(
        self, request: SendRequest, send: Send, answer: StationAnswer, *, late: bool = False
    ) -> SendResult:
        """Commits the answer, as a gateway does in time or late."""
        now = await self.bench.now()
        if self.forgets:
            return SendResult(
                SendStatus.ANSWERED, answer=answer, send_time=send.send_time, answer_time=now
            )

        async def write(tx: Tx) -> int:
            await sends.answered(tx, send.id, answer=msgspec.to_builtins(answer), now=now)
            if late:
                event = StationEvent(request.station, "answer", remote_start_id=send.id)
                await wake_concerned(tx, event, now)
            if request.undo:
                return 0
            if late:
                return 0  # as a real gateway: the workflow reads it from the send
            key = f"answered:{request.attempt}"
            return await _record(tx, request, key, now, lambda c: changes.answered(c, answer, now))

        revision = await self.bench.db.batch(write)
        if late:
            self.bench.dispatcher.kick()
        return SendResult(
            SendStatus.ANSWERED,
            answer=answer,
            send_time=send.send_time,
            answer_time=now,
            revision=revision,
        )

    async def lose(self, request: SendRequest, send: Send, cause: str) -> SendResult:
        """Commits that no answer came."""
        now = await self.bench.now()

        async def write(tx: Tx) -> int:
            await sends.lost(tx, send.id, cause=cause, now=now)
            if request.undo:
                return 0
            return await _record(
                tx, request, f"lost:{request.attempt}", now, lambda c: changes.lost(c, cause, now)
            )

        revision = await self.bench.db.batch(write)
        return SendResult(SendStatus.NO_ANSWER, cause, send_time=send.send_time, revision=revision)


def _token_digest(request: SendRequest) -> str | None:
    asks = request.start or request.reserve
    return asks.id_token.digest if asks else None


def _sent_at(now: datetime) -> Callable[[Command], Command]:
    return lambda command: changes.sent(command, now)


async def _record(
    tx: Tx,
    request: SendRequest,
    key: str,
    now: datetime,
    change: Callable[[Command], Command],
) -> int:
    command = await record(
        tx, tenant=request.tenant, name=request.command, key=key, change=change, now=now
    )
    return command.revision


# Plays: what happens to one frame.


def answers(answer: StationAnswer, *, before: Happening | None = None) -> Play:
    """The frame is sent and answered. before: something that happens before the answer."""

    async def play(gateway: ScriptedGateway, request: SendRequest) -> SendResult:
        send = await gateway.intend(request)
        if before is not None:
            await before()
        return await gateway.answer(request, send, answer)

    return play


def loses(cause: str = "CONNECTION_LOST_AFTER_SEND") -> Play:
    """The frame is sent and no answer comes."""

    async def play(gateway: ScriptedGateway, request: SendRequest) -> SendResult:
        return await gateway.lose(request, await gateway.intend(request), cause)

    return play


def not_sent(cause: str, *, retry: bool = False) -> Play:
    """The gateway is certain that nothing was written."""

    async def play(gateway: ScriptedGateway, request: SendRequest) -> SendResult:
        del gateway, request
        return SendResult(SendStatus.NOT_SENT, cause, retry=retry)

    return play


def dies(*, after_intent: bool) -> Play:
    """The gateway's process ends before it wrote its intent, or after."""

    async def play(gateway: ScriptedGateway, request: SendRequest) -> SendResult:
        if after_intent:
            await gateway.intend(request)
        raise ApplicationError("the gateway was killed", non_retryable=True)

    return play


@dataclass
class Held:
    """A play that waits in line, or for the station's answer, until the test goes on."""

    intend_first: bool
    answer: StationAnswer
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, gateway: ScriptedGateway, request: SendRequest) -> SendResult:
        send = await gateway.intend(request) if self.intend_first else None
        self.reached.set()
        while not self.go_on.is_set():
            activity.heartbeat()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.go_on.wait(), 0.5)
        if send is None:
            try:
                send = await gateway.intend(request)
            except AlreadySettled:
                return SendResult(SendStatus.NOT_SENT, "GATEWAY_UNREACHABLE", retry=True)
        return await gateway.answer(request, send, self.answer)


class Bench:
    """One station, its gateway, a fleet and a worker.

    now: the server's time. skip: lets so many seconds pass there (at once, where it can).
    """

    def __init__(
        self,
        client: Client,
        db: Database,
        clock: Callable[[], Awaitable[datetime]],
        skip: Callable[[float], Awaitable[None]],
    ) -> None:
        self.story = "story"
        self.skips_time = skip is not asyncio.sleep
        number = next(_numbers)
        self.client = client
        self.db = db
        self.now = clock
        self.skip = skip
        self.station = f"CP{number:03}"
        self._submitted: dict[str, Command] = {}
        self.gateway = ScriptedGateway(self, f"bench-{number}-{id(self):x}")
        self.dispatcher = WakeupDispatcher(
            db, client, sweep_s=0.2, clock=lambda: datetime(2300, 1, 1, tzinfo=UTC)
        )
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
        await self.connect()
        dispatching = asyncio.create_task(self.dispatcher.run())
        try:
            async with Worker(
                self.client,
                task_queue=names.gateway_queue(self.gateway.id),
                activities=[self.gateway.send_frame, self.gateway.ask_station],
            ):
                yield self
                await self._end_all()
        finally:
            dispatching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await dispatching

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
            async with asyncio.timeout(10):
                await hold.result()
        with contextlib.suppress(RPCError):
            await histories.keep(hold, story)

    async def _end_of_hold(self, reserve: ReserveSpec) -> datetime:
        """When the hold ends, by its latest change."""
        async with self.db.read() as tx:
            entry = await reservations.get(tx, tenant=TENANT, name=reserve.reservation)
        if entry is None:
            return reserve.expire_time
        known = reservation_recorder.from_snapshot(entry.snapshot)
        return max(known.expire_time, reserve.expire_time)

    async def end_of(self, command: Command) -> Ended:
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

    async def connect(self, version: str = "1.6", *, boot: str = "ACCEPTED") -> None:
        """The station connects through the scripted gateway and boots."""
        now = await self.now()
        async with self.db.write() as tx:
            await connections.renew_gateway(tx, self.gateway.id, until=now + timedelta(days=3650))
            await connections.claim(
                tx,
                station=self.station,
                gateway=self.gateway.id,
                connection_id=f"socket-{next(_numbers)}",
                ocpp_version=version,
                now=now,
            )
            await stations.record_boot(
                tx,
                self.station,
                state=boot,
                vendor="v",
                model="m",
                serial_number="",
                firmware_version="",
                ocpp_version=version,
                now=now,
            )
            await wake_concerned(tx, StationEvent(self.station, "connected"), now)
        self.dispatcher.kick()

    async def disconnect(self) -> None:
        """The station's socket closes."""
        now = await self.now()
        async with self.db.write() as tx:
            holder = await connections.holder(tx, self.station, now=now)
            if holder is not None:
                await connections.release(
                    tx, station=self.station, connection_id=holder.connection_id, now=now
                )

    # Commands.

    async def start_command(self, **changed: Any) -> Command:
        """A StartSession that was accepted but not yet submitted."""
        spec = StartSpec(TOKEN, evse_id=changed.pop("evse_id", 1))
        return replace(await self.command(Kind.START_SESSION), start=spec, **changed)

    async def stop_command(self, wire_id: str, **changed: Any) -> Command:
        """A StopSession of OCPP's transaction id."""
        spec = StopSpec(transaction_id=wire_id, wire_id=wire_id)
        return replace(await self.command(Kind.STOP_SESSION), stop=spec, **changed)

    async def command(self, kind: Kind) -> Command:
        """A command of this kind without its spec."""
        now = await self.now()
        name = f"req-{self.station}-{next(_numbers)}-{id(self):x}"
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
    ) -> WorkflowHandle[Any, Ended]:
        """Update-with-Start, as the broker does it."""
        self._submitted[command.name] = command
        keyword = SearchAttributeKey.for_keyword
        operation: WithStartWorkflowOperation[Any, Ended] = WithStartWorkflowOperation(
            names.COMMAND_WORKFLOW,
            CommandOrder(command, self.timing),
            id=command.workflow_id,
            task_queue=names.COMMANDS_QUEUE,
            result_type=Ended,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=wording.title(command),
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(keyword(names.STATION_ATTRIBUTE), command.station),
                    SearchAttributePair(keyword(names.KIND_ATTRIBUTE), command.kind.value),
                    SearchAttributePair(keyword(names.TENANT_ATTRIBUTE), command.tenant),
                ]
            ),
        )
        await self.client.execute_update_with_start_workflow(
            names.SUBMIT_UPDATE,
            Submit(wait_for),
            start_workflow_operation=operation,
            id=f"submit-{wait_for.value}",
            result_type=Progress,
        )
        return self.handle(command)

    def handle(self, command: Command) -> WorkflowHandle[Any, Ended]:
        """The command's workflow."""
        handle: WorkflowHandle[Any, Ended] = self.client.get_workflow_handle(
            command.workflow_id, result_type=Ended
        )
        return handle

    async def cancel(self, command: Command, reason: str = "driver left") -> None:
        """CancelCommand, as the broker does it."""
        await self.handle(command).execute_update(
            names.CANCEL_UPDATE, Cancel(reason), id="cancel", result_type=Progress
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

    # Facts.

    async def session_starts(
        self,
        *,
        token: IdToken = TOKEN,
        evse_id: int = 1,
        started: datetime | None = None,
        clock_suspect: bool = False,
        authorized: bool = True,
        silently: bool = False,
        reservation_id: int | None = None,
    ) -> Transaction:
        """A 1.6 station reports StartTransaction."""
        now = await self.now()

        async def write(tx: Tx) -> Transaction:
            row, _ = await transactions.start_v16(
                tx,
                station=self.station,
                tenant=TENANT,
                evse_id=evse_id,
                token_digest=token.digest,
                token_masked=token.masked,
                group_digest=None,
                meter_start_wh=1000,
                start_time=started or now,
                clock_suspect=clock_suspect,
                authorized=authorized,
                reservation_id=reservation_id,
                now=now,
            )
            if not silently:
                await self._tell(tx, row, now)
            return row

        return await self.commit(write)

    async def session_event(self, event_type: str, ocpp_id: str, **told: Any) -> Transaction:
        """A 2.x station reports a TransactionEvent."""
        now = await self.now()
        fields: dict[str, Any] = {
            "seq_no": next(_numbers),
            "evse_id": 1,
            "connector_id": 1,
            "token_digest": TOKEN.digest,
            "token_masked": TOKEN.masked,
            "group_digest": None,
            "remote_start_id": None,
            "reservation_id": None,
            "event_time": now,
            "clock_suspect": False,
            "offline": False,
            "authorized": True,
            "meter_wh": None,
            "stop_reason": "",
            "charging_state": "",
        }

        async def write(tx: Tx) -> Transaction:
            row, _ = await transactions.event_v2(
                tx,
                station=self.station,
                tenant=TENANT,
                ocpp_id=ocpp_id,
                event_type=event_type,
                now=now,
                **{**fields, **told},
            )
            await self._tell(tx, row, now)
            return row

        return await self.commit(write)

    async def open_sends(self) -> list[Send]:
        """The sends of the station that somebody still waits for."""
        async with self.db.read() as tx:
            return await sends.open_for_station(tx, self.station)

    async def session_ends(
        self, session: Transaction, reason: str = "Remote", stopped: datetime | None = None
    ) -> Transaction:
        """A 1.6 station reports StopTransaction."""
        return await self.session_ends_by_id(session.ocpp_id, reason, stopped)

    async def session_ends_by_id(
        self, ocpp_id: str, reason: str = "Remote", stopped: datetime | None = None
    ) -> Transaction:
        """A 1.6 station reports StopTransaction of an id that we may not know."""
        now = await self.now()

        async def write(tx: Tx) -> Transaction:
            row = await transactions.stop_v16(
                tx,
                station=self.station,
                tenant=TENANT,
                ocpp_id=ocpp_id,
                token_digest=None,
                meter_stop_wh=2000,
                stop_time=stopped or now,
                reason=reason,
                now=now,
            )
            await self._tell(tx, row, now)
            return row

        return await self.commit(write)

    async def metered(self, ocpp_id: str, evse_id: int = 1) -> None:
        """A 1.6 station reports MeterValues with a transaction id."""
        now = await self.now()

        async def write(tx: Tx) -> None:
            await transactions.observe(
                tx,
                station=self.station,
                tenant=TENANT,
                ocpp_id=ocpp_id,
                evse_id=evse_id,
                meter_wh=1500,
                now=now,
            )
            event = StationEvent(self.station, "transaction", evse_id=evse_id, wire_id=ocpp_id)
            await wake_concerned(tx, event, now)

        await self.commit(write)

    async def connector(self, *statuses: str, evse_id: int = 1) -> None:
        """The station reports a connector's states, one after the other."""
        for status in statuses:
            now = await self.now()

            async def write(tx: Tx, status: str = status, now: datetime = now) -> None:
                await stations.set_connector(
                    tx,
                    station=self.station,
                    evse_id=evse_id,
                    connector_id=1,
                    status=status,
                    error_code="NoError",
                    now=now,
                )
                event = StationEvent(self.station, "connector_status", evse_id, 1, status=status)
                await wake_concerned(tx, event, now)

            await self.commit(write)

    async def _tell(self, tx: Tx, row: Transaction, now: datetime) -> None:
        event = StationEvent(
            self.station,
            "transaction",
            evse_id=row.evse_id,
            token_digest=row.token_digest,
            group_digest=row.group_digest,
            remote_start_id=row.remote_start_id,
            wire_id=row.ocpp_id,
            reservation_id=row.reservation_id,
        )
        await wake_concerned(tx, event, now)

    async def commit(self, write: Callable[[Tx], Awaitable[T]]) -> T:
        """Writes a fact and delivers the wake-ups that come with it."""
        result = await self.db.batch(write)
        self.dispatcher.kick()
        return result
