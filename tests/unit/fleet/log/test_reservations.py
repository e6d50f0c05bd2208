"""Reservations: their changes, their OCPP numbers, and what stations report of their ends."""

from dataclasses import replace
from datetime import timedelta

from domain.model.specs import IdToken
from domain.reservations.reservation import Reservation, ReservationState
from fleet.database import Database
from fleet.log import commands as log
from fleet.log import reservations
from fleet.log.event_log import Filter
from journal.reservations.record import from_snapshot, record
from tests.support.fleet_rows import NOW

HOLDER = IdToken("ISO14443", "****1234", "sealed", "digest")


def a_reservation(wire_id: int, name: str = "a" * 24, station: str = "CP1") -> Reservation:
    return Reservation(
        name=name,
        tenant="acme",
        station=station,
        wire_id=wire_id,
        id_token=HOLDER,
        state=ReservationState.REQUESTED,
        create_time=NOW,
        expire_time=NOW + timedelta(hours=1),
        workflow_id=f"reservation/acme/{name}",
        command="c-1",
    )


async def make(db: Database, reservation: Reservation) -> None:
    async with db.write() as tx:
        await record(
            tx,
            tenant=reservation.tenant,
            name=reservation.name,
            key="requested",
            change=lambda known: known,
            now=NOW,
            initial=reservation,
        )


async def test_numbers_on_the_wire_are_never_given_twice(db: Database) -> None:
    numbers = []
    for number in range(5):
        async with db.write() as tx:
            name = f"{number:024x}"
            key = {"tenant": "acme", "reservation": name, "station": "CP1"}
            made = await reservations.mint(tx, **key, now=NOW)
            again = await reservations.mint(tx, **key, now=NOW)
        assert made == again
        numbers.append(made)
    assert numbers == sorted(set(numbers))
    assert numbers[0] >= 1


async def test_a_station_finds_only_its_own_reservation_by_number(db: Database) -> None:
    await make(db, a_reservation(7))
    async with db.read() as tx:
        found = await reservations.by_wire_id(tx, "CP1", 7)
        assert found is not None
        assert from_snapshot(found.snapshot).name == "a" * 24
        assert await reservations.by_wire_id(tx, "CP2", 7) is None
        assert await reservations.by_wire_id(tx, "CP1", 2**40) is None


async def test_a_number_tells_whose_reservation_it_is(db: Database) -> None:
    await make(db, a_reservation(7))
    async with db.read() as tx:
        assert not await reservations.belongs_to_another(tx, "CP1", 7)
        assert await reservations.belongs_to_another(tx, "CP2", 7)
        assert not await reservations.belongs_to_another(tx, "CP2", 8)
        assert not await reservations.belongs_to_another(tx, "CP2", 2**40)


async def test_a_report_about_a_foreign_number_is_not_kept(db: Database) -> None:
    await make(db, a_reservation(7))
    async with db.write() as tx:
        assert await reservations.report(tx, station="CP1", wire_id=7, status="Removed", now=NOW)
        assert not await reservations.report(tx, station="CP2", wire_id=7, status="x", now=NOW)
        kept = await reservations.reported(tx, "CP1", 7)
        assert kept is not None
        assert kept.status == "Removed"
        assert await reservations.reported(tx, "CP2", 7) is None


async def test_reservations_and_commands_do_not_see_each_other_in_the_log(db: Database) -> None:
    await make(db, a_reservation(7))
    async with db.read() as tx:
        start = log.Cursor(0, 0)
        assert await log.read_after(tx, start, Filter("acme"), 10) == []
        assert len(await reservations.RESERVATIONS.read_after(tx, start, Filter("acme"), 10)) == 1
        assert (await log.list_page(tx, Filter("acme"), limit=10))[0] == []
        assert (
            len((await reservations.RESERVATIONS.list_page(tx, Filter("acme"), limit=10))[0]) == 1
        )


async def test_an_ended_reservation_is_no_longer_open(db: Database) -> None:
    await make(db, a_reservation(7))
    async with db.write() as tx:
        assert len(await reservations.open_at(tx, "CP1")) == 1
        await record(
            tx,
            tenant="acme",
            name="a" * 24,
            key="end",
            change=lambda known: replace(known, state=ReservationState.CANCELLED, end_time=NOW),
            now=NOW,
        )
        assert await reservations.open_at(tx, "CP1") == []
        assert len(await reservations.ended_at(tx, "CP1", since=NOW)) == 1
