"""Which sessions a target means: those that run, and those whose end does not stand yet."""

from datetime import timedelta
from typing import Any

import pytest

from domain.limits import UNREPORTED_END_SETTLING
from fleet import transactions
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import notes
from fleet.transactions.rows import Transaction
from journal.commands import plugs
from tests.support.fleet_rows import (
    connect,
    event_2,
    intend,
    later,
    make_station,
    start_16,
    stop_16,
)

CUT = later(300)
SOON = CUT + timedelta(seconds=1)
SETTLED = CUT + UNREPORTED_END_SETTLING


async def cut(tx: Tx, **told: Any) -> Transaction:
    """A session whose end was inferred."""
    row, _ = await start_16(tx, **told)
    over = await transactions.end_unreported(tx, row.id, CUT)
    assert over is not None
    return over


async def of_digest(tx: Tx, digest: str = "digest") -> list[Transaction]:
    return await plugs.fitting(tx, "CP1", lambda one: one.token_digest == digest, SOON)


async def test_a_session_counts_until_its_inferred_end_has_settled(db: Database) -> None:
    async with db.write() as tx:
        over = await cut(tx)
        assert await of_digest(tx) == [over]
        assert await of_digest(tx, "other") == []
        assert await plugs.fitting(tx, "CP1", lambda one: True, SETTLED) == []
        assert await plugs.fitting(tx, "CP2", lambda one: True, SOON) == []


async def test_a_session_whose_end_was_reported_counts_no_longer(db: Database) -> None:
    async with db.write() as tx:
        over = await cut(tx)
        await stop_16(tx, over.ocpp_transaction_id, now=SOON)
        assert await of_digest(tx) == []


async def test_a_session_that_is_told_again_is_one_session(db: Database) -> None:
    async with db.write() as tx:
        await cut(tx, reservation_id=7)
        again, _ = await start_16(tx, start_time=later(301), now=later(301))
        assert await of_digest(tx) == [again]
        of_reservation = await plugs.fitting(tx, "CP1", lambda one: one.reservation_id == 7, SOON)
        assert of_reservation == [again]


@pytest.mark.parametrize("evse_id", [1, 2])
async def test_the_next_session_on_the_plug_comes_first(db: Database, evse_id: int) -> None:
    async with db.write() as tx:
        over = await cut(tx)
        told: dict[str, Any] = {"start_time": later(301), "now": later(301), "evse_id": evse_id}
        await start_16(tx, **told, token_digest="other", meter_start_wh=1500)
        assert await of_digest(tx) == ([] if evse_id == 1 else [over])


async def test_two_ends_on_one_plug_are_one_session(db: Database) -> None:
    async with db.write() as tx:
        await cut(tx)
        last = await cut(tx, start_time=later(100), now=later(100), meter_start_wh=1500)
        assert await of_digest(tx) == [last]


async def test_a_2_x_session_counts_too(db: Database) -> None:
    async with db.write() as tx:
        row, _ = await event_2(tx, evse_id=1, token_digest="digest")
        over = await transactions.end_unreported(tx, row.id, CUT)
        assert await of_digest(tx) == [over]


async def test_the_story_of_an_end_names_no_id_that_no_back_end_has_given(db: Database) -> None:
    async with db.write() as tx:
        await make_station(tx)
        epoch = await connect(tx)
        older, _ = await start_16(tx)
        named = {"kind": "STOP_SESSION", "named_id": older.ocpp_transaction_id}
        await intend(tx, "stop-1", epoch, **named)
        begun = later(9)
        newer, _ = await start_16(tx, start_time=begun, meter_start_wh=1005, now=begun, given_id=0)
        assert [row.name for row in await plugs.session_began(tx, newer, begun)] == [older.name]
        (note,) = await notes.by_command(tx, "acme", "stop-1")
    assert note.text.endswith(f": the session that began at {begun.isoformat()} began on its plug.")
