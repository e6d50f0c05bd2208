"""How far the logs of pools are forgotten: what was over for long is deleted of them.

What is deleted of a log of a tenant leaves the place of its newest change. So a reader whose cursor
is before that place is known to have missed something.
"""

from sqlalchemy import select

from fleet.engine.statements import Tx
from fleet.log.order import Cursor
from fleet.log.pool_logs import PoolLog
from fleet.tables import forgotten_changes as forgotten


async def has_forgotten(tx: Tx, log: PoolLog, tenant: str, cursor: Cursor) -> bool:
    """Whether changes after this cursor are forgotten."""
    of = forgotten.c
    place = select(of.tx_id, of.seq).where(of.tenant == tenant, of.log == log.word)
    row = (await tx.execute(place)).first()
    return row is not None and Cursor(*row) > cursor
