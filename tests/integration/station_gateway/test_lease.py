"""The lease of a gateway whose event loop is busy, hangs, or ends: on SQLite and on PostgreSQL."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime

import pytest
from sqlalchemy import text

from fleet import connections
from fleet.database import Database
from fleet.engine.values import from_micros
from fleet.keys import load_passwords, load_sealer
from tests.support.benches.gateway_bench import Bench, now, quick
from tests.support.databases import db, fleet_url, postgres_server
from tests.support.stations.scripted_station import eventually

__all__ = ["db", "fleet_url", "postgres_server"]

LONGEST_S = 20.0


@pytest.fixture
async def bench(db: Database) -> AsyncIterator[Bench]:
    """A gateway that renews its lease very often."""
    settings = quick(lease_renewal_s=0.05, drain_timeout_s=30.0)
    bench = Bench(db, await load_sealer(db), await load_passwords(db), settings)
    await bench.start()
    yield bench
    await bench.stop()


def block_until(url: str, holds: Callable[[Database], Awaitable[bool]]) -> None:
    """Block this thread, and with it the event loop, until another thread sees that it holds."""

    async def watch() -> None:
        db = await Database.open(url, migrate=False)
        async with asyncio.timeout(LONGEST_S):
            while not await holds(db):
                await asyncio.sleep(0.02)
        await db.close()

    seen: list[BaseException | None] = []

    def run() -> None:
        try:
            asyncio.run(watch())
        except BaseException as error:
            seen.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not seen


async def lease_of(db: Database, gateway: str) -> datetime | None:
    async with db.read() as tx:
        found = await tx.execute(
            text("SELECT until FROM gateways WHERE gateway = :gateway"), {"gateway": gateway}
        )
        until = found.scalar()
    return None if until is None else from_micros(until)


async def is_held(db: Database, station: str) -> bool:
    async with db.read() as tx:
        return await connections.holder(tx, station, now=now()) is not None


async def is_renewed_while_blocked(bench: Bench, fleet_url: str) -> None:
    """Block the event loop until the lease has been renewed; S1 is held all the time."""
    gateway = bench.gateway.gateway_id
    ends: set[datetime | None] = set()

    async def renewed(db: Database) -> bool:
        assert await is_held(db, "S1")
        ends.add(await lease_of(db, gateway))
        return len(ends) > 3  # one renewal was perhaps under way

    block_until(fleet_url, renewed)


async def test_the_stations_of_a_gateway_stay_connected_while_its_event_loop_is_busy(
    bench: Bench, fleet_url: str
) -> None:
    async with bench.station("S1"):
        await is_renewed_while_blocked(bench, fleet_url)


async def test_a_gateway_that_hangs_loses_its_lease_and_one_that_goes_on_has_it_again(
    bench: Bench, fleet_url: str
) -> None:
    await bench.restart(lease_s=0.5, stall_limit_s=1.0)
    async with bench.station("S1"):

        async def lost(db: Database) -> bool:
            return not await is_held(db, "S1")

        begin_s = time.monotonic()
        block_until(fleet_url, lost)
        assert time.monotonic() - begin_s > bench.gateway.settings.lease_s
        async with asyncio.timeout(LONGEST_S):
            while not await is_held(bench.db, "S1"):
                await asyncio.sleep(0.02)


async def test_a_drained_gateway_has_no_lease_and_takes_none_again(bench: Bench) -> None:
    gateway, threads = bench.gateway.gateway_id, _lease_threads()
    assert await lease_of(bench.db, gateway) is not None
    await bench.gateway.drain()
    assert await lease_of(bench.db, gateway) is None
    await eventually(lambda: _lease_threads() == threads - 1)  # there may be other gateways


def _lease_threads() -> int:
    return sum(thread.name == "lease" for thread in threading.enumerate())


async def test_a_gateway_that_drains_holds_its_lease_until_its_last_station_has_gone(
    bench: Bench, fleet_url: str
) -> None:
    async with bench.station("S1") as silent:
        request = await bench.start_request("S1")
        sending = asyncio.create_task(bench.gateway.sender.send(request))
        message_id, _ = await silent.called("RemoteStartTransaction")
        draining = asyncio.create_task(bench.gateway.drain())
        await eventually(lambda: not bench.gateway.ready)
        await is_renewed_while_blocked(bench, fleet_url)
        await silent.answer(message_id, {"status": "Accepted"})
        await asyncio.gather(sending, draining)
        assert await lease_of(bench.db, bench.gateway.gateway_id) is None


async def test_a_gateway_that_cannot_listen_leaves_no_lease(bench: Bench) -> None:
    settings = quick(port=bench.gateway.port)
    second = Bench(bench.db, bench.sealer, bench.passwords, settings)
    with pytest.raises(OSError, match="in use"):
        await second.start()
    assert await lease_of(bench.db, second.gateway.gateway_id) is None
