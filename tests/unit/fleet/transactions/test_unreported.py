"""Ends that no station reported, and the better facts that revise them."""

from datetime import datetime
from typing import Any

import pytest

from fleet import transactions
from fleet.database import Database
from fleet.transactions.rows import Transaction
from tests.support.fleet_rows import NOW, event_2, later, start_16, stop_16

CUT = later(300)


async def ended(db: Database, row: Transaction) -> Transaction:
    async with db.write() as tx:
        over = await transactions.end_unreported(tx, row.id, CUT)
    assert over is not None
    return over


async def cut_16(db: Database) -> Transaction:
    async with db.write() as tx:
        row, _ = await start_16(tx)
    return await ended(db, row)


async def cut_2(db: Database) -> Transaction:
    async with db.write() as tx:
        row, _ = await event_2(tx, evse_id=1)
    return await ended(db, row)


async def test_an_end_that_was_not_reported_has_no_time_of_the_station(db: Database) -> None:
    over = await cut_16(db)
    assert (over.state, over.end_unreported) == ("ENDED", True)
    assert (over.stop_time, over.stop_received_time, over.stop_reason) == (None, CUT, "")
    async with db.write() as tx:
        assert await transactions.active(tx, "CP1") == []
        assert await transactions.unreported(tx, "CP1", received_after=NOW) == [over]
        assert await transactions.unreported(tx, "CP1", received_after=later(1)) == []
        assert await transactions.end_unreported(tx, over.id, later(900)) is None


async def test_a_late_stop_transaction_completes_the_end(db: Database) -> None:
    over = await cut_16(db)
    async with db.write() as tx:
        done = await stop_16(tx, over.ocpp_transaction_id, now=later(900))
        assert await transactions.by_id(tx, over.id) == done
        assert await transactions.resume(tx, over.id, NOW) is None
    assert (done.id, done.state, done.end_unreported) == (over.id, "ENDED", False)
    assert (done.stop_time, done.stop_received_time) == (later(600), later(900))
    assert done.meter_stop_wh == 2000


async def test_a_late_ended_event_completes_the_end(db: Database) -> None:
    over = await cut_2(db)
    async with db.write() as tx:
        done, changed = await event_2(
            tx, "Ended", 200, meter_wh=9, stop_reason="PowerLoss", now=later(900)
        )
    assert changed
    assert (done.id, done.state, done.end_unreported) == (over.id, "ENDED", False)
    assert (done.stop_time, done.stop_received_time) == (later(200), later(900))
    assert done.stop_reason == "PowerLoss"


@pytest.mark.parametrize(
    ("time", "more", "runs"),
    [
        pytest.param(later(301), {}, True, id="from after the end"),
        pytest.param(later(200), {}, False, id="from before"),
        pytest.param(later(301), {"offline": True}, False, id="told as old"),
        pytest.param(later(1), {"clock_suspect": True}, True, id="1970"),
    ],
)
async def test_an_event_of_the_session_shows_whether_it_runs(
    db: Database, time: datetime, more: dict[str, Any], runs: bool
) -> None:
    await cut_2(db)
    async with db.write() as tx:
        row, _ = await event_2(tx, "Updated", 1, event_time=time, now=later(400), **more)
    assert (row.state == "ACTIVE") is runs
    assert row.end_unreported is not runs
    assert row.stop_received_time == (None if runs else CUT)


async def test_a_session_that_is_metered_runs_again(db: Database) -> None:
    over = await cut_16(db)
    async with db.write() as tx:
        row = await transactions.resume(tx, over.id, NOW)
        assert await transactions.active(tx, "CP1") == [row]
        assert await transactions.resume(tx, over.id, NOW) is None


async def test_a_session_that_was_taken_for_the_ended_one_runs_again(db: Database) -> None:
    async with db.write() as tx:
        row, _ = await start_16(tx)
        over = await stop_16(tx, row.ocpp_transaction_id, guessed=True)
        assert await transactions.unreported(tx, "CP1", received_after=NOW) == []
        assert await transactions.resume(tx, row.id, NOW) == row
        assert await transactions.active(tx, "CP1") == [row]
    assert (over.state, over.stop_time, over.end_unreported) == ("ENDED", later(600), True)


async def test_its_own_end_completes_one_that_was_guessed(db: Database) -> None:
    async with db.write() as tx:
        row, _ = await start_16(tx)
        await stop_16(tx, row.ocpp_transaction_id, guessed=True)
        done = await stop_16(tx, row.ocpp_transaction_id, meter_stop_wh=3000, now=later(900))
    assert (done.meter_stop_wh, done.end_unreported) == (3000, False)
