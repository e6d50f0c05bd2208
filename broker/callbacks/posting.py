"""One try of a delivery: the change, or the event, is read, signed and posted.

A try takes one of the broker's places for posts (`turns`); without one nothing is sent. A try
writes nothing. The workflow writes down its result. When the result is lost, the try is made
again under the same id, so that a receiver that compares ids sees the change once.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import structlog

from broker.callbacks.answers import again, park
from broker.callbacks.client import Receivers
from broker.callbacks.events import is_within, posted_event
from broker.callbacks.signing import body_of, body_of_event, signed_headers
from broker.callbacks.subscribers import OUTSIDE, may_be_told, may_get
from broker.callbacks.turns import PostPlaces, pause_before_turn
from broker.callbacks.urls import malformed, target
from broker.settings import MAX_CALLBACK_TIMEOUT_S, BrokerSettings
from broker.temporal import TemporalClient
from broker.temporal_posts import Posters, serve_posts
from contract import activities as stubs
from contract.activities import implements
from contract.callbacks import PostCallbackInput, PostCallbackResult, PostEventInput
from domain.callback_events import EventSubject
from domain.callbacks import DeliveryCause
from domain.model.command import Callback
from fleet import callbacks, event_posts
from fleet.callbacks import Endpoint
from fleet.database import Database
from fleet.keys import Sealer
from fleet.log import commands as log
from journal.clock import Clock, system_clock
from journal.commands.record import from_snapshot
from telemetry.supervision import background

_log = structlog.get_logger(__name__)

_NO_SECRET = park(DeliveryCause.SECRET_MISSING, "Its credential has no secret to sign with.")
_DISABLED = park(DeliveryCause.DISABLED, "The credential's callbacks are disabled.")


@dataclass(frozen=True)
class _Draft:
    """What is to be posted, and where. said: of it in our log."""

    id: str
    body: str
    url: str
    keys: Sequence[str]
    said: Mapping[str, object]


class CallbackPoster:
    """Makes tries. Its methods are served as activities (`broker.temporal.serve_posts`)."""

    def __init__(
        self,
        db: Database,
        sealer: Sealer,
        receivers: Receivers,
        settings: BrokerSettings,
        *,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._db = db
        self._sealer = sealer
        self._receivers = receivers
        self._settings = settings
        self._places = PostPlaces(settings.callback_max_posts)

    @implements(stubs.post_callback)
    async def post_callback(self, request: PostCallbackInput) -> PostCallbackResult:
        """One try of one delivery, and what it means for the next one.

        Raises: ShareTaken, before anything is sent, when the tenant or the receiver's host has its
            share of the posts under way.
        """
        with self._places.of_tenant(request.tenant):
            return await self._send(request.tenant, await self._command(request))

    @implements(stubs.post_event)
    async def post_event(self, request: PostEventInput) -> PostCallbackResult:
        """One try of one event. Raises: ShareTaken, as `post_callback`."""
        with self._places.of_tenant(request.tenant):
            return await self._send(request.tenant, await self._event(request))

    async def _command(self, request: PostCallbackInput) -> _Draft | PostCallbackResult:
        """The post of a change of a command; a result when nothing may be posted."""
        async with self._db.read() as tx:
            history = await log.history(tx, tenant=request.tenant, name=request.command)
            entry = next(each for each in history if each.revision == request.revision)
            command = from_snapshot(entry.snapshot)
            owner = await callbacks.endpoint(tx, request.tenant, command.caller)
        keys = self._keys(owner)
        if command.callback is None or owner is None or not keys:
            return _NO_SECRET
        if why_not := may_be_told(owner, self._settings, command.station):
            return again(DeliveryCause.NOT_ALLOWED, why_not)
        url = _url(command.callback, owner)
        if not url:
            return _DISABLED
        said = {"command": request.command, "sequence": request.revision}
        body = body_of(request.news, command, entry.time)
        return _Draft(request.id, body, url, keys, said)

    async def _event(self, request: PostEventInput) -> _Draft | PostCallbackResult:
        """The post of an event; a result when nothing may be posted."""
        now = self._clock()
        async with self._db.read() as tx:
            event = await event_posts.get(tx, request.tenant, request.id)
            if event is None:
                raise LookupError(f"the delivery {request.id} is not in this database")
            owner = await callbacks.endpoint(tx, request.tenant, event.caller)
            if owner is None or not (keys := self._keys(owner)):
                return _NO_SECRET
            if owner.disabled or not owner.url:
                return _DISABLED
            allowed = may_get(owner, self._settings, EventSubject(event.subject))
            groups = tuple(allowed.groups)
            if allowed.why_not or not await is_within(tx, event, groups):
                return again(DeliveryCause.NOT_ALLOWED, allowed.why_not or OUTSIDE)
            content = await posted_event(tx, event, groups, now)
        said = {"type": event.news, "station": event.station, "sequence": event.sequence}
        return _Draft(event.id, body_of_event(event, content), owner.url, keys, said)

    def _keys(self, owner: Endpoint | None) -> list[str]:
        """The secrets that sign."""
        sealed = owner.secrets(self._clock()) if owner else []
        return [self._sealer.open(each) for each in sealed]

    async def _send(self, tenant: str, draft: _Draft | PostCallbackResult) -> PostCallbackResult:
        if isinstance(draft, PostCallbackResult):
            return draft
        headers = signed_headers(draft.id, draft.body, draft.keys, self._clock())
        with self._places.of_host(tenant, _host(draft.url)):
            result = await self._receivers.post(draft.url, headers, draft.body.encode())
        _log.info(
            "callback_posted",
            **draft.said,
            status=result.status.value,
            cause=result.cause,
            http_status=result.http_status,
        )
        return replace(result, url=draft.url)


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
    poster = CallbackPoster(db, sealer, receivers, settings, clock=clock)
    posts = Posters(poster.post_callback, poster.post_event)
    try:
        async with background(
            "callback-posts", lambda: serve_posts(client, posts, pause_before_turn, settings)
        ):
            yield
    finally:
        await receivers.close()
