"""Transactions of OCPP 2.x: any order, any repetition, one row."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet import transactions
from fleet.database import Database
from fleet.transactions.rows import Transaction
from tests.support.fleet_rows import NOW, event_2, later

STORY: list[dict[str, Any]] = [
    {"type": "Started", "seq_no": 0, "remote_start_id": 7, "meter_wh": 100, "offline": True},
    {"type": "Updated", "seq_no": 1, "evse_id": 2, "charging_state": "EVConnected"},
    {"type": "Updated", "seq_no": 2, "token_digest": "d", "token_masked": "*", "authorized": True},
    {"type": "Updated", "seq_no": 3, "connector_id": 1, "charging_state": "Charging"},
    {"type": "Ended", "seq_no": 4, "token_digest": "other", "meter_wh": 900, "stop_reason": "EVD"},
]


async def tell(db: Database, station: str, events: list[dict[str, Any]]) -> Transaction:
    async with db.write() as tx:
        for event in events:
            row, _ = await event_2(tx, station=station, **event)
    return row


def comparable(row: Transaction) -> Transaction:
    """Without what depends on the moment of telling: our id, name and times.

    Not every sign of life is written (`LIFE_PACE`), so the last one depends on the order, too.
    """
    ours = {"received_time": NOW, "stop_received_time": None, "token_time": None}
    ours |= {"alive_time": None}
    return replace(row, id=0, name="", station="", **ours)  # type: ignore[arg-type]


async def test_a_whole_session_is_one_row_with_all_its_facts(db: Database) -> None:
    row = await tell(db, "CP1", STORY)
    assert (row.state, row.observed_only, row.offline) == ("ENDED", False, True)
    assert (row.evse_id, row.connector_id, row.remote_start_id) == (2, 1, 7)
    assert (row.token_digest, row.authorized) == ("d", True)
    assert (row.start_time, row.stop_time) == (later(0), later(4))
    assert (row.meter_start_wh, row.meter_stop_wh, row.stop_reason) == (100, 900, "EVD")
    assert row.charging_state == "Charging"


async def test_every_order_of_the_events_makes_the_same_row(db: Database) -> None:
    expected = comparable(await tell(db, "in order", STORY))
    for number, events in enumerate(itertools.permutations(STORY)):
        row = await tell(db, f"CP{number}", list(events))
        assert comparable(row) == expected, [e["seq_no"] for e in events]


async def test_a_session_has_charged_when_an_event_said_so_whichever_came_last(
    db: Database,
) -> None:
    idle = [event | {"charging_state": "Idle", "meter_wh": None} for event in STORY]
    charged = [*idle[:3], STORY[3], idle[4]]
    for number, events in enumerate(itertools.permutations(charged)):
        assert (await tell(db, f"CP{number}", list(events))).has_charged
    assert not (await tell(db, "never charged", idle)).has_charged
    assert (await tell(db, "by its meter", [STORY[0], idle[2], STORY[4]])).has_charged


async def test_a_repeated_event_changes_nothing_and_says_so(db: Database) -> None:
    async with db.write() as tx:
        _, first = await event_2(tx)
        row, again = await event_2(tx, now=later(100))
    assert (first, again) == (True, False)
    assert row.received_time == later(0)


async def test_an_end_without_a_start_makes_an_ended_row_that_a_late_start_completes(
    db: Database,
) -> None:
    ended = await tell(db, "CP1", [STORY[4]])
    assert (ended.state, ended.observed_only, ended.start_time) == ("ENDED", True, None)
    completed = await tell(db, "CP1", [STORY[0]])
    assert completed.id == ended.id
    assert (completed.state, completed.observed_only) == ("ENDED", False)
    assert (completed.start_time, completed.remote_start_id) == (later(0), 7)


async def test_a_session_is_found_by_the_remote_start_that_began_it(db: Database) -> None:
    row = await tell(db, "CP1", [STORY[0]])
    async with db.read() as tx:
        assert await transactions.for_remote_start(tx, "CP1", 7, sent=NOW) == row
        assert await transactions.for_remote_start(tx, "CP1", 8, sent=NOW) is None
        assert await transactions.for_remote_start(tx, "CP2", 7, sent=NOW) is None
        assert await transactions.by_ocpp_transaction_id(tx, "CP1", "tx-1") == row


async def test_no_station_can_end_the_transaction_of_another(db: Database) -> None:
    theirs = await tell(db, "CP1", [STORY[0]])
    await tell(db, "CP2", [STORY[4]])
    async with db.read() as tx:
        assert await transactions.by_id(tx, theirs.id) == theirs
        assert await transactions.active(tx, "CP1") == [theirs]


@pytest.mark.parametrize("number", [2**31, -(2**70), 10**30])
async def test_numbers_that_no_database_holds_mean_nothing(db: Database, number: int) -> None:
    row = await tell(
        db,
        "CP1",
        [
            {"seq_no": number, "event_time": NOW, "now": NOW, "evse_id": number}
            | {"remote_start_id": number, "meter_wh": number * 2**40},
        ],
    )
    assert (row.evse_id, row.remote_start_id, row.meter_start_wh) == (None, None, None)


EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["Started", "Updated", "Ended"])},
    optional={
        "evse_id": st.integers(1, 3),
        "connector_id": st.integers(1, 3),
        "token_digest": st.sampled_from(["a", "b"]),
        "remote_start_id": st.integers(0, 3),
        "reservation_id": st.integers(0, 3),
        "meter_wh": st.integers(0, 9),
        "offline": st.booleans(),
        "authorized": st.booleans(),
        "clock_suspect": st.booleans(),
        "charging_state": st.sampled_from(["", "Charging", "Idle"]),
        "stop_reason": st.sampled_from(["", "Local"]),
    },
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), events=st.lists(EVENTS, min_size=1, max_size=6))
async def test_any_events_in_any_order_with_doubles_make_the_same_row(
    db: Database, data: st.DataObject, events: list[dict[str, Any]]
) -> None:
    numbered = [{**event, "seq_no": n} for n, event in enumerate(events)]
    shuffled = data.draw(st.permutations(numbered + numbered[::2]))
    station = str(next(_stations))
    expected = await tell(db, f"{station}-a", numbered)
    assert comparable(await tell(db, f"{station}-b", shuffled)) == comparable(expected)


_stations = itertools.count()


@pytest.mark.parametrize(("written_s", "suspect"), [(-90_000, True), (-86_000, False)])
async def test_an_end_that_its_station_wrote_as_before_the_start_makes_its_times_suspect(
    db: Database, written_s: float, suspect: bool
) -> None:
    async with db.write() as tx:
        await event_2(tx, event_time=later(-86_400))
        ended, _ = await event_2(tx, "Ended", 1, event_time=later(-600), written=later(written_s))
        assert ended.clock_suspect is suspect


async def test_a_token_that_is_told_with_the_start_was_shown_at_the_start(db: Database) -> None:
    told = {"token_digest": "d", "token_masked": "*", "authorized": True, "offline": True}
    row = await tell(db, "late", [{"seq_no": 0, **told, "now": later(900)}])
    assert (row.start_time, row.received_time, row.token_time) == (later(0), later(900), None)
    again = await tell(db, "late", [{"type": "Updated", "seq_no": 1, **told, "now": later(901)}])
    assert again.token_time is None


@pytest.mark.parametrize("first", [{}, {"type": "Updated", "seq_no": 1, "token_digest": "d"}])
async def test_a_token_that_is_told_otherwise_was_told_when_it_came(
    db: Database, first: dict[str, Any]
) -> None:
    row = await tell(db, "cable", [first, {"type": "Updated", "seq_no": 2, "token_digest": "d"}])
    assert row.token_time == later(1 if first else 2)
