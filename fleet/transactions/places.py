"""On which connector a transaction is whose start told none.

Some stations of OCPP 1.6 begin every transaction on connector 0, and meter it on the right one.
"""

from datetime import datetime

from sqlalchemy import bindparam, update

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx
from fleet.engine.values import lenient_int32
from fleet.log.changes import SessionChanged, session_changed
from fleet.tables import transactions
from fleet.transactions.rows import ACTIVE, Transaction

_PLACE = precompiled(
    update(transactions)
    .where(
        transactions.c.id == bindparam("of_id"),
        transactions.c.state == ACTIVE,
        transactions.c.evse_id == 0,
    )
    .values(evse_id=bindparam("at", type_=transactions.c.evse_id.type))
)


async def place(tx: Tx, known: Transaction, evse_id: int | None, now: datetime) -> bool:
    """Note the EVSE of a running transaction that began on EVSE 0. Returns whether it is new.

    evse_id: on which it is metered; None and 0 tell nothing.
    """
    metered_at = lenient_int32(evse_id)
    if known.evse_id != 0 or not metered_at or metered_at < 0:
        return False
    if not (await tx.execute(_PLACE, {"of_id": known.id, "at": metered_at})).rowcount:
        return False
    await session_changed(tx, known, SessionChanged.UPDATED, now)
    return True
