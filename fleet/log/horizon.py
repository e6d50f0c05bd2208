"""Whether the log hides changes from its readers.

PostgreSQL only: a transaction that has written anywhere on the server and does not end holds back
every change that comes after it (`fleet.log.event_log`).
"""

from sqlalchemy import exists, select

from fleet.engine.statements import Tx
from fleet.log.order import Cursor
from fleet.tables import events


async def is_hiding(tx: Tx, end: Cursor) -> bool:
    """Whether changes are committed behind this head of the log. Never on SQLite."""
    if tx.dialect.name == "sqlite":
        return False
    return bool((await tx.execute(select(exists().where(events.c.tx_id > end.tx_id)))).scalar_one())
