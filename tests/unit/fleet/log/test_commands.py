"""The commands of a station that wait, on both databases."""

from typing import Any

from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import commands as log
from fleet.log.event_log import Columns
from tests.support.fleet_rows import NOW, later


async def put(
    tx: Tx, name: str, *, made: float = 0, state: str = "QUEUED", station: str = "CP1"
) -> Any:
    """A command that was made so many seconds after NOW."""
    columns = Columns(
        *(station, "START_SESSION", state, "", later(made)), workflow_id=f"command/acme/{name}"
    )
    return await log.append(
        tx,
        tenant="acme",
        name=name,
        key="queued",
        change=lambda _: {},
        columns=lambda _: columns,
        now=NOW,
    )


async def test_waiting_commands_of_a_station_are_found_oldest_first(db: Database) -> None:
    async with db.write() as tx:
        await put(tx, "late", made=2)
        await put(tx, "early", made=1)
        await put(tx, "sent", state="SENT")
        await put(tx, "elsewhere", station="CP2")
        waiting = await log.waiting(tx, "CP1")
        more = await log.waiting(tx, "CP1", states=("QUEUED", "SENT"))
    assert waiting == [
        ("acme", "early", "command/acme/early"),
        ("acme", "late", "command/acme/late"),
    ]
    assert [name for _, name, _ in more] == ["sent", "early", "late"]
