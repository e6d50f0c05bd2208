"""The worker's activities for callbacks: what is to be posted, and what became of each try."""

from collections.abc import Callable
from datetime import datetime

import structlog

from contract import activities as stubs
from contract.activities import implements
from contract.callbacks import (
    NextCallbackInput,
    NextCallbackResult,
    PostStatus,
    SettleCallbackInput,
    SettleCallbackResult,
)
from domain.callbacks import (
    DeliveryCause,
    DeliveryState,
    NewsKind,
    Waiting,
    delivery_id,
    news_of,
    pick,
)
from domain.model.command import Callback, Command
from fleet import callbacks
from fleet.callbacks import Delivery
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import commands as log
from journal.commands.record import from_snapshot
from telemetry import metrics

_log = structlog.get_logger(__name__)

_OPEN = (DeliveryState.PENDING.value, DeliveryState.RETRYING.value)


class CallbackActivities:
    """Activities on the fleet's database. Register `all` with a worker."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @property
    def all(self) -> list[Callable[..., object]]:
        """What a worker has to register."""
        return [self.next_callback, self.settle_callback]

    @implements(stubs.next_callback)
    async def next_callback(self, request: NextCallbackInput) -> NextCallbackResult:
        """Finds the delivery to try next; writes off what newer changes replace."""
        replaced: list[int] = []

        async def write(tx: Tx) -> NextCallbackResult:
            replaced.clear()
            return await _next(tx, request, replaced)

        due = await self._db.batch(write)
        if replaced:
            metrics.CALLBACKS.labels(DeliveryState.SUPERSEDED.value).inc(len(replaced))
        return due

    @implements(stubs.settle_callback)
    async def settle_callback(self, request: SettleCallbackInput) -> SettleCallbackResult:
        """Records what became of a try. Disables a default receiver that answered 410."""
        state = _state_after(request)

        async def write(tx: Tx) -> datetime | None:
            await _settle(tx, request, state)
            return await _due_since(tx, request) if state is DeliveryState.DELIVERED else None

        since = await self._db.batch(write)
        metrics.CALLBACKS.labels(state.value).inc()
        if since is not None:
            took = request.now - since
            metrics.CALLBACK_DELAY.observe(max(took.total_seconds(), 0.0))
        tell = _log.warning if state is DeliveryState.PARKED else _log.info
        tell(
            "callback_settled",
            command=request.command,
            sequence=request.due.revision,
            state=state.value,
            cause=request.result.cause,
            tries=request.tries,
        )
        return SettleCallbackResult(state.value)


async def _next(tx: Tx, request: NextCallbackInput, replaced: list[int]) -> NextCallbackResult:
    tenant, name = request.tenant, request.command
    commands = [from_snapshot(entry.snapshot) for entry in await log.history(
        tx, tenant=tenant, name=name
    )]  # fmt: skip
    callback = commands[-1].callback if commands else None
    if callback is None:
        return NextCallbackResult()
    rows = {row.revision: row for row in await callbacks.of_command(tx, tenant, name)}
    waiting = []
    for news, command in _news(callback, commands):
        if command.revision not in rows:
            rows[command.revision] = _row(callback, news, command, request)
            await callbacks.make(tx, rows[command.revision])
        row = rows[command.revision]
        if row.state in _OPEN:
            waiting.append(Waiting(row.revision, news, row.resend_time is not None))
    picked = pick(waiting, request.tried)
    replaced += picked.replaced
    if replaced:
        await callbacks.supersede(
            tx, tenant=tenant, command=name, revisions=replaced, now=request.now
        )
    return (
        NextCallbackResult() if picked.next is None else _due(picked.next, rows, callback, request)
    )


def _due(
    chosen: Waiting, rows: dict[int, Delivery], callback: Callback, request: NextCallbackInput
) -> NextCallbackResult:
    row = rows[chosen.revision]
    again = request.tried == row.revision and row.state == DeliveryState.PENDING.value
    gone = any(each.cause == DeliveryCause.GONE.value for each in rows.values())
    return NextCallbackResult(
        revision=row.revision,
        id=row.id,
        news=NewsKind(chosen.news),
        resent=again,
        gone=gone and not callback.default and not chosen.resent,
        resend_time=row.resend_time,
    )


def _news(callback: Callback, commands: list[Command]) -> list[tuple[NewsKind, Command]]:
    """The changes that this callback asked for, the oldest first."""
    before: Command | None = None
    found = []
    for command in commands:
        news = news_of(callback, before, command)
        if news is not None:
            found.append((news, command))
        before = command
    return found


def _row(
    callback: Callback, news: NewsKind, command: Command, request: NextCallbackInput
) -> Delivery:
    return Delivery(
        id=delivery_id(command.tenant, command.name, command.revision),
        tenant=command.tenant,
        command=command.name,
        revision=command.revision,
        news=news.value,
        url=callback.url,
        state=DeliveryState.PENDING.value,
        create_time=request.now,
        update_time=request.now,
    )


def _state_after(request: SettleCallbackInput) -> DeliveryState:
    if request.result.status is PostStatus.DELIVERED:
        return DeliveryState.DELIVERED
    return DeliveryState.PARKED if request.next_time is None else DeliveryState.RETRYING


async def _due_since(tx: Tx, request: SettleCallbackInput) -> datetime | None:
    """When the change happened that a post tells, or somebody asked for the post again."""
    if request.due.resend_time is not None:
        return request.due.resend_time
    entries = await log.history(tx, tenant=request.tenant, name=request.command)
    return next((each.time for each in entries if each.revision == request.due.revision), None)


async def _settle(tx: Tx, request: SettleCallbackInput, state: DeliveryState) -> None:
    result = request.result
    known = await callbacks.get(tx, request.tenant, request.due.id)
    resent = known is not None and known.resend_time != request.due.resend_time
    # Somebody asked for it again while it was tried: unless this try worked, it stays due.
    if state is DeliveryState.DELIVERED or not resent:
        await callbacks.settle(
            tx,
            tenant=request.tenant,
            id=request.due.id,
            state=state.value,
            tries=request.tries,
            cause=result.cause,
            reason=result.reason,
            http_status=result.http_status,
            next_time=request.next_time,
            now=request.now,
        )
    if result.cause != DeliveryCause.GONE.value or not result.url:
        return
    entry = await log.latest(tx, tenant=request.tenant, name=request.command)
    command = None if entry is None else from_snapshot(entry.snapshot)
    if command is not None and command.callback is not None and command.callback.default:
        await callbacks.disable(
            tx,
            tenant=request.tenant,
            caller=command.caller,
            url=result.url,
            reason="The receiver answered 410 Gone: it wants no more posts.",
            now=request.now,
        )
