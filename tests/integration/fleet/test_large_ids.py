"""What is counted outgrows 32 bits, and OCPP's numbers do not."""

from typing import Any

import pytest

from fleet import claims, remote_starts, tables, transactions
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.values import INT32_MAX, InvalidValue
from fleet.log import reservations
from tests.support.databases import FAR, count_from
from tests.support.fleet_rows import NOW, connect, event_2, intend, later, start_16, stop_16

AT_CP2 = "CP2"


async def mint(tx: Tx, name: str, station: str = "CP1") -> int:
    return await reservations.mint(tx, tenant="acme", reservation=name, station=station, now=NOW)


@pytest.mark.parametrize("last", FAR)
async def test_a_session_begins_and_ends_however_many_there_were(db: Database, last: int) -> None:
    async with db.write() as tx:
        await count_from(tx, last, "transactions")
        started, _ = await start_16(tx, epoch=last)
        ended = await stop_16(tx, started.ocpp_transaction_id)
        assert await transactions.by_id(tx, started.id) == ended
    assert started.id == last + 1
    assert 0 < int(started.ocpp_transaction_id) <= INT32_MAX


@pytest.mark.parametrize("last", FAR)
async def test_a_frame_has_a_number_that_the_station_can_name(db: Database, last: int) -> None:
    async with db.write() as tx:
        await count_from(tx, last, "sends")
        send = await intend(tx, epoch=await connect(tx))
        assert await remote_starts.by_number(tx, "CP1", send.number) == send
        assert await remote_starts.by_number(tx, AT_CP2, send.number) is None
        numbers = {send.number, send.number % INT32_MAX + 1}
        known = await remote_starts.known_numbers(tx, "CP1", "START_SESSION", numbers)
        assert await claims.take(
            tx, session="s", tenant="acme", command="start-1", send=send.id, now=NOW
        )
        (claim,) = await claims.of_sessions(tx, ["s"])
    assert (send.id, claim.send) == (last + 1, last + 1)
    assert known == {send.number}
    assert 0 < send.number <= INT32_MAX


async def test_a_number_that_comes_again_means_the_newest_frame(db: Database) -> None:
    async with db.write() as tx:
        epoch, other = await connect(tx), await connect(tx, AT_CP2)
        old = await intend(tx, "old", epoch)
        theirs = await intend(tx, "theirs", other, station=AT_CP2)
        await count_from(tx, INT32_MAX, "sends")
        new = await intend(tx, "new", epoch)
        assert old.number == new.number != theirs.number
        assert await remote_starts.by_number(tx, "CP1", new.number) == new
        assert await remote_starts.by_number(tx, AT_CP2, theirs.number) == theirs


@pytest.mark.parametrize("number", [-1, 0, INT32_MAX + 1, 2**62])
async def test_what_is_no_number_of_ocpp_names_no_frame(db: Database, number: int) -> None:
    async with db.write() as tx:
        await count_from(tx, 2**32, "sends")
        await intend(tx, epoch=await connect(tx))
        assert await remote_starts.by_number(tx, "CP1", number) is None
        assert not await remote_starts.known_numbers(tx, "CP1", "START_SESSION", {number})


async def test_a_number_that_comes_again_does_not_mean_a_session_of_long_ago(
    db: Database,
) -> None:
    async with db.write() as tx:
        await event_2(tx, remote_start_id=7)
        await event_2(tx, "Ended", 5)
        again, _ = await event_2(tx, ocpp_transaction_id="tx-2", remote_start_id=7, now=later(9e6))
        found = await transactions.for_remote_start(tx, "CP1", 7, sent=later(9e6 - 5))
    assert found == again


@pytest.mark.parametrize("last", FAR)
async def test_a_reservation_has_a_number_that_fits(db: Database, last: int) -> None:
    async with db.write() as tx:
        await count_from(tx, last, "wire_ids")
        number = await mint(tx, "one")
        assert await mint(tx, "one") == number
        assert await mint(tx, "other") != number
    assert 0 < number <= INT32_MAX


async def test_two_stations_may_have_the_same_number_and_one_may_not(db: Database) -> None:
    """A number that the station has used stays that of the older reservation there."""
    async with db.write() as tx:
        first = await mint(tx, "first")
        await event_2(tx, reservation_id=first)
        await count_from(tx, INT32_MAX, "wire_ids")
        elsewhere = await mint(tx, "elsewhere", AT_CP2)
        await count_from(tx, INT32_MAX, "wire_ids")
        await forget(tx, "elsewhere")
        here = await mint(tx, "here")
    assert elsewhere == first
    assert here == first + 1


async def forget(tx: Tx, reservation: str) -> None:
    await tx.execute(tables.wire_ids.delete().where(tables.wire_ids.c.reservation == reservation))


async def test_a_number_at_two_stations_means_the_own_session_of_each(db: Database) -> None:
    drawn: list[int] = [5, 5, 5, 6]
    async with db.write() as tx:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("secrets.randbelow", lambda _: drawn.pop(0) - 1)
            mine, _ = await start_16(tx)
            theirs, _ = await start_16(tx, AT_CP2)
            next_one, _ = await start_16(tx, evse_id=2)
        await stop_16(tx, "5")
        assert not await transactions.belongs_to_another(tx, AT_CP2, "7")
        running = await transactions.active(tx, AT_CP2)
    assert [each.ocpp_transaction_id for each in (mine, theirs, next_one)] == ["5", "5", "6"]
    assert [each.id for each in running] == [theirs.id]


async def test_a_station_that_has_the_numbers_drawn_is_refused_and_no_other(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with db.write() as tx:
        monkeypatch.setattr("secrets.randbelow", lambda _: 4)
        await start_16(tx)
        with pytest.raises(InvalidValue, match="too many"):
            await start_16(tx, evse_id=2)
        other, created = await start_16(tx, AT_CP2)
    assert (other.ocpp_transaction_id, created) == ("5", True)


async def test_a_row_of_before_is_found_by_its_number(db: Database) -> None:
    """Rows of older versions have their own id as OCPP's."""
    old: dict[str, Any] = {"ocpp_transaction_id": "7", "minted": True}
    async with db.write() as tx:
        started, _ = await start_16(tx)
        await tx.execute(tables.transactions.update().values(**old))
        assert await transactions.belongs_to_another(tx, AT_CP2, "7")
        ended = await stop_16(tx, "7")
        assert not await transactions.belongs_to_another(tx, AT_CP2, "7")
    assert ended.id == started.id
