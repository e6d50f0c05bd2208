"""Transactions of OCPP 1.6: minted ids, repeated messages, ids of others."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet import claims, tables, transactions
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.values import InvalidValue
from fleet.transactions.rows import Transaction
from tests.support.fleet_rows import NOW, event_2, later, start_16, stop_16


async def observe(tx: Tx, ocpp_transaction_id: str, station: str = "CP1") -> None:
    await transactions.observe(
        tx,
        station=station,
        tenant="acme",
        ocpp_transaction_id=ocpp_transaction_id,
        evse_id=1,
        meter_wh=5,
        now=NOW,
    )


async def all_of(tx: Tx, **filters: object) -> list[Transaction]:
    return await transactions.list_page(tx, tenant="acme", limit=100, **filters)  # type: ignore[arg-type]


async def test_a_start_draws_an_id_and_a_random_outward_name(db: Database) -> None:
    async with db.write() as tx:
        first, created = await start_16(tx)
        second, _ = await start_16(tx, evse_id=2)
        assert (
            await transactions.by_ocpp_transaction_id(tx, "CP1", first.ocpp_transaction_id) == first
        )
        assert await transactions.by_id(tx, first.id) == first
        assert await transactions.get(tx, name=first.name) == first
    assert created
    assert 0 < int(first.ocpp_transaction_id) < 2**31
    assert second.id > first.id
    assert len(first.name) == 24
    assert first.name[:12] != second.name[:12]


async def test_a_repeated_start_is_the_same_transaction(db: Database) -> None:
    async with db.write() as tx:
        first, _ = await start_16(tx)
        again, created = await start_16(tx, now=later(86_400))
        assert len(await all_of(tx)) == 1
    assert (again, created) == (first, False)


@pytest.mark.parametrize(
    "other",
    [
        {"station": "CP2"},
        {"evse_id": 2},
        {"token_digest": "other"},
        {"start_time": later(1)},
        {"meter_start_wh": 1001},
    ],
)
async def test_another_start_is_another_transaction(db: Database, other: dict[str, object]) -> None:
    async with db.write() as tx:
        first, _ = await start_16(tx)
        second, created = await start_16(tx, **other)  # type: ignore[arg-type]
    assert created
    assert second.id != first.id


async def test_a_repeated_start_with_a_wrong_clock_is_recognised(db: Database) -> None:
    async with db.write() as tx:
        first, _ = await start_16(tx, clock_suspect=True)
        again, created = await start_16(tx, clock_suspect=True, start_time=later(40))
        assert (again, created) == (first, False)
        told, _ = await start_16(tx, evse_id=2, clock_suspect=True, station_time="1970-01-01")
        await stop_16(tx, told.ocpp_transaction_id)
        replayed, created = await start_16(
            tx, evse_id=2, clock_suspect=True, station_time="1970-01-01", start_time=later(9)
        )
    assert (replayed.id, created) == (told.id, False)


async def test_a_stop_ends_the_transaction_and_its_repetition_changes_nothing(
    db: Database,
) -> None:
    async with db.write() as tx:
        started, _ = await start_16(tx)
        stopped = await stop_16(tx, started.ocpp_transaction_id)
        assert (
            await stop_16(tx, started.ocpp_transaction_id, meter_stop_wh=9, now=later(999))
            == stopped
        )
        assert await transactions.by_id(tx, started.id) == stopped
        assert await all_of(tx, active=True) == []
    assert (stopped.state, stopped.meter_stop_wh, stopped.stop_reason) == ("ENDED", 2000, "Remote")
    assert (stopped.stop_time, stopped.stop_received_time) == (later(600), later(601))
    assert not stopped.observed_only


async def test_a_meter_that_ran_backwards_is_flagged(db: Database) -> None:
    async with db.write() as tx:
        started, _ = await start_16(tx)
        stopped = await stop_16(tx, started.ocpp_transaction_id, meter_stop_wh=999)
    assert stopped.meter_suspect


async def test_no_station_can_end_the_transaction_of_another(db: Database) -> None:
    async with db.write() as tx:
        theirs, _ = await start_16(tx, "CP1")
        with pytest.raises(AssertionError):
            await stop_16(tx, theirs.ocpp_transaction_id, station="CP2")
        assert await transactions.belongs_to_another(tx, "CP2", theirs.ocpp_transaction_id)
        assert not await transactions.belongs_to_another(tx, "CP1", theirs.ocpp_transaction_id)
        assert await transactions.by_id(tx, theirs.id) == theirs
        assert await all_of(tx, station="CP2") == []


async def test_an_id_that_a_station_made_up_is_never_drawn_for_it(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = [7, 8, 9]
    async with db.write() as tx:
        for made_up in drawn[:2]:
            await observe(tx, str(made_up))
        monkeypatch.setattr("secrets.randbelow", lambda _: drawn.pop(0) - 1)
        minted, created = await start_16(tx, evse_id=2)
    assert created
    assert minted.ocpp_transaction_id == "9"
    assert not minted.observed_only


async def test_meter_values_of_an_unknown_transaction_show_it_running(db: Database) -> None:
    async with db.write() as tx:
        await observe(tx, "007")
        await observe(tx, "7")
        (seen,) = await transactions.active(tx, "CP1", evse_id=1)
        ended = await stop_16(tx, "7")
        await observe(tx, "7")
        assert await transactions.active(tx, "CP1") == []
    assert (seen.ocpp_transaction_id, seen.observed_only, seen.meter_start_wh) == ("7", True, 5)
    assert ended.id == seen.id


async def test_a_station_that_never_got_our_ids_has_one_row_per_session(db: Database) -> None:
    async with db.write() as tx:
        await observe(tx, "-1")
        first = await stop_16(tx, "-1", stop_time=later(1))
        again = await stop_16(tx, "0", stop_time=later(1))
        await observe(tx, "-1")
        second = await stop_16(tx, "-1", stop_time=later(2))
        assert len(await all_of(tx, active=False)) == 2
    assert first.id == again.id
    assert first.id != second.id


@pytest.mark.parametrize("ocpp_transaction_id", ["", "x", "1.5", str(2**31), "9" * 5000, "１e3"])
async def test_an_id_that_is_no_int32_is_refused(db: Database, ocpp_transaction_id: str) -> None:
    async with db.write() as tx:
        with pytest.raises(InvalidValue):
            await stop_16(tx, ocpp_transaction_id)


async def test_rows_that_a_station_made_up_are_limited(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.transactions.rows.OBSERVED_LIMIT", 5)
    async with db.write() as tx:
        kept, _ = await start_16(tx)
        for number in range(100, 120):
            await observe(tx, str(number))
        rows = await all_of(tx)
    assert len(rows) == 6
    assert kept in rows


async def since(tx: Tx, station: str, **changes: Any) -> list[Transaction]:
    values: dict[str, Any] = {"received_after": NOW, "begun_by": later(99)}
    values |= {"tenant": "acme", "command": "start-1"}
    return await transactions.since(tx, station, **(values | changes))


async def test_candidates_of_a_start_are_those_that_began_here_in_its_time(db: Database) -> None:
    async with db.write() as tx:
        await start_16(tx, evse_id=1, now=later(1))
        wanted, _ = await start_16(tx, evse_id=2, now=later(2))
        await observe(tx, "99")
        assert await since(tx, "CP1", received_after=later(2)) == [wanted]
        assert await since(tx, "CP2", received_after=NOW) == []


async def test_candidates_of_a_start_began_in_time_by_one_of_the_two_clocks(db: Database) -> None:
    async with db.write() as tx:
        wanted, _ = await start_16(tx, start_time=later(9), now=later(200))
        await start_16(tx, evse_id=2, start_time=later(199), now=later(200))
        assert await since(tx, "CP1", begun_by=later(99)) == [wanted]


async def test_candidates_of_a_start_are_not_claimed_by_another_one(db: Database) -> None:
    async with db.write() as tx:
        made = [(await start_16(tx, evse_id=n, now=later(n)))[0] for n in range(3)]
        for session, owner in zip(made, ("start-1", "start-2"), strict=False):
            claim: dict[str, Any] = {"tenant": "acme", "command": owner, "send": None, "now": NOW}
            assert await claims.take(tx, session=session.name, **claim)
        assert await since(tx, "CP1") == [made[0], made[2]]


async def test_transactions_are_listed_in_pages_and_filtered(db: Database) -> None:
    async with db.write() as tx:
        made = [(await start_16(tx, evse_id=n, now=later(n // 2)))[0] for n in range(5)]
        await start_16(tx, tenant="other", station="CP2")
        first = await transactions.list_page(tx, tenant="acme", limit=3)
        rest = await transactions.list_page(tx, tenant="acme", after=first[-1].name, limit=3)
        assert await all_of(tx, station="CP2") == []
        assert await transactions.active(tx, "CP1", token_digest="no") == []
        assert len(await transactions.active(tx, "CP1", token_digest="digest")) == 5
    assert {t.id for t in first + rest} == {t.id for t in made}
    assert [t.received_time for t in first + rest] == [later(n) for n in (2, 1, 1, 0, 0)]


MESSAGES = st.lists(
    st.tuples(st.sampled_from([1, 2]), st.integers(0, 3), st.booleans()), max_size=15
)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(messages=MESSAGES, days=st.integers(0, 400))
async def test_an_offline_replay_with_doubles_makes_one_transaction_each(
    db: Database, messages: list[tuple[int, int, bool]], days: int
) -> None:
    station, ids = f"CP{days}-{len(messages)}", dict[tuple[int, int], int]()
    async with db.write() as tx:
        for evse, minute, suspect in messages:
            began = later(60 * minute - 86_400 * days)
            row, _ = await start_16(
                tx,
                station,
                evse_id=evse,
                start_time=began,
                clock_suspect=suspect,
                station_time="x" + began.isoformat(),
            )
            assert ids.setdefault((evse, minute), row.id) == row.id
    assert len(set(ids.values())) == len(ids)


async def test_what_ended_since_a_moment_is_found(db: Database) -> None:
    async with db.write() as tx:
        early, _ = await start_16(tx)
        late, _ = await start_16(tx, evse_id=2, start_time=later(1), now=later(1))
        running, _ = await start_16(tx, evse_id=3, start_time=later(2), now=later(2))
        await stop_16(tx, early.ocpp_transaction_id, now=later(100))
        await stop_16(tx, late.ocpp_transaction_id, now=later(300))
        found = await transactions.ended_since(
            tx, "CP1", ended_after=later(200), received=(NOW, later(999))
        )
        of_others = await transactions.ended_since(
            tx, "CP2", ended_after=NOW, received=(NOW, later(999))
        )
    assert [row.name for row in found] == [late.name]
    assert running.name not in {row.name for row in found}
    assert of_others == []


@pytest.mark.parametrize(
    ("slack_s", "written_s", "suspect"),
    [
        pytest.param(None, -90_000, True, id="written as before its start"),
        pytest.param(None, -86_000, False, id="written as after it"),
        pytest.param(None, None, False, id="its time was not corrected"),
        pytest.param(5.0, -90_000, False, id="the start was corrected, too"),
    ],
)
async def test_an_end_that_its_station_wrote_as_before_the_start_makes_its_times_suspect(
    db: Database, slack_s: float | None, written_s: float | None, suspect: bool
) -> None:
    written = None if written_s is None else later(written_s)
    async with db.write() as tx:
        row, _ = await start_16(tx, start_time=later(-86_400), start_slack_s=slack_s)
        ended = await stop_16(tx, row.ocpp_transaction_id, stop_time=later(-600), written=written)
        assert ended.clock_suspect is suspect
        assert await transactions.by_id(tx, row.id) == ended


async def test_a_repeat_is_told_the_id_of_its_session_also_when_that_was_used_again(
    db: Database,
) -> None:
    async with db.write() as tx:
        started, _ = await start_16(tx)
        told = transactions.told_id_v16(started)
        kept_as = f"{started.ocpp_transaction_id}~{started.id}"
        await tx.execute(tables.transactions.update().values(ocpp_transaction_id=kept_as))
        again, created = await start_16(tx)
    assert (again.id, created) == (started.id, False)
    assert str(transactions.told_id_v16(again)) == started.ocpp_transaction_id == str(told)


@pytest.mark.parametrize("id", ["TX-1", "9" * 40, str(2**31), "²"])
async def test_a_start_is_no_repeat_of_a_session_of_20_whose_id_it_cannot_be_told(
    db: Database, id: str
) -> None:
    async with db.write() as tx:
        running, _ = await event_2(tx, ocpp_transaction_id=id)
        started, created = await start_16(tx, same_as=running)
    assert created
    assert started.id != running.id
