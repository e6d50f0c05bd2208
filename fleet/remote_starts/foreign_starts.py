"""Remote starts that another back end (CSMS) sent to a station: rows beside those of our frames.

They are of no command and wake nobody. They stand among the frames that may be the cause of a
session (`fleet.claims`), so that such a session is not taken for the effect of a frame of ours.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, text

from fleet import sends as frames
from fleet.claims import OF_BACK_END
from fleet.engine.statements import Tx
from fleet.engine.values import cut, identifier, lenient_int32
from fleet.remote_starts import by_number
from fleet.tables import sends, wire_ids

KEPT_FOR = timedelta(days=30)
"""After this time a start explains no session any longer, and is deleted."""


FIRST_NUMBER = 1_600_000_000
"""Of those that are ours, behind another back end. They fit into 32 bits."""

# SQLite keeps the highest number of each table in one of its own, from the first row on.
_RAISE_SQLITE = text("UPDATE sqlite_sequence SET seq = max(seq, :first) WHERE name = :of_table")
_BEGIN_SQLITE = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:of_table, :first)")
_BEGIN_HIGH_POSTGRESQL = text(
    "SELECT setval(sequence, 1600000000)"
    " FROM (SELECT pg_get_serial_sequence(:of_table, 'id')::regclass AS sequence) AS of_table"
    " WHERE coalesce(pg_sequence_last_value(sequence), 0) < 1600000000"
)
# Two gateways that begin at once: the second one would set back what the first one has raised.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(111559232284520)")  # "evhigh" in ASCII


@dataclass(frozen=True)
class ForeignStart:
    """A start of another back end. evse_id: None: any. send_time: when it was passed on."""

    station: str
    tenant: str
    message_id: str
    kind: str
    evse_id: int | None
    token_digest: str
    group_digest: str | None
    send_time: datetime


async def keep(tx: Tx, start: ForeignStart, *, number: int | None = None) -> tuple[int, bool]:
    """Keep it, and delete those of the station that are too old.

    number: the remote start id that the back end gave it (OCPP 2.x).

    Returns the id of its row, and whether no frame of ours to the station has that number.
    """
    is_free = number is None or await by_number(tx, start.station, number) is None
    await tx.execute(
        delete(sends).where(
            sends.c.station == start.station,
            sends.c.send_time < start.send_time - KEPT_FOR,
            sends.c.command.startswith(OF_BACK_END, autoescape=True),
        )
    )
    values = {
        "command": identifier(f"{OF_BACK_END}{secrets.token_hex(12)}"),
        "tenant": identifier(start.tenant),
        "workflow_id": "",
        "station": identifier(start.station),
        "kind": start.kind,
        "attempt": 1,
        "state": "INTENT",
        "message_id": cut(start.message_id),
        "epoch": 0,
        "undo": False,
        "evse_id": lenient_int32(start.evse_id),
        "token_digest": start.token_digest,
        "token_masked": "",
        "group_digest": start.group_digest,
        "send_time": start.send_time,
        "closed": True,
    }
    made = await tx.execute(insert(sends).values(**values).returning(sends.c.id))
    return int(made.scalar_one()), is_free


async def answered(tx: Tx, number: int, answer: dict[str, Any], now: datetime) -> None:
    """Store what the station answered to it."""
    await frames.answered(tx, number, answer=answer, now=now)


async def forget(tx: Tx, number: int) -> None:
    """It was never passed on to the station."""
    of_back_end = sends.c.command.startswith(OF_BACK_END, autoescape=True)
    await tx.execute(delete(sends).where(sends.c.id == number, of_back_end))


async def begin_high(tx: Tx) -> None:
    """Give the frames and the reservations that are made from now on high numbers. Idempotent.

    A station that has two back ends gets numbers of both: of remote starts (OCPP 2.x), and of
    reservations. Most back ends count from 1, so ours stay clear of theirs.
    """
    if tx.dialect.name == "postgresql":
        await tx.execute(_ONE_AT_A_TIME)
    for table in (sends, wire_ids):
        if tx.dialect.name == "sqlite":
            await _begin_high_sqlite(tx, table.name)
        else:
            await tx.execute(_BEGIN_HIGH_POSTGRESQL, {"of_table": table.name})


async def _begin_high_sqlite(tx: Tx, table: str) -> None:
    known = {"of_table": table, "first": FIRST_NUMBER}
    raised = await tx.execute(_RAISE_SQLITE, known)
    if not raised.rowcount:
        await tx.execute(_BEGIN_SQLITE, known)
