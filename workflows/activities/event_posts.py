"""The worker's activities for events: which one is to be posted, and what became of each try."""

from collections.abc import Callable

import structlog

from contract import activities as stubs
from contract.activities import implements
from contract.callbacks import (
    NextEventInput,
    NextEventResult,
    PostStatus,
    SettleCallbackResult,
    SettleEventInput,
)
from domain.callbacks import DeliveryCause, DeliveryState, Waiting, pick
from fleet import callbacks, event_posts
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.event_posts import EventDelivery
from telemetry import metrics

_log = structlog.get_logger(__name__)


class EventPostActivities:
    """Activities on the fleet's database. Register `all` with a worker."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @property
    def all(self) -> list[Callable[..., object]]:
        """What a worker has to register."""
        return [self.next_event, self.settle_event]

    @implements(stubs.next_event)
    async def next_event(self, request: NextEventInput) -> NextEventResult:
        """Finds the event to post next; writes off what newer ones replace."""
        replaced: list[int] = []

        async def write(tx: Tx) -> NextEventResult:
            rows = await event_posts.open_of(tx, request.tenant, request.thread)
            picked = pick(
                [Waiting(row.sequence, row.news, row.resend_time is not None) for row in rows],
                request.tried,
            )
            replaced[:] = picked.replaced
            if replaced:
                await event_posts.supersede(
                    tx,
                    tenant=request.tenant,
                    thread=request.thread,
                    sequences=replaced,
                    now=request.now,
                )
            chosen = picked.next
            due = next((row for row in rows if chosen and row.sequence == chosen.revision), None)
            return NextEventResult() if due is None else _due(due, request)

        found = await self._db.batch(write)
        if replaced:
            metrics.CALLBACKS.labels(DeliveryState.SUPERSEDED.value).inc(len(replaced))
        return found

    @implements(stubs.settle_event)
    async def settle_event(self, request: SettleEventInput) -> SettleCallbackResult:
        """Records what became of a try. Disables a receiver that answered 410."""
        state = _state_after(request)
        known = await self._db.batch(lambda tx: _settle(tx, request, state))
        metrics.CALLBACKS.labels(state.value).inc()
        if known is None:
            return SettleCallbackResult(state.value)
        if state is DeliveryState.DELIVERED:
            took = request.now - (request.due.resend_time or known.change_time)
            metrics.CALLBACK_DELAY.observe(max(took.total_seconds(), 0.0))
        tell = _log.warning if state is DeliveryState.PARKED else _log.info
        tell(
            "event_settled",
            type=known.news,
            station=known.station,
            sequence=known.sequence,
            state=state.value,
            cause=request.result.cause,
            tries=request.tries,
        )
        return SettleCallbackResult(state.value)


def _due(row: EventDelivery, request: NextEventInput) -> NextEventResult:
    again = request.tried == row.sequence and row.state == DeliveryState.PENDING.value
    return NextEventResult(
        revision=row.sequence,
        id=row.id,
        news=row.news,
        resent=again,
        resend_time=row.resend_time,
    )


def _state_after(request: SettleEventInput) -> DeliveryState:
    if request.result.status is PostStatus.DELIVERED:
        return DeliveryState.DELIVERED
    return DeliveryState.PARKED if request.next_time is None else DeliveryState.RETRYING


async def _settle(tx: Tx, request: SettleEventInput, state: DeliveryState) -> EventDelivery | None:
    """Returns the event as it was before."""
    result = request.result
    known = await event_posts.get(tx, request.tenant, request.due.id)
    if known is None:
        return None
    # Somebody asked for it again while it was tried: unless this try worked, it stays due.
    if state is DeliveryState.DELIVERED or known.resend_time == request.due.resend_time:
        await event_posts.settle(
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
    if result.cause == DeliveryCause.GONE.value and result.url:
        await callbacks.disable(
            tx,
            tenant=request.tenant,
            caller=known.caller,
            url=result.url,
            reason="The receiver answered 410 Gone: it wants no more posts.",
            now=request.now,
        )
    return known
