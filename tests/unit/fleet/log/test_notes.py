"""Notes for ExplainCommand, on both databases."""

from datetime import datetime
from typing import Any

import pytest

from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import notes
from tests.support.fleet_rows import NOW, later


async def note(tx: Tx, key: str, now: datetime = NOW, **changes: Any) -> None:
    values: dict[str, Any] = {"tenant": "acme", "command": "start-1", "what": "EVIDENCE"}
    values |= {"text": f"text of {key}", "facts": {"evse_id": 1}, "now": now}
    await notes.add(tx, key=key, **(values | changes))


async def test_notes_are_read_back_the_oldest_first(db: Database) -> None:
    async with db.write() as tx:
        await note(tx, "b", later(2))
        await note(tx, "a", later(1))
        await note(tx, "elsewhere", command="start-2")
        found = await notes.by_command(tx, "acme", "start-1")
    assert [(each.key, each.time, each.text) for each in found] == [
        ("a", later(1), "text of a"),
        ("b", later(2), "text of b"),
    ]
    assert found[0].facts == {"evse_id": 1}


async def test_what_is_repeated_is_noted_once(db: Database) -> None:
    async with db.write() as tx:
        await note(tx, "boot:socket-1", text="first")
        await note(tx, "boot:socket-1", later(5), text="again")
        (only,) = await notes.by_command(tx, "acme", "start-1")
    assert (only.text, only.time, only.times) == ("first", NOW, 1)


async def test_notes_beyond_the_limit_are_counted_in_one_row(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "NOTES_LIMIT", 3)
    async with db.write() as tx:
        for number in range(8):
            await note(tx, f"event:{number}", later(number))
        await note(tx, "event:0", later(9))
        found = await notes.by_command(tx, "acme", "start-1")
    assert [each.key for each in found] == ["event:0", "event:1", "event:2", notes.MORE_KEY]
    assert (found[-1].times, found[-1].text, found[-1].time) == (5, "text of event:7", later(7))


async def test_long_words_of_a_station_are_cut(db: Database) -> None:
    async with db.write() as tx:
        await note(tx, "k" * 999, text="t" * 9999 + "\x00")
        (only,) = await notes.by_command(tx, "acme", "start-1")
    assert (len(only.key), len(only.text)) == (255, 500)
