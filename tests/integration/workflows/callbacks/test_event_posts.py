"""The story of events that are posted: real receivers, and days that pass in seconds."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from contract import names
from contract.callbacks import CallbackResult
from domain.callback_events import EventSubject, thread_id
from domain.callbacks import TRIES
from fleet import event_posts, stations
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.event_posts import EventDelivery
from fleet.log.changes import StationChanged, station_changed
from journal.callback_outbox import wake_event_posts
from journal.event_feeds import choose
from tests.support.benches.callback_bench import CALLER, TENANT, CallbackBench, callback_bench
from tests.support.histories import golden as histories
from tests.support.receiver import Answer, Post, Receiver, receiving
from tests.unit.domain.situations import T0

pytestmark = pytest.mark.asyncio(loop_scope="session")

STATION = "CP1"
THREAD = thread_id(CALLER, EventSubject.STATION, STATION)
WORKFLOW = names.event_posts_workflow_id(TENANT, "station", THREAD)


class EventBench:
    """One station of which events are told to one credential."""

    def __init__(self, bench: CallbackBench, story: str) -> None:
        self.bench = bench
        self._story = story
        self._kept = 0

    async def chosen(self, url: str, *types: str, **more: Any) -> None:
        """The credential chooses these types."""
        await self.bench.own(url, event_types=types, **more)
        await self.written(lambda tx: choose(tx, TENANT, CALLER, types))

    async def written(self, write: Callable[[Tx], Awaitable[Any]]) -> None:
        """What a gateway commits."""
        async with self.bench.db.write() as tx:
            await write(tx)

    async def made(self, id: str = STATION, tenant: str = TENANT) -> None:
        """The station is created, which is an event."""
        values: dict[str, Any] = {"location": "", "security_profile": 1, "password_hash": None}
        await self.written(lambda tx: stations.create(tx, id=id, tenant=tenant, now=T0, **values))

    async def happened(self, *whats: StationChanged) -> None:
        """The station changes, in this order."""
        for what in whats:
            async with self.bench.db.write() as tx:
                await station_changed(tx, STATION, what, T0)

    async def rows(self) -> list[EventDelivery]:
        """Every delivery, the oldest first."""
        async with self.bench.db.read() as tx:
            found = await event_posts.list_page(tx, tenant=TENANT, limit=100)
        return found[::-1]

    async def states(self) -> list[tuple[str, str]]:
        """(type, state) of every delivery."""
        return [(row.news, row.state) for row in await self.rows()]

    async def until(self, *states: tuple[str, str]) -> None:
        """Waits for these deliveries; no time is skipped for it."""
        async with asyncio.timeout(10):
            while await self.states() != list(states):
                await asyncio.sleep(0.02)

    async def resend(self, row: EventDelivery) -> None:
        """As ResendCallbackDelivery does."""

        async def write(tx: Tx) -> None:
            await wake_event_posts(tx, row, "resend", T0)
            await event_posts.resend(tx, TENANT, row.id, T0 + timedelta(seconds=1))

        await self.written(write)

    async def posted(self) -> None:
        """Skips to where nothing is left to post."""
        handle = self.bench.environment.client.get_workflow_handle(
            WORKFLOW, result_type=CallbackResult
        )
        async with asyncio.timeout(60):
            while not await self._is_done(handle):
                if any(state == "RETRYING" for _, state in await self.states()):
                    await self.bench.environment.sleep(timedelta(hours=1))
                else:
                    await asyncio.sleep(0.02)
        self._kept += 1
        await histories.keep(handle, f"events_{self._story}-{self._kept}")

    async def _is_done(self, handle: Any) -> bool:
        if not (rows := await self.rows()) or any(row.state == "PENDING" for row in rows):
            return False
        try:
            status = (await handle.describe()).status
        except RPCError:
            return False
        return bool(status is WorkflowExecutionStatus.COMPLETED)


@pytest_asyncio.fixture(loop_scope="session")
async def events(
    skipping: WorkflowEnvironment, database: Database, request: pytest.FixtureRequest
) -> AsyncIterator[EventBench]:
    """Everything that finds and posts events."""
    async with callback_bench(database, skipping) as bench:
        yield EventBench(bench, request.node.originalname.removeprefix("test_"))


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that says yes unless told otherwise."""
    async with receiving() as receiver:
        yield receiver


