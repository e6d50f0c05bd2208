"""OCPP 1.6 behind another back end: it gives the ids, and may give none, or one again."""

from fleet import transactions
from fleet.database import Database
from tests.support.fleet_rows import start_16
from tests.unit.fleet.transactions.test_v16 import all_of, observe


async def test_a_session_has_the_id_that_it_was_given(db: Database) -> None:
    async with db.write() as tx:
        begun, new = await start_16(tx, given_id=77)
        again, anew = await start_16(tx, given_id=77)
        assert len(await all_of(tx)) == 1
        assert not await transactions.belongs_to_another(tx, "CP2", str(begun.id))
    assert (begun.ocpp_transaction_id, new) == ("77", True)
    assert (again, anew) == (begun, False)


async def test_without_an_id_it_gets_the_one_of_the_repeat_that_was_answered(db: Database) -> None:
    async with db.write() as tx:
        begun, _ = await start_16(tx, given_id=0)
        still, _ = await start_16(tx, given_id=0)
        known, new = await start_16(tx, given_id=77, authorized=False)
        assert await transactions.by_ocpp_transaction_id(tx, "CP1", "77") == known
    assert begun.ocpp_transaction_id == still.ocpp_transaction_id == "-1"
    assert (known.id, known.authorized, new) == (begun.id, False, False)


async def test_an_id_that_is_given_again_is_of_the_newer_session(db: Database) -> None:
    async with db.write() as tx:
        older, _ = await start_16(tx, given_id=77)
        newer, _ = await start_16(tx, given_id=77, meter_start_wh=999)
        assert await transactions.by_ocpp_transaction_id(tx, "CP1", "77") == newer
        assert {each.name for each in await all_of(tx)} == {older.name, newer.name}


async def test_what_was_only_metered_under_the_id_is_the_session(db: Database) -> None:
    async with db.write() as tx:
        await observe(tx, "77")
        begun, new = await start_16(tx, given_id=77)
        assert [each.name for each in await all_of(tx)] == [begun.name]
    assert new
