"""Two gateways on one database, for what becomes of a station's older socket."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from fleet import connections
from fleet.database import Database
from fleet.keys import load_passwords, load_sealer
from station_gateway.settings import GatewaySettings
from tests.support.benches.gateway_bench import Bench, now
from tests.support.stations.scripted_station import ScriptedStation

NEVER_S = 3600.0
START = {"connectorId": 1, "idTag": "TAG1", "meterStart": 5, "timestamp": "2026-01-01T00:00:00Z"}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}


@dataclass
class GatewayPair:
    """Who was there first speaks with `old`, who comes after with `new`."""

    old: Bench
    new: Bench

    async def holder(self) -> connections.Connection | None:
        """Who holds the station S1."""
        async with self.old.db.read() as tx:
            return await connections.holder(tx, "S1", now=now())


PairT = TypeVar("PairT", bound=GatewayPair)


@asynccontextmanager
async def running_pair(
    kind: type[PairT], database: Database, settings: GatewaySettings
) -> AsyncIterator[PairT]:
    """Both gateways, until the block ends."""
    sealer, passwords = await load_sealer(database), await load_passwords(database)
    async with AsyncExitStack() as stack:
        benches = [Bench(database, sealer, passwords, settings) for _ in range(2)]
        for bench in benches:
            await bench.start()
            stack.push_async_callback(bench.stop)
        yield kind(*benches)


async def silent_end(station: ScriptedStation, action: str, payload: dict[str, Any]) -> None:
    """Its report gets no answer, and its socket is closed."""
    answer = await station.begin(action, payload)
    assert await station.closed() == 1008
    assert not answer.done()
