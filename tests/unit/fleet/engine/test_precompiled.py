"""Precompiled statements answer what SQLAlchemy answers, and a changed compiler is refused."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BindParameter
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.sql.compiler import SQLCompiler

from fleet import generations, stations, tokens
from fleet.database import Database
from fleet.engine.precompiled import CompilerChanged, check_compiler, sqlalchemy_only
from fleet.log import commands as log
from fleet.log.event_log import Columns, Filter
from tests.support.fleet_rows import NOW, connect, event_2, intend, later, make_station


async def everything(folder: Path) -> list[Any]:
    """What a fleet answers to writes and reads of many kinds; without random names."""
    db = await Database.open(f"sqlite:///{folder / 'fleet.db'}")
    async with db.write() as tx:
        station = await make_station(tx)
        await connect(tx)
        send = await intend(tx, frame={"idTag": "****1234"})
        merged, is_new = await event_2(tx, remote_start_id=send.id)
        entry = await log.append(
            tx,
            tenant="acme",
            name="c1",
            key="queued",
            change=lambda _: {"deep": [{"a": None}]},
            columns=lambda _: Columns("CP1", "START_SESSION", "QUEUED", "", NOW),
            now=NOW,
        )
        deleted = await tokens.delete(tx, "acme", "eMAID", "none")
        await stations.touch(tx, [("CP1", later(1)), ("none", later(2))])
    async with db.read() as tx:
        seen = await stations.get(tx, "CP1")
        page = await log.list_page(tx, Filter("acme"), limit=5)
        nobody = await stations.get(tx, "nobody")
    await db.close()
    session = (merged.id, merged.remote_start_id, merged.start_time, merged.state, is_new)
    return [station, send, session, entry, deleted, seen, page, nobody]


async def test_precompiled_statements_answer_what_sqlalchemy_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generations, "begin", lambda: "generation-1")
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
    with sqlalchemy_only():
        expected = await everything(theirs)
    assert await everything(ours) == expected


async def test_a_missing_value_is_an_error_and_no_null(tmp_path: Path) -> None:
    db = await Database.open(f"sqlite:///{tmp_path / 'fleet.db'}")
    async with db.read() as tx:
        with pytest.raises(KeyError):
            await tx.execute(stations._GET, {})
    await db.close()


def test_the_compiler_of_this_version_is_as_it_must_be() -> None:
    check_compiler(SQLiteDialect_aiosqlite())


@pytest.mark.parametrize(
    ("owner", "name"), [(SQLCompiler, "literal_execute_params"), (BindParameter, "effective_value")]
)
async def test_a_compiler_without_an_attribute_stops_the_start_and_says_so(
    owner: type, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def gone(_: object) -> None:
        raise AttributeError(name)

    monkeypatch.setattr(owner, name, property(gone, lambda *_: None), raising=False)
    with pytest.raises(CompilerChanged, match=rf"has no {owner.__name__}\.{name}: fleet/engine"):
        await Database.open(f"sqlite:///{tmp_path / 'fleet.db'}")


async def test_a_compiler_that_binds_otherwise_stops_the_start_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("fleet.engine.values.Json.process_bind_param", lambda *_: "other")
    with pytest.raises(CompilerChanged, match=r"binds \['other'\]"):
        await Database.open(f"sqlite:///{tmp_path / 'fleet.db'}")
