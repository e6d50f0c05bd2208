"""Leases with an epoch: who holds a station's socket."""

from datetime import datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet import connections
from fleet.connections import Connection
from fleet.database import Database
from tests.support.fleet_rows import NOW, connect, later, make_station


async def holder(db: Database, station: str = "CP1", at: float = 0) -> Connection | None:
    async with db.read() as tx:
        return await connections.holder(tx, station, now=later(at))


async def test_a_claimed_station_is_held_by_its_gateway(db: Database) -> None:
    async with db.write() as tx:
        assert await connect(tx) == 1
    assert await holder(db) == Connection("CP1", "gw1", "c1", 1, "ocpp1.6", NOW)
    assert await holder(db, "CP2") is None


async def test_a_connection_is_over_when_its_gateways_lease_ran_out(db: Database) -> None:
    async with db.write() as tx:
        await connect(tx)
    assert await holder(db, at=59) is not None
    assert await holder(db, at=60) is None
    async with db.write() as tx:
        await connections.renew_gateway(tx, "gw1", until=later(120))
    assert await holder(db, at=60) is not None


async def test_the_late_close_of_a_replaced_socket_removes_nothing(db: Database) -> None:
    async with db.write() as tx:
        await connect(tx, connection_id="old")
        assert await connect(tx, gateway="gw2", connection_id="new") == 2
        assert not await connections.release(tx, station="CP1", connection_id="old", now=NOW)
    held = await holder(db)
    assert held is not None
    assert (held.gateway, held.connection_id) == ("gw2", "new")


async def test_a_released_station_is_held_by_nobody(db: Database) -> None:
    async with db.write() as tx:
        await connect(tx)
        assert await connections.release(tx, station="CP1", connection_id="c1", now=NOW)
        assert not await connections.release(tx, station="CP1", connection_id="c1", now=NOW)
        assert await connections.current_epoch(tx, "CP1") is None
    assert await holder(db) is None


async def test_a_dropped_gateway_holds_nothing_not_even_when_it_comes_back(db: Database) -> None:
    async with db.write() as tx:
        await connect(tx)
        await connect(tx, "CP2", gateway="gw2", connection_id="c2")
        await connections.drop_gateway(tx, "gw1", now=NOW)
        await connections.renew_gateway(tx, "gw1", until=later(60))
    assert await holder(db) is None
    assert await holder(db, "CP2") is not None


async def test_what_a_dropped_gateway_could_not_record_is_known_of_its_sockets(
    db: Database,
) -> None:
    async with db.write() as tx:
        await connect(tx)
        await connect(tx, "CP2", connection_id="c2")
        await connections.drop_gateway(tx, "gw1", now=NOW, unrecorded=["c2", "another"])
        await connections.renew_gateway(tx, "gw1", until=later(60))
        latest = [await connections.latest(tx, station) for station in ("CP1", "CP2")]
    assert [each.gateway for each in latest if each] == ["", connections.UNRECORDED]
    assert await holder(db, "CP2") is None


STEPS = st.lists(st.sampled_from(["claim", "release", "drop"]), max_size=12)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
async def test_epochs_only_grow_whatever_happens(db: Database, steps: list[str]) -> None:
    epochs = []
    async with db.write() as tx:
        for step in [*steps, "claim"]:
            if step == "claim":
                epochs.append(await connect(tx, "CP9"))
            elif step == "release":
                await connections.release(tx, station="CP9", connection_id="c1", now=NOW)
            else:
                await connections.drop_gateway(tx, "gw1", now=NOW)
    assert epochs == sorted(set(epochs))
    assert epochs == list(range(epochs[0], epochs[0] + len(epochs)))


async def test_the_latest_socket_is_known_when_nobody_holds_it_any_longer(db: Database) -> None:
    async with db.write() as tx:
        assert await connections.latest(tx, "CP1") is None
        await connect(tx)
        held = await connections.latest(tx, "CP1")
        await connections.release(tx, station="CP1", connection_id="c1", now=later(5))
        lost = await connections.latest(tx, "CP1")
    assert held == Connection("CP1", "gw1", "c1", 1, "ocpp1.6", NOW)
    assert lost == Connection("CP1", "", "c1", 1, "ocpp1.6", NOW, later(5))


async def moved_time(db: Database) -> datetime | None:
    async with db.read() as tx:
        _, _, moved = await connections.whereabouts(tx, "CP1", now=NOW)
    return moved


async def test_a_station_whose_gateway_drained_is_known_to_move_until_it_is_claimed_again(
    db: Database,
) -> None:
    async with db.write() as tx:
        await make_station(tx)
        await connect(tx)
    assert await moved_time(db) is None
    async with db.write() as tx:
        done = await connections.release(
            tx, station="CP1", connection_id="c1", now=later(5), moves=True
        )
        assert done
        lost = await connections.latest(tx, "CP1")
    assert lost is not None
    assert lost.disconnected_time == later(5)
    assert await moved_time(db) == later(5)
    assert await holder(db) is None
    async with db.write() as tx:
        await connect(tx, gateway="gw2", connection_id="c2")
    assert await moved_time(db) is None


async def test_a_station_that_hung_up_by_itself_does_not_move(db: Database) -> None:
    async with db.write() as tx:
        await make_station(tx)
        await connect(tx)
        await connections.release(tx, station="CP1", connection_id="c1", now=later(5))
    assert await moved_time(db) is None
