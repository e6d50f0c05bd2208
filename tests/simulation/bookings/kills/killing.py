"""A world of bookings in which nothing fails but our own processes, each at any write of theirs.

A process falls at its so many-th write, right before the commit or right after it: what it was
told, asked for, or meant to do next is gone with it. So a kill is between any two steps of ours.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from domain.callback_events import EVENT_TYPES
from fleet import callbacks, event_posts
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.event_posts import EventDelivery
from fleet.log.pool_logs import BOOKING_LOG
from journal.event_feeds import EventFeeds, choose
from tests.simulation.bookings.kills.once import Change, Post, told_once
from tests.simulation.bookings.scenes import scene_of
from tests.simulation.bookings.yard import Yard
from tests.simulation.repeatable.chance import Chance
from tests.simulation.servers.processes import Process
from tests.simulation.world.callers import TENANT

CALLER = "backend"
CHOSEN = sorted(each for each in EVENT_TYPES if each.startswith("booking."))
FALLS_WITHIN_S = 240.0
"""A process that has not come to the write at which it is to fall is killed then, in any case."""

MOST_POSTS = 2_000


class KilledYard(Yard):
    """Kills the broker, the worker and the gateway, and starts them anew."""

    def __init__(self, seed: int, *args: Any, **more: Any) -> None:
        super().__init__(seed, *args, scene=scene_of(seed, always_calm=True), **more)
        self._fate = Chance(f"{seed}/kills")
        self._started = 0
        self.kills: list[str] = []
        self.feeds = EventFeeds(self.worker_db, self.loop.utc_now)  # type: ignore[arg-type]
        self._start_broker()

    async def _register(self, tx: Tx) -> None:
        """Somebody is told every change by callbacks. They are found, and never posted here."""
        await super()._register(tx)
        await callbacks.put(
            tx,
            tenant=TENANT,
            caller=CALLER,
            url="https://backend.example/events",
            events="ALL",
            disable_reason="nothing is posted here",
            now=self.loop.utc_now(),
            event_types=CHOSEN,
        )
        await choose(tx, TENANT, CALLER, CHOSEN)

    # --- processes

    def _start_worker(self) -> None:
        super()._start_worker()
        self.worker.process.spawn(self._looks_for_events())

    async def _looks_for_events(self) -> None:
        while True:
            with suppress(DatabaseUnavailable):
                await self.feeds.look()
            await asyncio.sleep(3.0)

    def _start_broker(self) -> None:
        self._started += 1
        process = Process(f"broker{self._started}", self.loop)
        self.broker_db = self._database(process, f"bdb{self._started}")
        self._broker = process
        self.desk.moves_to(process, self.broker_db)

    def _new_worker(self) -> None:
        self._started += 1
        name = f"worker{self._started}"
        self._fit_worker(Process(name, self.loop), f"wdb-{name}", f"line-{name}")
        self.feeds = EventFeeds(self.worker_db, self.loop.utc_now)  # type: ignore[arg-type]
        self._start_worker()

    # --- fate

    def _other_plots(self) -> list[Coroutine[Any, Any, None]]:
        plans = {"worker": self._fate.number(2, 4), "gateway": 2, "broker": 1}
        return [self._keeps_killing(who, times) for who, times in plans.items()]

    async def _keeps_killing(self, who: str, times: int) -> None:
        for _ in range(times):
            await asyncio.sleep(self._fate.between(5.0, 250.0))
            await self._kill(who)

    async def _kill(self, who: str) -> None:
        fate, fallen = self._fate, self.loop.create_future()
        writes, before = fate.number(1, 3 if who == "broker" else 25), fate.happens(0.5)
        house = self.gateways[-1]
        db = {"worker": self.worker_db, "gateway": house.db, "broker": self.broker_db}[who]
        db.doom(writes, before, fallen)
        await asyncio.wait([fallen], timeout=FALLS_WITHIN_S)
        down_s = fate.between(0.2, 15.0)
        at = f"{'before' if before else 'after'} its write {writes}"
        self.kills.append(f"{who} {at if fallen.done() else 'while it did nothing'}")
        self.story.line("fate", f"kills the {self.kills[-1]}, for {down_s:.1f} s")
        self.disturbed_s += down_s + 10.0
        await self._falls(who, down_s)

    async def _falls(self, who: str, down_s: float) -> None:
        if who == "gateway":
            self.gateways[-1].kill()
            await asyncio.sleep(down_s)
            await self._new_gateway()
            return
        process = self.worker.process if who == "worker" else self._broker
        process.kill()
        if who == "worker":
            for run in self.temporal.runs:
                run.worker_is_gone()
        await asyncio.sleep(down_s)
        if who == "worker":
            self._new_worker()
        else:
            self._start_broker()

    # --- afterwards

    async def _collect(self) -> None:
        await super()._collect()
        await self.feeds.look()
        async with self.db.read() as tx:
            posts = await event_posts.list_page(tx, tenant=TENANT, limit=MOST_POSTS, caller=CALLER)
            histories = {
                name: await BOOKING_LOG.history(tx, TENANT, name) for name in self.ledger.told
            }
        changes = {
            name: [Change(one.revision, one.snapshot) for one in history]
            for name, history in histories.items()
        }
        numbers = {name: self._numbers_of(name) for name in self.ledger.told}
        holds = [one for station in self.stations.values() for one in station.truth.holds]
        self.troubles += told_once(changes, [_post(each) for each in posts], numbers, holds)

    def _numbers_of(self, name: str) -> dict[int, str]:
        """The numbers of a booking's holds at their stations, with the place of each."""
        return {
            self.numbers[words.reservation]: words.place
            for words in reversed(self.ledger.told[name])
            if words.reservation in self.numbers
        }


def _post(delivery: EventDelivery) -> Post:
    return Post(delivery.resource, delivery.revision, delivery.news)
