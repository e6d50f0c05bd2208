"""Boots of a relayed station: those that its back end (CSMS) asked for, and those that repeat."""

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest

from fleet import connections, stations
from fleet.database import Database
from fleet.engine import precompiled
from fleet.engine.precompiled import SqliteConnection
from station_gateway.relay.relayed_station import RelayedStation
from station_gateway.stations.station import ConnectedStation
from tests.support.benches.gateway_bench import Bench
from tests.support.relay.back_end import BackEnd
from tests.support.stations.scripted_station import BOOTS, connected, eventually, found

ACCEPTED = {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 60}
ASKS = '[2,"theirs","TriggerMessage",{"requestedMessage":"BootNotification"}]'


async def booted(relay: Bench, after: datetime | None = None) -> datetime:
    """When the station last booted, as soon as that is later."""

    async def look() -> datetime | None:
        async with relay.db.read() as tx:
            known = await stations.get(tx, "S1")
        at = known.boot_time if known is not None else None
        return at if at is not None and (after is None or at > after) else None

    return await found(look)


async def released(relay: Bench) -> bool | None:
    """Whether no gateway has the station."""
    async with relay.db.read() as tx:
        last = await connections.latest(tx, "S1")
    return (last is not None and not last.gateway) or None


def held(relay: Bench) -> ConnectedStation:
    """The station at its gateway."""
    station = relay.gateway.registry.get("S1")
    assert station is not None
    return station


async def test_a_boot_that_the_back_end_asked_for_is_no_restart(
    relay: Bench, back_end: BackEnd
) -> None:
    async with connected(relay.url("S1")) as station:
        await station.boot()
        first = await booted(relay)
        await back_end.say(ASKS)
        await eventually(lambda: held(relay).peer.boot_asked)
        await station.boot()
        await eventually(lambda: not held(relay).peer.boot_asked)
        assert await booted(relay) == first


async def test_a_boot_long_after_the_back_end_asked_for_one_is_a_restart(
    relay: Bench, back_end: BackEnd
) -> None:
    await relay.restart(boot_talk_s=0.05)
    async with connected(relay.url("S1")) as station:
        await station.boot()
        first = await booted(relay)
        await back_end.say(ASKS)
        await station.called("TriggerMessage")
        await eventually(lambda: held(relay).peer.boot_asked)
        await eventually(lambda: not held(relay).peer.boot_asked)
        await station.boot()
        assert await booted(relay, first) > first


@pytest.mark.parametrize("boots", [1, 2])
async def test_a_repeated_boot_waits_its_own_full_time_for_the_back_end(
    relay: Bench, back_end: BackEnd, boots: int
) -> None:
    del back_end.answers["BootNotification"]
    await relay.restart(upstream_mode="command", relay_answer_s=0.3)
    clock = asyncio.get_running_loop().time
    async with connected(relay.url("S1")) as station:
        for _ in range(boots):
            last = clock()
            await station.begin("BootNotification", BOOTS["ocpp1.6"])
            await eventually(lambda since=last: clock() > since + 0.15)  # type: ignore[misc]
            assert held(relay).boot._booting.in_hand
        await eventually(lambda: not held(relay).boot._booting.in_hand)
    assert clock() - last >= 0.3


@pytest.mark.parametrize("again", [False, True], ids=["the newest", "a newer one has come"])
async def test_a_late_answer_to_a_boot_counts_while_it_is_the_newest(
    relay: Bench, back_end: BackEnd, again: bool
) -> None:
    del back_end.answers["BootNotification"]
    await relay.restart(upstream_mode="command", relay_answer_s=0.05)
    async with connected(relay.url("S1")) as station:
        await station.begin("BootNotification", BOOTS["ocpp1.6"], message_id="late")
        await eventually(lambda: len(back_end.heard) == 1)
        await eventually(lambda: held(relay).idle)  # the answer is awaited no longer
        if again:
            back_end.answers["BootNotification"] = ACCEPTED | {"status": "Rejected"}
            await station.boot()
            await eventually(lambda: held(relay).idle)
        await back_end.say(json.dumps([3, "late", ACCEPTED]))
        await station.call("Heartbeat", {})
        await held(relay).caught_up()  # type: ignore[attr-defined]
        assert held(relay).peer.boot_accepted is not again


async def test_a_relayed_station_that_connects_and_boots_costs_few_statements_and_builds_none(
    relay: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A statement that SQLAlchemy builds and compiles anew costs as much as ten that are kept. A
    # look and a write share their transaction with others that come together.
    said: list[tuple[Any, str]] = []
    shared: list[str] = []
    execute, look, batch = SqliteConnection.execute, Database.look, Database.batch

    async def executed(tx: SqliteConnection, statement: Any, *rest: Any, **options: Any) -> Any:
        said.append((statement, f"{rest} {statement.compile().params}"))
        return await execute(tx, statement, *rest, **options)

    async def looked(db: Database, op: Any) -> Any:
        shared.append("look")
        return await look(db, op)

    async def written(db: Database, op: Any) -> Any:
        shared.append("write")
        return await batch(db, op)

    costs = []
    async with connected(relay.url("S1")) as first:
        await first.boot()  # now all statements are compiled, and who comes again is known
        await booted(relay)
    await found(lambda: released(relay))
    monkeypatch.setattr(SqliteConnection, "execute", executed)
    monkeypatch.setattr(Database, "look", looked)
    monkeypatch.setattr(Database, "batch", written)
    for name in ("S1", "S2"):  # a station that comes back, and one that nobody knows
        said.clear()
        shared.clear()
        async with connected(relay.url(name)) as station:
            await station.boot()
            connection = relay.gateway.registry.get(name)
            assert isinstance(connection, RelayedStation)
            await connection.caught_up()
            own = [statement for statement, values in said if f"'{name}'" in values]
            costs.append((len(own), shared.count("look"), shared.count("write")))
        built = [str(each) for each in own if each not in precompiled._marked]
        assert built == []
    assert costs == [(12, 2, 2), (12, 1, 3)]
