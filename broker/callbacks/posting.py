"""One try of a delivery: the change is read from the log, signed and posted.

A try takes one of the broker's places for posts (`turns`); without one nothing is sent. A try
writes nothing. The workflow writes down its result. When the result is lost, the try is made
again under the same id, so that a receiver that compares ids sees the change once.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from broker.callbacks.answers import park
from broker.callbacks.client import Receivers
from broker.callbacks.signing import body_of, signed_headers
from broker.callbacks.turns import PostPlaces, pause_before_turn
from broker.callbacks.urls import malformed, target
from broker.settings import MAX_CALLBACK_TIMEOUT_S, BrokerSettings
from broker.temporal import TemporalClient, serve_posts
from contract import activities as stubs
from contract.activities import implements
from contract.callbacks import PostCallbackInput, PostCallbackResult
from domain.callbacks import DeliveryCause
from domain.model.command import Callback
from fleet import callbacks
from fleet.callbacks import Endpoint
from fleet.database import Database
from fleet.keys import Sealer
from fleet.log import commands as log
from journal.clock import Clock, system_clock
from journal.commands.record import from_snapshot
from telemetry.supervision import background

_log = structlog.get_logger(__name__)


class CallbackPoster:
    """Makes tries. `post_callback` is served as an activity (`broker.temporal.serve_posts`)."""

    def __init__(
        self,
        db: Database,
        sealer: Sealer,
        receivers: Receivers,
        *,
        places: PostPlaces,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._db = db
        self._sealer = sealer
        self._receivers = receivers
        self._places = places

    @implements(stubs.post_callback)
    async def post_callback(self, request: PostCallbackInput) -> PostCallbackResult:
        """One try of one delivery, and what it means for the next one.

        Raises: ShareTaken, before anything is sent, when the tenant or the receiver's host has its
            share of the posts under way.
        """
        with self._places.of_tenant(request.tenant):
            return await self._try(request)

    async def _try(self, request: PostCallbackInput) -> PostCallbackResult:
        async with self._db.read() as tx:
            history = await log.history(tx, tenant=request.tenant, name=request.command)
            entry = next(each for each in history if each.revision == request.revision)
            command = from_snapshot(entry.snapshot)
            owner = await callbacks.endpoint(tx, request.tenant, command.caller)
        now = self._clock()
        keys = [self._sealer.open(sealed) for sealed in owner.secrets(now)] if owner else []
        if command.callback is None or not keys:
            return park(DeliveryCause.SECRET_MISSING, "Its credential has no secret to sign with.")
        url = _url(command.callback, owner)
        if not url:
            return park(DeliveryCause.DISABLED, "The credential's callbacks are disabled.")
        body = body_of(request.news, command, entry.time)
        with self._places.of_host(request.tenant, _host(url)):
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
    """The URL to post to; "" when nothing may be posted any longer.

    A command's own URL stays. A URL from the credential's settings follows the settings as they
    are now.
    """
    if not callback.default or owner is None:
        return callback.url
    return "" if owner.disabled else owner.url or callback.url


def _host(url: str) -> str:
    """The name of the receiver's host; "" for a URL that is not posted to."""
    return "" if malformed(url) else target(url).host.rstrip(".").lower()


@asynccontextmanager
async def posting_callbacks(
    db: Database,
    client: TemporalClient,
    sealer: Sealer,
    settings: BrokerSettings,
    clock: Clock = system_clock,
) -> AsyncIterator[None]:
    """Makes tries while the context is open. Tries under way when it closes may end first.

    Raises: ValueError for a time limit that is longer than a try may take, or for a CA file that
    cannot be used.
    """
    if settings.callback_timeout_s > MAX_CALLBACK_TIMEOUT_S:
        raise ValueError(f"broker_callback_timeout_s must be at most {MAX_CALLBACK_TIMEOUT_S:g}")
    receivers = Receivers(settings)
    places = PostPlaces(settings.callback_max_posts)
    poster = CallbackPoster(db, sealer, receivers, places=places, clock=clock)
    try:
        async with background(
            "callback-posts",
            lambda: serve_posts(client, poster.post_callback, pause_before_turn, settings),
        ):
            yield
    finally:
        await receivers.close()
