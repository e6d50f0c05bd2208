"""One spelling may mean two stations, or none at all: no station is kept out by it."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from fleet.database import Database
from fleet.keys import load_passwords, load_sealer
from fleet.tables import stations
from tests.integration.station_gateway.sockets.test_old_stations import choose, status, upgrade
from tests.support.benches.gateway_bench import Bench, quick
from tests.support.databases import db, fleet_url, postgres_server
from tests.support.relay.back_end import BackEnd
from tests.support.stations.scripted_station import eventually

__all__ = ["db", "fleet_url", "postgres_server"]

SPACE, PLUS = b"password-of-a-space", b"password-of-a-plus-"


@pytest.fixture
async def on_each(db: Database) -> AsyncIterator[Bench]:
    """A gateway on each kind of database in turn."""
    bench = Bench(db, await load_sealer(db), await load_passwords(db), quick())
    await bench.start()
    yield bench
    await bench.stop()


@pytest.mark.parametrize("target", ["A+B", "A%2520B"], ids=["as in a form", "escaped twice"])
async def test_nobody_keeps_a_station_out_by_the_spelling_that_it_uses(
    bench: Bench, target: str
) -> None:
    await bench.register("A B", SPACE.decode())
    station = upgrade(f"/ocpp/{target}", b"A B", SPACE)
    assert await status(bench, station) == 101
    await bench.register("A+B", PLUS.decode())
    await bench.register("A%20B", PLUS.decode())
    with capture_logs() as lines:
        assert await status(bench, station) == 101
        await eventually(lambda: any(line["event"] == "station_connected" for line in lines))
    assert await status(bench, upgrade(f"/ocpp/{target}", b"A B", b"wrong")) == 401
    came = [line["station"] for line in lines if line["event"] == "station_connected"]
    assert set(came) == {"A B"}


async def test_a_chosen_password_that_waits_for_its_first_use_is_found_by_another_spelling(
    bench: Bench,
) -> None:
    await choose(bench, "A B", SPACE.decode())
    await bench.register("A+B", PLUS.decode())
    assert await status(bench, upgrade("/ocpp/A+B", b"A B", SPACE)) == 101


async def test_a_spelling_that_no_station_can_have_is_not_looked_for(on_each: Bench) -> None:
    limit = on_each.gateway.settings.station_failures
    with capture_logs() as lines:
        for _ in range(limit):
            assert await status(on_each, upgrade("/ocpp/a%2500", b"a", b"wrong")) == 401
        assert await status(on_each, upgrade("/ocpp/a%2500", b"a", b"wrong")) == 429
    assert {line["event"] for line in lines} & {"handshake_failed"} == set()


@pytest.mark.parametrize(
    ("user", "answer", "dialled"),
    [
        pytest.param(b"A B", 101, "own", id="its own identity"),
        pytest.param(b"A+B", 101, "other", id="the identity of the other one"),
        pytest.param(b"", 401, "", id="neither"),
    ],
)
async def test_a_relayed_station_shows_its_password_to_no_back_end_of_another_tenant(
    bench: Bench, user: bytes, answer: int, dialled: str
) -> None:
    async with BackEnd().running("ocpp1.6") as own, BackEnd().running("ocpp1.6") as other:
        await bench.restart(upstream_url=own.url, upstream_allow_private=True)
        await bench.register("A B")
        await bench.register("A+B")
        moved = update(stations).where(stations.c.id == "A+B")
        async with bench.db.write() as tx:
            await tx.execute(moved.values(tenant="somebody-else", upstream=other.url))
        request = upgrade("/ocpp/A+B", user, SPACE)
        assert await status(bench, request) == answer
        asked = {"own": len(own.requests), "other": len(other.requests)}
        assert {name for name, count in asked.items() if count} == {dialled} - {""}
