"""Ids of OCPP 2.x that a station uses again: each session keeps a row of its own.

When a session begins under the id of one that has ended, or of another one that stands as
running, the old row gets another id, as on OCPP 1.6 the row with the id -1 does. Late events of the
old session go to the old row.
"""

from sqlalchemy import bindparam, select, update

from domain.evidence.reused_ids import (
    Known,
    Told,
    begins_another,
    is_another_start,
    is_of_earlier,
    may_be_of_earlier,
    may_repeat,
    was_cut_off,
)
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx
from fleet.engine.values import ID_LIMIT
from fleet.tables import transactions
from fleet.transactions.rows import ENDED, TRANSACTION, Transaction
from fleet.transactions.v2 import started_seq, told_token

EARLIER_LIMIT = 20
"""How many earlier sessions with one id are looked at for a late event."""

_ROW = precompiled(
    select(*TRANSACTION).where(
        transactions.c.station == bindparam("of_station"),
        transactions.c.ocpp_transaction_id == bindparam("of_ocpp_transaction_id"),
    )
)
_RETIRE = precompiled(
    update(transactions)
    .where(
        transactions.c.id == bindparam("of_id"),
        transactions.c.ocpp_transaction_id == bindparam("reused"),
    )
    .values(ocpp_transaction_id=bindparam("kept_as"))
)


async def stored_id(tx: Tx, station: str, ocpp_transaction_id: str, told: Told) -> tuple[str, bool]:
    """The id of the row that an event belongs to, or is to make, and whether it may be a repeat.

    It is the station's own id, but for late events of a session whose id another one has now. A row
    that a repeat may make is to be marked (`event_v2`).
    """
    key = {"of_station": station, "of_ocpp_transaction_id": ocpp_transaction_id}
    row = (await tx.execute(_ROW, key)).first()
    if row is None:
        return ocpp_transaction_id, False
    found = Transaction(*row)
    known = _known(found)
    if may_be_of_earlier(told, known):
        earlier = await _earlier(tx, station, ocpp_transaction_id, told)
        if earlier is not None:
            return earlier, False
    kept_as = id_of_earlier(found.id, ocpp_transaction_id)
    is_over = found.state == ENDED or is_another_start(told, known)
    if is_over and begins_another(told, known) and len(kept_as) <= ID_LIMIT:
        ids = {"of_id": found.id, "reused": ocpp_transaction_id, "kept_as": kept_as}
        await tx.execute(_RETIRE, ids)
        return ocpp_transaction_id, may_repeat(told, known)
    return ocpp_transaction_id, False


def id_of_earlier(row: int, ocpp_transaction_id: str) -> str:
    """The id that the row of a session gets when another session has its own."""
    return f"{ocpp_transaction_id}~{row}"


async def _earlier(tx: Tx, station: str, ocpp_transaction_id: str, told: Told) -> str | None:
    """The id of the earlier session that the event is of; None when it is of none."""
    rows = await tx.execute(
        select(*TRANSACTION)
        .where(
            transactions.c.station == station,
            transactions.c.ocpp_transaction_id.startswith(
                f"{ocpp_transaction_id}~", autoescape=True
            ),
        )
        .order_by(transactions.c.id.desc())
        .limit(EARLIER_LIMIT)
    )
    found = [Transaction(*row) for row in rows]
    ids = [one.ocpp_transaction_id for one in found if is_of_earlier(told, _known(one))]
    cut_off = [one.ocpp_transaction_id for one in found if was_cut_off(told, _known(one))]
    return ids[-1] if ids else next(iter(cut_off), None)


def _known(found: Transaction) -> Known:
    return Known(
        started_seq(found.sources or {}),
        found.start_time,
        found.stop_time,
        found.clock_suspect,
        found.remote_start_id,
        told_token(found),
    )
