"""Starts of another back end (CSMS): they explain sessions, wake nobody, and keep clear of ours."""

from datetime import timedelta
from typing import Any

from fleet import claims, sends
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import reservations
from fleet.remote_starts import foreign_starts
from fleet.remote_starts.foreign_starts import FIRST_NUMBER, KEPT_FOR, ForeignStart
from tests.support.fleet_rows import NOW, connect, intend


def start(**changes: Any) -> ForeignStart:
    values: dict[str, Any] = {
        "station": "CP1",
        "tenant": "acme",
        "message_id": "theirs",
        "kind": "START_SESSION",
        "evse_id": 1,
        "token_digest": "digest",
        "group_digest": None,
        "send_time": NOW,
    }
    return ForeignStart(**(values | changes))


async def causes(tx: Tx) -> list[claims.OpenCause]:
    found, _ = await claims.open_causes(
        tx,
        "CP1",
        "START_SESSION",
        digests=("digest", None),
        evse_id=1,
        sent=(NOW - timedelta(days=90), NOW + timedelta(days=90)),
    )
    return found


async def test_a_start_of_the_back_end_may_be_the_cause_of_a_session(db: Database) -> None:
    async with db.write() as tx:
        number, _ = await foreign_starts.keep(tx, start())
        (cause,) = await causes(tx)
        assert (cause.id, cause.answer) == (number, None)
        await foreign_starts.answered(tx, number, {"verdict": "REJECTED"}, NOW)
        (cause,) = await causes(tx)
    assert cause.answer == {"verdict": "REJECTED"}


async def test_it_is_no_frame_that_somebody_waits_for(db: Database) -> None:
    async with db.write() as tx:
        await foreign_starts.keep(tx, start())
        assert await sends.open_for_station(tx, "CP1") == []
        assert await sends.busy(tx, "CP1", since=NOW) == (False, False)


async def test_an_old_one_is_deleted_with_the_next(db: Database) -> None:
    async with db.write() as tx:
        await connect(tx)
        await foreign_starts.keep(tx, start())
        ours = await intend(tx)
        newer, _ = await foreign_starts.keep(tx, start(send_time=NOW + 2 * KEPT_FOR))
        assert {cause.id for cause in await causes(tx)} == {ours.id, newer}


async def test_our_numbers_begin_high_and_go_on(db: Database) -> None:
    async with db.write() as tx:
        await connect(tx)
        await intend(tx, "before")
        await foreign_starts.begin_high(tx)
        first = (await intend(tx, "first")).id
        await foreign_starts.begin_high(tx)
        second = (await intend(tx, "second")).id
        minted = await reservations.mint(
            tx, tenant="acme", reservation="r1", station="CP1", now=NOW
        )
    assert FIRST_NUMBER <= first < FIRST_NUMBER + 10
    assert second == first + 1
    assert FIRST_NUMBER <= minted < FIRST_NUMBER + 10


async def test_a_number_that_a_frame_of_ours_has_is_told(db: Database) -> None:
    async with db.write() as tx:
        await connect(tx)
        ours = await intend(tx)
        assert (await foreign_starts.keep(tx, start(), number=ours.id))[1] is False
        assert (await foreign_starts.keep(tx, start(station="CP2"), number=ours.id))[1] is True
        assert (await foreign_starts.keep(tx, start(), number=ours.id + 500))[1] is True
