"""Transactions of OCPP 1.6 whose ids another back end (CSMS) gives, and we only read.

That back end may give an id again, after years or after a reset of its counter: the row that had it
before gives it up. Where it gave none (no answer, 0, -1), the row has the id -1 until it is known.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import update

from domain.ocpp_words import NO_TRANSACTION_ID, told_id
from fleet.engine.statements import Tx
from fleet.log.changes import SessionChanged, session_changed
from fleet.tables import transactions
from fleet.transactions.rows import Transaction, forget_observed
from fleet.transactions.v16_rows import INSERT, by_start_key, lock, retire


async def start(
    tx: Tx, row: dict[str, Any], known: Transaction | None, given_id: int, *, late: bool = False
) -> tuple[Transaction, bool]:
    """The transaction of a start that another back end answered, and whether it is new.

    row: as it would be inserted. known: the transaction of which the start is a repeat.
    given_id: 0 when that back end gave none. late: when the station may have waited for the answer
    no longer: it names only what has no id, and judges nothing.
    """
    id = str(given_id) if given_id > 0 else NO_TRANSACTION_ID
    if known is not None and late and told_id(known.ocpp_transaction_id):
        return known, False
    if known is not None:
        authorized = known.authorized if late else row["authorized"]
        told = {"ocpp_transaction_id": id, "authorized": authorized}
        return await _with_id(tx, known, told, row["received_time"]), False
    await _make_way(tx, row["station"], id, row["received_time"])
    values = {**row, "ocpp_transaction_id": id, "minted": False}
    inserted = (await tx.execute(INSERT(tx), values)).first()
    if inserted is not None:
        made = Transaction(*inserted)
        await session_changed(tx, made, SessionChanged.STARTED, row["received_time"])
        return made, True
    # The same message, on another connection.
    twin = await by_start_key(tx, row["station"], row["start_key"])
    if twin is None:
        raise RuntimeError("a transaction was neither inserted nor found")
    return twin, False


async def _with_id(tx: Tx, known: Transaction, told: dict[str, Any], now: datetime) -> Transaction:
    """The same transaction under the id of the newest answer: the station uses that one."""
    id = told["ocpp_transaction_id"]
    if id in {NO_TRANSACTION_ID, known.ocpp_transaction_id}:
        return known
    await _make_way(tx, known.station, id, now)
    of_row = transactions.c.id == known.id
    await tx.execute(update(transactions).where(of_row).values(**told))
    renamed = replace(known, **told)
    await session_changed(tx, renamed, SessionChanged.UPDATED, now)
    return renamed


async def _make_way(tx: Tx, station: str, id: str, now: datetime) -> None:
    """Free the id. Who has it and was only seen in meter values is the session that begins."""
    holder = await lock(tx, station, id)
    if holder is None:
        return
    if holder.observed_only:
        await forget_observed(tx, transactions.c.id == holder.id, now)
    else:
        await retire(tx, holder)
