"""The event log and the newest snapshots, with commands as resources."""

from datetime import datetime
from typing import Any

import pytest

from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import commands as log
from fleet.log.event_log import Columns, Entry, Filter
from fleet.log.order import Cursor
from tests.support.fleet_rows import NOW, later

Snapshot = dict[str, Any]


def shown(snapshot: Snapshot) -> Columns:
    return Columns(
        station=snapshot.get("station", "CP1"),
        kind=snapshot.get("kind", "START_SESSION"),
        state=snapshot["state"],
        outcome_code=snapshot.get("code", ""),
        create_time=later(snapshot.get("made", 0)),
        labels=snapshot.get("labels", {}),
        workflow_id=f"command/acme/{snapshot.get('id', '')}",
    )


async def put(
    tx: Tx,
    name: str = "c1",
    key: str = "queued",
    tenant: str = "acme",
    now: datetime = NOW,
    **new: Any,
) -> Entry | None:
    """Append a change that sets these fields of the snapshot."""
    values = {"state": "QUEUED"} | new
    return await log.append(
        tx,
        tenant=tenant,
        name=name,
        key=key,
        change=lambda old: {**(old or {}), **values},
        columns=shown,
        now=now,
    )


async def page(db: Database, **filters: Any) -> list[str]:
    async with db.read() as tx:
        entries, _ = await log.list_page(tx, Filter("acme", **filters), limit=100)
    return [entry.name for entry in entries]


async def test_a_change_counts_the_revision_up_and_becomes_the_newest(db: Database) -> None:
    async with db.write() as tx:
        first = await put(tx, a=1)
        second = await put(tx, key="sent:1", state="SENT", now=later(1))
        assert await log.latest(tx, tenant="acme", name="c1") == second
        assert await log.history(tx, tenant="acme", name="c1") == [first, second]
    assert first is not None and second is not None
    assert first.snapshot == {"state": "QUEUED", "a": 1, "revision": 1}
    assert second.snapshot == {"state": "SENT", "a": 1, "revision": 2}
    assert second.seq > first.seq


async def test_a_repeated_key_changes_nothing(db: Database) -> None:
    async with db.write() as tx:
        await put(tx)
        sent = await put(tx, key="sent:1", state="SENT")
        assert await put(tx, key="queued", state="DONE") == sent
        assert len(await log.history(tx, tenant="acme", name="c1")) == 2


async def test_a_change_that_has_nothing_to_say_writes_nothing(db: Database) -> None:
    async with db.write() as tx:
        nothing = {"change": lambda _: None, "columns": shown, "now": NOW}
        made = await log.append(tx, tenant="acme", name="c1", key="k", **nothing)  # type: ignore[arg-type]
        assert made is None
        first = await put(tx)
        assert await log.append(tx, tenant="acme", name="c1", key="k", **nothing) == first  # type: ignore[arg-type]
        assert len(await log.history(tx, tenant="acme", name="c1")) == 1


async def test_an_unknown_command_has_no_entry(db: Database) -> None:
    async with db.write() as tx:
        await put(tx)
        assert await log.latest(tx, tenant="other", name="c1") is None
        assert await log.history(tx, tenant="acme", name="c2") == []


async def test_hostile_text_survives_in_a_snapshot(db: Database) -> None:
    async with db.write() as tx:
        entry = await put(tx, text='\x00"\\u0000 \U0001f600', number=1.0, deep=[{"a": None}])
        assert await log.latest(tx, tenant="acme", name="c1") == entry


async def test_commands_are_listed_newest_first_and_page_by_page(db: Database) -> None:
    async with db.write() as tx:
        for number in range(7):
            await put(tx, f"c{number}", made=number // 2)
        names, after = [], None
        while True:
            entries, after = await log.list_page(tx, Filter("acme"), after=after, limit=2)
            names += [entry.name for entry in entries]
            if after is None:
                break
    assert names == ["c6", "c5", "c4", "c3", "c2", "c1", "c0"]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"station": "CP2"}, ["c2"]),
        ({"kinds": ["STOP_SESSION"]}, ["c2"]),
        ({"states": ["DONE", "SENT"]}, ["c3"]),
        ({"outcome_codes": ["REJECTED"]}, ["c3"]),
        ({"created_from": later(2)}, ["c3", "c2"]),
        ({"created_to": later(2)}, ["c1"]),
        ({"labels": {"site": "x"}}, ["c3", "c1"]),
        ({"labels": {"site": "x", "who": "me"}}, ["c1"]),
        ({"labels": {'o"dd': "'"}}, []),
        ({"names": ["c1", "c2", "c9"]}, ["c2", "c1"]),
    ],
)
async def test_lists_are_filtered(db: Database, filters: Any, names: list[str]) -> None:
    async with db.write() as tx:
        await put(tx, "c1", made=1, labels={"site": "x", "who": "me"})
        await put(tx, "c2", made=2, station="CP2", kind="STOP_SESSION")
        await put(tx, "c3", made=3, labels={"site": "x"})
        await put(tx, "c3", key="done", state="DONE", code="REJECTED")
        await put(tx, "foreign", tenant="other", made=4, station="CP2")
    assert await page(db, **filters) == names


async def test_a_reader_gets_what_comes_after_its_cursor_once(db: Database) -> None:
    async with db.write() as tx:
        await put(tx)
    async with db.read() as tx:
        cursor = await log.head(tx)
        assert await log.read_after(tx, cursor, Filter("acme"), 10) == []
    seen = []
    for key in ("sent:1", "answered:1", "done"):
        async with db.write() as tx:
            await put(tx, key=key)
        async with db.read() as tx:
            for entry in await log.read_after(tx, cursor, Filter("acme"), 10):
                seen.append(entry.key)
                cursor = Cursor(entry.tx_id, entry.seq)
    assert seen == ["sent:1", "answered:1", "done"]


async def test_reading_after_a_cursor_filters_by_command_and_by_the_changes_state(
    db: Database,
) -> None:
    async with db.read() as tx:
        start = await log.head(tx)
    async with db.write() as tx:
        await put(tx, "c1", labels={"site": "x"})
        await put(tx, "c2")
        await put(tx, "c1", key="done", state="DONE")

    async def read(**filters: Any) -> list[tuple[str, str]]:
        async with db.read() as tx:
            found = await log.read_after(tx, start, Filter("acme", **filters), 10)
        return [(e.name, e.key) for e in found]

    assert await read() == [("c1", "queued"), ("c2", "queued"), ("c1", "done")]
    assert await read(labels={"site": "x"}) == [("c1", "queued"), ("c1", "done")]
    assert await read(states=["QUEUED"]) == [("c1", "queued"), ("c2", "queued")]