def types_of(posts: list[Post]) -> list[str]:
    return [post.json["type"] for post in posts]


async def test_events_of_a_station_are_posted_in_order(
    events: EventBench, receiver: Receiver
) -> None:
    await events.chosen(receiver.url(), "station.*")
    await events.made()
    await events.happened(StationChanged.BOOTED, StationChanged.UPDATED)
    await events.posted()
    assert types_of(receiver.posts) == ["station.created", "station.booted", "station.updated"]
    for post in receiver.posts:
        post.verify(events.bench.secret)
        assert post.json["data"]["name"] == f"stations/{STATION}"


async def test_a_receiver_of_events_that_is_down_for_72_hours_parks_what_must_not_be_lost(
    events: EventBench,
) -> None:
    async with receiving() as receiver:
        port = receiver.port
    await events.chosen(receiver.url(), "station.*")
    await events.made()
    await events.posted()
    (parked,) = await events.rows()
    assert (parked.state, parked.cause, parked.tries) == ("PARKED", "UNREACHABLE", TRIES)
    async with receiving(port=port, receiver=receiver):
        await events.resend(parked)
        await events.posted()
    (post,) = receiver.posts
    assert post.id == parked.id
    assert await events.states() == [("station.created", "DELIVERED")]


async def test_a_newer_event_takes_the_place_of_one_that_passes_and_goes_at_once(
    events: EventBench, receiver: Receiver
) -> None:
    await events.made()
    await events.chosen(receiver.url(), "station.*")
    receiver.answers += [Answer(503)]
    await events.happened(StationChanged.BOOTED)
    await events.until(("station.booted", "RETRYING"))
    await events.happened(StationChanged.UPDATED)
    await events.until(("station.booted", "SUPERSEDED"), ("station.updated", "DELIVERED"))
    await events.posted()
    assert types_of(receiver.posts) == ["station.booted", "station.updated"]


async def test_410_disables_the_receiver_and_later_events_are_parked_without_a_run(
    events: EventBench, receiver: Receiver
) -> None:
    await events.made()
    await events.chosen(receiver.url(), "station.*")
    receiver.answers += [Answer(410)]
    await events.happened(StationChanged.BOOTED)
    await events.until(("station.booted", "PARKED"))
    await events.happened(StationChanged.UPDATED)
    await events.until(("station.booted", "PARKED"), ("station.updated", "PARKED"))
    assert [row.cause for row in await events.rows()] == ["GONE", "DISABLED"]
    assert "410" in (await events.bench.settings()).disable_reason
    assert len(receiver.posts) == 1


async def test_what_happened_before_the_choice_and_to_others_is_not_told(
    events: EventBench, receiver: Receiver
) -> None:
    await events.made()
    await events.chosen(receiver.url(), "station.updated", groups=["CP"])
    await events.made("CP2", tenant="other")
    await events.made("XX3")
    await events.written(lambda tx: stations.update(tx, "XX3", now=T0, location="roof"))
    await events.written(lambda tx: stations.update(tx, "CP2", now=T0, location="roof"))
    await events.happened(StationChanged.BOOTED, StationChanged.UPDATED)
    await events.until(("station.updated", "DELIVERED"))
    assert [row.resource for row in await events.rows()] == [STATION]


async def test_nothing_is_told_any_longer_after_the_choice_was_taken_back(
    events: EventBench, receiver: Receiver
) -> None:
    await events.made()
    await events.chosen(receiver.url(), "station.*")
    await events.happened(StationChanged.BOOTED)
    await events.until(("station.booted", "DELIVERED"))
    await events.chosen(receiver.url())
    await events.happened(StationChanged.UPDATED)
    await events.chosen(receiver.url(), "station.conformance")
    await events.happened(StationChanged.UPDATED, StationChanged.CONFORMANCE)
    await events.until(("station.booted", "DELIVERED"), ("station.conformance", "DELIVERED"))
    assert receiver.posts[1].sequence > receiver.posts[0].sequence
