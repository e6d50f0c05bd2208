"""Forgets old changes of the logs of pools.

What is forgotten of a log of a tenant leaves the place of its newest change. So a reader whose
cursor is before that place is known to have missed something.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, delete, func, literal, select, tuple_

from fleet.engine.statements import Tx, Upsert, bound
from fleet.log.order import Cursor
from fleet.log.pool_logs import PoolLog
from fleet.tables import forgotten_changes as forgotten

BATCH = 200
"""How many changes one transaction looks at."""

_PUT_PLACE = Upsert(
    lambda insert: (
        stmt := insert(forgotten).values(**bound(forgotten, "tenant", "log", "tx_id", "seq"))
    ).on_conflict_do_update(
        index_elements=["tenant", "log"],
        set_={name: stmt.excluded[name] for name in ("tx_id", "seq")},
    )
)


Staying = Callable[[Tx, str, Collection[str], datetime], Awaitable[set[str]]]
"""Which of these things of a tenant keep all their changes."""


@dataclass(frozen=True)
class Forgetting:
    """A log of which changes are forgotten that are older than this time. staying: None: none."""

    log: PoolLog
    before: datetime
    staying: Staying | None = None


_BEGIN = Cursor(0, 0)


@dataclass(frozen=True)
class ForgottenUpTo:
    """How far a pass is: behind this place of the tenant's log."""

    tenant: str = ""
    place: Cursor = _BEGIN


async def has_forgotten(tx: Tx, log: PoolLog, tenant: str, cursor: Cursor) -> bool:
    """Whether changes after this cursor are forgotten."""
    place = await _place(tx, log, tenant)
    return place is not None and place > cursor


async def forget_old(
    tx: Tx, what: Forgetting, at: ForgottenUpTo
) -> tuple[int, ForgottenUpTo | None]:
    """Forget the next old changes. Returns how many, and where to go on; None: the pass has ended.

    Run it in a write transaction of its own, in one process at a time.
    """
    while True:
        old = await _old(tx, what, at)
        if old:
            deleted = await forget_changes(tx, what, at.tenant, {row.name for row in old})
            return deleted, ForgottenUpTo(at.tenant, Cursor(old[-1].tx_id, old[-1].seq))
        of = what.log.table.c
        following = select(func.min(of.tenant)).where(of.tenant > at.tenant)
        tenant = (await tx.execute(following)).scalar()
        if not tenant:
            return 0, None
        at = ForgottenUpTo(tenant)


async def _old(tx: Tx, what: Forgetting, at: ForgottenUpTo) -> list[Any]:
    """The next changes of a tenant that are old, in the log's order."""
    of = what.log.table.c
    place = tuple_(literal(at.place.tx_id, BigInteger), literal(at.place.seq, BigInteger))
    following = (
        select(of.tx_id, of.seq, of.name, of.time)
        .where(of.tenant == at.tenant, tuple_(of.tx_id, of.seq) > place)
        .order_by(of.tx_id, of.seq)
        .limit(BATCH)
    )
    old: list[Any] = []
    for row in await tx.execute(following):
        if row.time >= what.before:
            break
        old.append(row)
    return old


async def forget_changes(tx: Tx, what: Forgetting, tenant: str, names: set[str]) -> int:
    """Delete the old changes of these things; how many there were."""
    if what.staying is not None:
        names = names - await what.staying(tx, tenant, names, what.before)
    if not names:
        return 0
    of = what.log.table.c
    old = delete(what.log.table).where(
        of.tenant == tenant, of.name.in_(names), of.time < what.before
    )
    gone = [Cursor(*row) for row in await tx.execute(old.returning(of.tx_id, of.seq))]
    if not gone:
        return 0
    known = await _place(tx, what.log, tenant)
    newest = max([*gone, *([] if known is None else [known])])
    values = {"tenant": tenant, "log": what.log.word, "tx_id": newest.tx_id, "seq": newest.seq}
    await tx.execute(_PUT_PLACE(tx), values)
    return len(gone)


async def _place(tx: Tx, log: PoolLog, tenant: str) -> Cursor | None:
    """The place of the newest change that was forgotten."""
    of = forgotten.c
    row = (
        await tx.execute(select(of.tx_id, of.seq).where(of.tenant == tenant, of.log == log.word))
    ).first()
    return None if row is None else Cursor(*row)
