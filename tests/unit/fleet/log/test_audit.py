"""The audit log on both databases: what is written is told, the newest first."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fleet.database import Database
from fleet.engine.values import InvalidValue
from fleet.log import audit
from fleet.log.audit import AuditRow
from fleet.log.event_log import Filter
from tests.support.fleet_rows import NOW, later

ROW = AuditRow(
    tenant="acme",
    id="b",
    create_time=NOW,
    caller="desk",
    method="CreateStation",
    resource="stations/CP-1",
    station="CP-1",
    code="OK",
    reason="",
    request_id="",
    trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    times=1,
    last_time=NOW,
)


async def write(db: Database, *rows: AuditRow) -> None:
    async with db.write() as tx:
        await audit.write(tx, rows)


async def ids(db: Database, which: Filter, **page: object) -> list[str]:
    async with db.read() as tx:
        return [row.id for row in await audit.list_page(tx, which, **{"limit": 9, **page})]  # type: ignore[arg-type]


async def test_an_entry_is_read_back_as_it_was_written(db: Database) -> None:
    await write(db, ROW)
    async with db.read() as tx:
        assert await audit.list_page(tx, Filter("acme"), limit=9) == [ROW]


async def test_the_newest_come_first_and_pages_go_on_where_the_last_one_ended(db: Database) -> None:
    newer, twin = replace(ROW, id="a", create_time=later(9)), replace(ROW, id="c")
    await write(db, ROW, twin, newer)
    assert await ids(db, Filter("acme")) == ["a", "c", "b"]
    assert await ids(db, Filter("acme"), limit=2) == ["a", "c"]
    assert await ids(db, Filter("acme"), after=(NOW, "c")) == ["b"]


@pytest.mark.parametrize(
    ("which", "told"),
    [
        (Filter("other"), []),
        (Filter("acme", groups=("CP-",)), ["a", "b"]),
        (Filter("acme", groups=("OSLO-",)), ["o"]),
        (Filter("acme", created_from=later(1)), ["o", "n", "a"]),
        (Filter("acme", created_to=later(1)), ["b"]),
    ],
)
async def test_only_what_the_filter_selects_is_told(
    db: Database, which: Filter, told: list[str]
) -> None:
    newer = replace(ROW, id="a", create_time=later(9))
    of_none = replace(newer, id="n", station="", resource="tokens/ISO14443/****12CD")
    of_oslo = replace(newer, id="o", station="OSLO-1")
    await write(db, ROW, newer, of_none, of_oslo)
    assert await ids(db, which) == told


async def test_what_is_too_long_is_cut_and_a_tenant_is_not(db: Database) -> None:
    await write(db, replace(ROW, resource="x" * 900, reason="R" * 90))
    async with db.read() as tx:
        (row,) = await audit.list_page(tx, Filter("acme"), limit=9)
    assert (len(row.resource), len(row.reason)) == (500, 64)
    with pytest.raises(InvalidValue):
        await write(db, replace(ROW, tenant="t" * 300, last_time=NOW + timedelta(1)))
