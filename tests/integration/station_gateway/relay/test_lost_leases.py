"""A gateway whose database was away is there again when all that it passed on is recorded."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from structlog.testing import capture_logs

from fleet import connections
from tests.integration.station_gateway.relay.test_recording import hold_recording
from tests.support.benches.gateway_bench import Bench, now
from tests.support.relay.back_end import BackEnd
from tests.support.stations.scripted_station import connected, eventually, found


async def holder(relay: Bench) -> connections.Connection | None:
    """Who holds S1, by a lease that stands."""
    async with relay.db.read() as tx:
        return await connections.holder(tx, "S1", now=now())


async def test_a_lost_lease_is_renewed_when_what_was_passed_on_is_recorded(
    relay: Bench, back_end: BackEnd, tmp_path: Path
) -> None:
    await relay.restart(lease_s=0.5, lease_renewal_s=0.05)
    release = asyncio.Event()
    hold_recording(relay, release)
    async with connected(relay.url("S1")) as station:
        with closing(sqlite3.connect(tmp_path / "fleet.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await station.call("Heartbeat", {})
            with capture_logs() as logs:
                await eventually(lambda: any(e["event"] == "lease_not_renewed" for e in logs))
        recorder = relay.gateway.registry.get("S1")._recorder  # type: ignore[union-attr]
        await eventually(lambda: recorder._rest is not None)  # the lease waits for it
        assert await holder(relay) is None
        release.set()
        await found(lambda: holder(relay))
