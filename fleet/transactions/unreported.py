"""Ends that a station never reported, as after a power cut, and how they are taken back.

A better fact revises such an end: the station's own report completes the row (`stop_v16`,
`event_v2`), and a message of the session that came about later shows that it runs (`resume`).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx
from fleet.log.changes import SessionChanged, session_changed
from fleet.tables import transactions
from fleet.transactions.queries import CANDIDATES_LIMIT
from fleet.transactions.rows import ACTIVE, ENDED, TRANSACTION, Transaction

UNREPORTED_LIMIT = 20
"""How many ends of one station that were never reported are read at most."""

_END = precompiled(
    update(transactions)
    .where(transactions.c.id == bindparam("of_id"), transactions.c.state == ACTIVE)
    .values(
        state=ENDED,
        end_unreported=True,
        stop_received_time=bindparam("at", type_=transactions.c.stop_received_time.type),
    )
    .returning(*TRANSACTION)
)
_RESUME = precompiled(
    update(transactions)
    .where(transactions.c.id == bindparam("of_id"), transactions.c.end_unreported)
    .values(
        state=ACTIVE,
        end_unreported=False,
        stop_time=None,
        stop_received_time=None,
        meter_stop_wh=None,
        meter_suspect=False,
        stop_reason="",
    )
    .returning(*TRANSACTION)
)
_FREED = precompiled(
    update(transactions)
    .where(transactions.c.id == bindparam("of_id"), transactions.c.freed_time.is_(None))
    .values(freed_time=bindparam("at", type_=transactions.c.freed_time.type))
)
_INFERRED = select(*TRANSACTION).where(
    transactions.c.station == bindparam("station"),
    transactions.c.received_time >= bindparam("received_after"),
    transactions.c.end_unreported,
    transactions.c.stop_time.is_(None),
)
_UNREPORTED = precompiled(
    _INFERRED.order_by(transactions.c.received_time.desc(), transactions.c.id.desc()).limit(
        UNREPORTED_LIMIT
    )
)
_ENDED_UNREPORTED = precompiled(
    _INFERRED.where(transactions.c.stop_received_time > bindparam("ended_after"))
    .order_by(transactions.c.id.desc())
    .limit(CANDIDATES_LIMIT)
)


async def note_freed(tx: Tx, session: Transaction, now: datetime) -> None:
    """Note that its connector is shown as free while it stands as running, the first time."""
    if session.freed_time is None:
        await tx.execute(_FREED, {"of_id": session.id, "at": now})


async def end_unreported(tx: Tx, id: int, now: datetime) -> Transaction | None:
    """End a running transaction although nobody reported it; None when it does not run."""
    row = (await tx.execute(_END, {"of_id": id, "at": now})).first()
    return None if row is None else await _changed(tx, row, SessionChanged.ENDED, now)


async def resume(tx: Tx, id: int, now: datetime) -> Transaction | None:
    """The transaction runs after all; None when its end was reported by its id, or it runs."""
    row = (await tx.execute(_RESUME, {"of_id": id})).first()
    return None if row is None else await _changed(tx, row, SessionChanged.UPDATED, now)


async def _changed(tx: Tx, row: Any, what: SessionChanged, now: datetime) -> Transaction:
    session = Transaction(*row)
    await session_changed(tx, session, what, now)
    return session


async def unreported(tx: Tx, station: str, *, received_after: datetime) -> list[Transaction]:
    """The station's transactions whose end was never reported, the newest first."""
    key = {"station": station, "received_after": received_after}
    return [Transaction(*row) for row in await tx.execute(_UNREPORTED, key)]


async def ended_unreported(
    tx: Tx, station: str, *, received_after: datetime, ended_after: datetime
) -> list[Transaction]:
    """The station's transactions whose end was inferred since, and never reported, newest first.

    received_after: since when they were first received. Both times are ours.
    """
    key = {"station": station, "received_after": received_after, "ended_after": ended_after}
    return [Transaction(*row) for row in await tx.execute(_ENDED_UNREPORTED, key)]
