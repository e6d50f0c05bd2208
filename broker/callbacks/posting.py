"""The activity that makes one try: reads the change from the log, signs it, posts it.

It writes nothing: the workflow writes down what it returns. So a try whose result is lost is made
again under the same id, and a receiver that compares ids sees the change once.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import structlog
from temporalio.client import Client
from temporalio.worker import Worker

from broker.callbacks.answers import park
from broker.callbacks.client import Receivers
from broker.callbacks.signing import body_of, signed_headers
from broker.settings import MAX_CALLBACK_TIMEOUT_S, BrokerSettings
from contract import activities as stubs
from contract.activities import implements
from contract.callbacks import PostCallbackInput, PostCallbackResult
from contract.names import CALLBACKS_QUEUE
from domain.callbacks import DeliveryCause
from domain.model.command import Callback
from fleet import callbacks
from fleet.callbacks import Endpoint
from fleet.database import Database
from fleet.keys import Sealer
from fleet.log import commands as log
from journal.commands.record import from_snapshot

_RESTART_S = 5.0

_log = structlog.get_logger(__name__)


class CallbackPoster:
    """Makes tries. Register `post_callback` with a worker."""

    def __init__(self, db: Database, sealer: Sealer, receivers: Receivers) -> None:
        self._db = db
        self._sealer = sealer
        self._receivers = receivers

    @implements(stubs.post_callback)
    async def post_callback(self, request: PostCallbackInput) -> PostCallbackResult:
        """One try of one delivery."""
        async with self._db.read() as tx:
            history = await log.history(tx, tenant=request.tenant, name=request.command)
            entry = next(each for each in history if each.revision == request.revision)
            command = from_snapshot(entry.snapshot)
            owner = await callbacks.endpoint(tx, request.tenant, command.caller)
        now = datetime.now(UTC)
        keys = [self._sealer.open(sealed) for sealed in owner.secrets(now)] if owner else []
        if command.callback is None or not keys:
            return park(DeliveryCause.SECRET_MISSING, "Its credential has no secret to sign with.")
        url = _url(command.callback, owner)
        if not url:
            return park(DeliveryCause.DISABLED, "The credential's callbacks are disabled.")
        body = body_of(request.news, command, entry.time)
        result = await self._receivers.post(
            url, signed_headers(request.id, body, keys, now), body.encode()
        )
        _log.info(
            "callback_posted",
            command=request.command,
            sequence=request.revision,
            status=result.status.value,
            cause=result.cause,
            http_status=result.http_status,
        )
        return PostCallbackResult(
            result.status,
            result.cause,
            result.reason,
            result.http_status,
            result.retry_after_s,
            url,
        )


def _url(callback: Callback, owner: Endpoint | None) -> str:
    """Where to: by the settings as they are now when it was by them at all; "" for nowhere."""
    if not callback.default or owner is None:
        return callback.url
    return "" if owner.disabled else owner.url or callback.url


@asynccontextmanager
async def posting_callbacks(
    db: Database, client: Client, sealer: Sealer, settings: BrokerSettings
) -> AsyncIterator[None]:
    """Makes tries until the block is left; those in hand may end first.

    Raises: ValueError for a time limit beyond a try's, or a CA file that cannot be used.
    """
    if settings.callback_timeout_s > MAX_CALLBACK_TIMEOUT_S:
        raise ValueError(f"broker_callback_timeout_s must be at most {MAX_CALLBACK_TIMEOUT_S:g}")
    receivers = Receivers(settings)
    poster = CallbackPoster(db, sealer, receivers)

    def worker() -> Worker:
        return Worker(
            client,
            task_queue=CALLBACKS_QUEUE,
            activities=[poster.post_callback],
            max_concurrent_activities=settings.callback_max_posts,
            graceful_shutdown_timeout=timedelta(seconds=settings.callback_timeout_s),
        )

    posting = asyncio.create_task(_keep_running(worker))
    try:
        yield
    finally:
        posting.cancel()
        with suppress(asyncio.CancelledError):
            await posting
        await receivers.close()


async def _keep_running(worker: Callable[[], Worker]) -> None:
    """A broker starts and serves also while Temporal is away; posts wait for both."""
    while True:
        try:
            await worker().run()
        except Exception as error:
            _log.warning("callbacks_wait_for_temporal", why=str(error).partition("\n")[0][:200])
            await asyncio.sleep(_RESTART_S)
