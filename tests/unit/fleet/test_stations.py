"""Stations, their passwords and connectors, on both databases."""

import pytest

from fleet import connections, generations, station_secrets, stations
from fleet.connectors import StationConnector
from fleet.database import Database
from fleet.engine.values import InvalidValue
from fleet.station_secrets import Secrets, get_with_secrets
from fleet.stations import Station, StationExists
from tests.support.fleet_rows import NOW, connect, later, make_station


async def ids(db: Database, **filters: object) -> list[str]:
    values = {"tenant": "acme", "limit": 100, "now": NOW} | filters
    async with db.read() as tx:
        return [s.id for s in await stations.list_page(tx, **values)]  # type: ignore[arg-type]


async def status(db: Database, word: str, seconds: float) -> StationConnector:
    async with db.write() as tx:
        return await stations.set_connector(
            tx,
            station="CP1",
            evse_id=1,
            connector_id=1,
            status=word,
            error_code="",
            now=later(seconds),
        )


async def get(db: Database, id: str = "CP1") -> Station:
    async with db.read() as tx:
        found = await stations.get(tx, id)
    assert found is not None
    return found


async def hashes(db: Database) -> tuple[str, ...]:
    async with db.read() as tx:
        return (await get_with_secrets(tx, "CP1"))[1].hashes


async def test_a_registered_station_is_read_back_as_it_was_made(db: Database) -> None:
    async with db.write() as tx:
        made = await make_station(tx)
    assert await get(db) == made
    assert (made.registered, made.create_time, made.boot_state) == (True, NOW, "")


async def test_an_unknown_station_is_none_and_has_no_password(db: Database) -> None:
    async with db.read() as tx:
        assert await stations.get(tx, "nobody") is None
        assert await get_with_secrets(tx, "nobody") == (None, Secrets())


async def test_a_station_cannot_be_registered_twice_not_even_by_another_tenant(
    db: Database,
) -> None:
    async with db.write() as tx:
        await make_station(tx)
    for tenant in ("acme", "other"):
        with pytest.raises(StationExists):
            async with db.write() as tx:
                await make_station(tx, tenant=tenant)
    assert (await get(db)).tenant == "acme"


async def test_an_admitted_station_can_be_registered_later(db: Database) -> None:
    async with db.write() as tx:
        admitted, is_new = await stations.admit(tx, id="CP1", tenant="acme", now=NOW)
        again, is_newer = await stations.admit(tx, id="CP1", tenant="acme", now=later(9))
        registered = await make_station(tx)
    assert not admitted.registered
    assert (again, is_new, is_newer) == (admitted, True, False)
    assert registered.registered
    assert registered.create_time == admitted.create_time


async def test_an_admitted_station_of_another_tenant_is_not_taken_over(db: Database) -> None:
    async with db.write() as tx:
        await stations.admit(tx, id="CP1", tenant="other", now=NOW)
        with pytest.raises(StationExists):
            await make_station(tx)


async def test_the_old_password_is_good_until_the_new_one_was_used(db: Database) -> None:
    async with db.write() as tx:
        await make_station(tx, password_hash="old")
        await station_secrets.set_password(tx, "CP1", "new", NOW)
    assert await hashes(db) == ("new", "old")
    async with db.write() as tx:
        assert not await station_secrets.confirm_password(tx, "CP1", "old", NOW)
        assert await station_secrets.confirm_password(tx, "CP1", "new", NOW)
    assert await hashes(db) == ("new",)


async def test_two_rotations_in_a_row_do_not_lock_the_station_out(db: Database) -> None:
    async with db.write() as tx:
        await make_station(tx, password_hash="in use")
        await station_secrets.set_password(tx, "CP1", "never used", NOW)
        await station_secrets.set_password(tx, "CP1", "newest", NOW)
    assert await hashes(db) == ("newest", "in use")


async def test_the_security_profile_is_only_raised(db: Database) -> None:
    async with db.write() as tx:
        await make_station(tx, security_profile=2)
        await stations.update(tx, "CP1", now=NOW, security_profile=1, location="roof")
        assert not await stations.update(tx, "nobody", now=NOW, location="x")
    station = await get(db)
    assert (station.security_profile, station.location) == (2, "roof")


async def test_labels_are_replaced_as_a_whole_and_can_be_emptied(db: Database) -> None:
    async with db.write() as tx:
        await make_station(tx, labels={"site": "7", "owner": "north"})
    assert (await get(db)).labels == {"site": "7", "owner": "north"}
    async with db.write() as tx:
        await stations.update(tx, "CP1", now=NOW, labels={"site": "8"})
        await stations.update(tx, "CP1", now=NOW, location="roof")
    assert (await get(db)).labels == {"site": "8"}
    async with db.write() as tx:
        await stations.update(tx, "CP1", now=NOW, labels={})
    assert (await get(db)).labels is None


