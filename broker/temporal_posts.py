"""Temporal, as the broker serves it: the activities that post news and events."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NamedTuple

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from broker.places import ShareTaken
from broker.settings import BrokerSettings
from broker.temporal import TemporalClient
from contract import names
from contract.callbacks import PostCallbackInput, PostCallbackResult, PostEventInput
from contract.polls import polls
from telemetry import metrics
from telemetry.build import build_id
from telemetry.heartbeats import heartbeats

_logger = structlog.get_logger(__name__)

_RESTART_S = 5.0
_HEARTBEAT_S = 2.0


class Posters(NamedTuple):
    """Make one try each. Raise: ShareTaken, when it may not be made now."""

    callback: Callable[[PostCallbackInput], Awaitable[PostCallbackResult]]
    event: Callable[[PostEventInput], Awaitable[PostCallbackResult]]


Pause = Callable[[int, float], timedelta]
"""How long a post waits that was handed back so many times; the number from 0 to 1 is random."""


async def serve_posts(
    client: TemporalClient, posters: Posters, pause: Pause, settings: BrokerSettings
) -> None:
    """Serve the activities that post news and events, until this task is cancelled.

    A broker also starts and serves while Temporal cannot be reached; posts wait for both.
    """

    async def in_turn(post: Awaitable[PostCallbackResult]) -> PostCallbackResult:
        try:
            async with heartbeats(_HEARTBEAT_S):
                return await post
        except ShareTaken as taken:
            metrics.CALLBACKS_PUT_OFF.labels(taken.share.value).inc()
            wait = pause(activity.info().attempt, random.random())  # noqa: S311  no secret
            raise ApplicationError(
                f"the {taken.share.value} has its share of posts, {taken.most}",
                type=names.SHARE_TAKEN,
                next_retry_delay=wait,
            ) from taken
        except Exception as error:  # whatever it was, it was a try: the workflow counts it
            raise ApplicationError(type(error).__name__, non_retryable=True) from error

    @activity.defn(name=names.POST_CALLBACK)
    async def post_callback(request: PostCallbackInput) -> PostCallbackResult:
        return await in_turn(posters.callback(request))

    @activity.defn(name=names.POST_EVENT)
    async def post_event(request: PostEventInput) -> PostCallbackResult:
        return await in_turn(posters.event(request))

    while True:
        try:
            # `run` would leave it behind when it is cancelled while it asks for the namespace.
            async with Worker(
                client,
                task_queue=names.CALLBACKS_QUEUE,
                build_id=build_id(),
                activities=[post_callback, post_event],
                max_concurrent_activities=settings.callback_max_posts,
                activity_task_poller_behavior=polls(settings.callback_max_polls),
                graceful_shutdown_timeout=timedelta(seconds=settings.callback_timeout_s),
            ):
                await asyncio.Event().wait()
        except Exception as error:
            why = str(error).partition("\n")[0][:200]
            _logger.warning("callbacks_wait_for_temporal", why=why)
            await asyncio.sleep(_RESTART_S)
