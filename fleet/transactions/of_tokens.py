"""Reading transactions by the tokens that they told."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import or_, select

from fleet.engine.statements import Tx
from fleet.tables import transactions
from fleet.transactions.rows import TRANSACTION, Transaction

OF_TOKENS_LIMIT = 100
"""How many are read at most."""


async def of_tokens(
    tx: Tx, stations: Collection[str], digests: Collection[str], *, since: datetime
) -> list[Transaction]:
    """The stations' transactions of these tokens or groups, first heard of since then.

    The newest first.
    """
    table = transactions.c
    stmt = (
        select(*TRANSACTION)
        .where(
            table.station.in_(stations),
            table.received_time >= since,
            or_(table.token_digest.in_(digests), table.group_digest.in_(digests)),
        )
        .order_by(table.received_time.desc(), table.id.desc())
        .limit(OF_TOKENS_LIMIT)
    )
    return [Transaction(*row) for row in await tx.execute(stmt)]