async def test_a_boot_is_recorded_with_what_the_station_says_cut_to_its_limit(
    db: Database,
) -> None:
    async with db.write() as tx:
        await make_station(tx)
        await stations.record_boot(
            tx,
            "CP1",
            state="ACCEPTED",
            vendor="v\x00" * 1000,
            model="m",
            serial_number="\ud800",
            firmware_version="1",
            ocpp_version="ocpp1.6",
            now=later(5),
        )
        await stations.set_connection_timeout(tx, "CP1", 45.0)
    station = await get(db)
    assert (station.boot_state, station.boot_time) == ("ACCEPTED", later(5))
    assert station.vendor == "v" * 250
    assert station.serial_number == "?"
    assert station.connection_timeout_s == 45.0


async def test_last_seen_never_goes_back(db: Database) -> None:
    async with db.write() as tx:
        await make_station(tx)
        await make_station(tx, "CP2")
        await stations.touch(tx, [("CP1", later(10)), ("CP2", later(20)), ("nobody", NOW)])
        await stations.touch(tx, [("CP1", later(5))])
        await stations.touch(tx, [])
    assert (await get(db)).last_seen_time == later(10)
    assert (await get(db, "CP2")).last_seen_time == later(20)


async def test_previous_status_moves_only_when_the_status_changes(db: Database) -> None:
    seen = [await status(db, word, t) for t, word in enumerate(["A", "A", "B", "B", "A"])]
    assert [c.previous_status for c in seen] == ["", "", "A", "A", "B"]
    async with db.read() as tx:
        assert await stations.connectors(tx, "CP1") == [seen[-1]]


async def test_when_a_connector_last_began_to_charge_outlives_its_state(db: Database) -> None:
    words = [
        "Preparing",
        "Charging",
        "Charging",
        "Finishing",
        "Available",
        "SuspendedEV",
        "Faulted",
    ]
    seen = [await status(db, word, t) for t, word in enumerate(words)]
    began = [None, *[later(1)] * 4, *[later(5)] * 2]
    assert [connector.charging_time for connector in seen] == began


async def test_a_station_that_invents_connectors_fills_no_table(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.stations.CONNECTORS_LIMIT", 3)

    async def tell(evse_id: int, status: str, at_s: float) -> None:
        async with db.write() as tx:
            await stations.set_connector(
                tx,
                station="CP1",
                evse_id=evse_id,
                connector_id=1,
                status=status,
                error_code="",
                now=later(at_s),
            )

    for number in range(1, 7):
        await tell(number, "Available", number)
    await tell(3, "Faulted", 10)
    await tell(9, "Faulted", 11)
    async with db.read() as tx:
        kept = [(each.evse_id, each.status) for each in await stations.connectors(tx, "CP1")]
    assert kept == [(1, "Available"), (2, "Available"), (3, "Faulted")]


async def test_numbers_beyond_32_bits_are_refused(db: Database) -> None:
    async with db.write() as tx:
        with pytest.raises(InvalidValue):
            await stations.set_connector(
                tx,
                station="CP1",
                evse_id=2**31,
                connector_id=1,
                status="A",
                error_code="",
                now=NOW,
            )


@pytest.mark.parametrize("id", ["", "x" * 256, "a\x00b", "\ud800"])
async def test_an_unusable_station_id_is_refused(db: Database, id: str) -> None:
    with pytest.raises(InvalidValue):
        async with db.write() as tx:
            await make_station(tx, id)


async def test_a_deleted_station_takes_its_password_and_connectors_along(db: Database) -> None:
    await status(db, "A", 0)
    async with db.write() as tx:
        await make_station(tx)
        assert await generations.delete(tx, "CP1", now=NOW)
        assert not await generations.delete(tx, "CP1", now=NOW)
        assert await get_with_secrets(tx, "CP1") == (None, Secrets())
        assert await stations.connectors(tx, "CP1") == []


async def test_stations_are_listed_in_pages_and_filtered(db: Database) -> None:
    async with db.write() as tx:
        for id, location in (("b", "x"), ("B", "y"), ("a", "x"), ("c", "x")):
            await make_station(tx, id, location=location)
        await make_station(tx, "foreign", tenant="other")
        await connect(tx, "a", connection_id="ca")
    assert await ids(db) == ["B", "a", "b", "c"]
    assert await ids(db, after="a", limit=1) == ["b"]
    assert await ids(db, location="y") == ["B"]
    assert await ids(db, ocpp_version="ocpp1.6") == []
    assert await ids(db, connected=True) == ["a"]
    assert await ids(db, connected=False) == ["B", "b", "c"]
    assert await ids(db, connected=True, now=later(61)) == []


async def test_holders_of_many_stations_are_read_at_once(db: Database) -> None:
    async with db.write() as tx:
        await connect(tx, "a", connection_id="ca")
        await connect(tx, "b", gateway="gw2", connection_id="cb")
        await connections.drop_gateway(tx, "gw2", now=NOW)
        held = await connections.holders(tx, ["a", "b", "c"], now=NOW)
    assert {id: c.connection_id for id, c in held.items()} == {"a": "ca"}
