"""Reading transactions: by name, by station, by what they belong to."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, exists, or_, select, text

from domain.model.numbers import ROUND_AT_LEAST
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, before, begins_with
from fleet.tables import claims, transactions
from fleet.transactions.rows import ACTIVE, ENDED, TRANSACTION, Transaction

CANDIDATES_LIMIT = 1_000
"""How many transactions of one station a query returns at most."""

# The same text as in the partial index: with a parameter neither database would use it.
_IS_ACTIVE = text("transactions.state = 'ACTIVE'")
_BY_NAME = precompiled(select(*TRANSACTION).where(transactions.c.name == bindparam("name")))
_BY_ID = precompiled(select(*TRANSACTION).where(transactions.c.id == bindparam("id")))
_REMOTE_START = precompiled(
    select(*TRANSACTION)
    .where(
        transactions.c.station == bindparam("station"),
        transactions.c.remote_start_id == bindparam("remote_start_id"),
        transactions.c.remote_start_id.is_not(None),
        or_(
            transactions.c.stop_received_time.is_(None),
            transactions.c.stop_received_time >= bindparam("running_after"),
        ),
    )
    .order_by(transactions.c.id)
    .limit(1)
)
_RECEIVED = (
    select(*TRANSACTION)
    .where(
        transactions.c.station == bindparam("station"),
        transactions.c.received_time >= bindparam("received_after"),
    )
    .order_by(transactions.c.received_time, transactions.c.id)
    .limit(CANDIDATES_LIMIT)
)
"""Transactions that were first received since a time, the oldest first; `where` narrows it."""

_HEARD_SINCE = precompiled(_RECEIVED)
_SINCE = precompiled(
    _RECEIVED.where(
        or_(
            transactions.c.received_time <= bindparam("begun_by"),
            transactions.c.start_time <= bindparam("begun_by"),
        ),
        ~exists().where(
            claims.c.session == transactions.c.name,
            or_(
                claims.c.tenant != bindparam("of_tenant"),
                claims.c.command != bindparam("of_command"),
            ),
        ),
    )
)
_CLAIMED_SINCE = precompiled(
    _RECEIVED.where(
        or_(
            transactions.c.token_digest.is_(None),
            transactions.c.token_digest == bindparam("token"),
            transactions.c.group_digest == bindparam("group"),
        ),
        exists().where(claims.c.session == transactions.c.name),
    )
)
_ENDED_SINCE = precompiled(
    _RECEIVED.where(
        transactions.c.received_time <= bindparam("received_before"),
        transactions.c.stop_received_time >= bindparam("ended_after"),
    )
)
_FOR_RESERVATION = precompiled(
    select(*TRANSACTION)
    .where(
        transactions.c.station == bindparam("station"),
        transactions.c.reservation_id == bindparam("reservation_id"),
        transactions.c.reservation_id.is_not(None),
    )
    .order_by(transactions.c.id)
    .limit(CANDIDATES_LIMIT)
)


@cache
def _active(*names: str) -> Select[Any]:
    """Running transactions that have given values in these columns."""
    given = (transactions.c[name] == bindparam(name) for name in names)
    stmt = select(*TRANSACTION).where(*given, transactions.c.state == ACTIVE)
    return precompiled(stmt.order_by(transactions.c.id.desc()).limit(CANDIDATES_LIMIT))


async def get(tx: Tx, *, name: str) -> Transaction | None:
    """The transaction with this name; None when there is none. The caller checks its tenant."""
    row = (await tx.execute(_BY_NAME, {"name": name})).first()
    return None if row is None else Transaction(*row)


async def by_id(tx: Tx, id: int) -> Transaction | None:
    """The transaction with our own number; None when there is none."""
    row = (await tx.execute(_BY_ID, {"id": id})).first()
    return None if row is None else Transaction(*row)


async def for_remote_start(
    tx: Tx, station: str, remote_start_id: int, *, sent: datetime
) -> Transaction | None:
    """The station's first transaction with this remoteStartId (OCPP 2.x); None when it has none.

    sent: when the frame with this number was. What had ended long before names an older frame.
    """
    key: dict[str, object] = {"station": station, "remote_start_id": remote_start_id}
    key |= {"running_after": sent - ROUND_AT_LEAST}
    row = (await tx.execute(_REMOTE_START, key)).first()
    return None if row is None else Transaction(*row)


async def active(
    tx: Tx,
    station: str,
    *,
    evse_id: int | None = None,
    token_digest: str | None = None,
    reservation_id: int | None = None,
) -> list[Transaction]:
    """The station's running transactions, the newest first. None filters nothing."""
    of = {"evse_id": evse_id, "token_digest": token_digest, "reservation_id": reservation_id}
    key = {"station": station, **{name: value for name, value in of.items() if value is not None}}
    return [Transaction(*row) for row in await tx.execute(_active(*key), key)]


async def active_of(tx: Tx, stations: Collection[str]) -> list[Transaction]:
    """The running transactions of a few stations, the newest first."""
    running = transactions.c.station.in_(stations), _IS_ACTIVE
    stmt = select(*TRANSACTION).where(*running).order_by(transactions.c.id.desc())
    return [Transaction(*row) for row in await tx.execute(stmt.limit(CANDIDATES_LIMIT))]


async def since(
    tx: Tx,
    station: str,
    *,
    received_after: datetime,
    begun_by: datetime,
    tenant: str,
    command: str,
) -> list[Transaction]:
    """Transactions that this command's frame may have begun, the oldest first.

    They were first heard of since the one time, and by the station's clock or by ours they began at
    the other one at the latest. Not those that another command has claimed.
    """
    key: dict[str, object] = {"station": station, "of_tenant": tenant, "of_command": command}
    key |= {"received_after": received_after, "begun_by": begun_by}
    return [Transaction(*row) for row in await tx.execute(_SINCE, key)]


async def claimed_since(
    tx: Tx,
    station: str,
    *,
    received_after: datetime,
    token_digest: str | None,
    group_digest: str | None,
) -> list[Transaction]:
    """Transactions that some command has claimed, running or ended, the oldest first.

    They were first received since then, and are of this token or its group, or told none.
    """
    key = {"station": station, "received_after": received_after}
    of = {"token": token_digest, "group": group_digest}
    return [Transaction(*row) for row in await tx.execute(_CLAIMED_SINCE, {**key, **of})]


async def heard_since(tx: Tx, station: str, *, received_after: datetime) -> list[Transaction]:
    """All transactions of the station that were first received since then, the oldest first."""
    key = {"station": station, "received_after": received_after}
    return [Transaction(*row) for row in await tx.execute(_HEARD_SINCE, key)]


async def ended_since(
    tx: Tx, station: str, *, ended_after: datetime, received: tuple[datetime, datetime]
) -> list[Transaction]:
    """The station's transactions whose end was received since `ended_after`, the oldest first.

    received: only those that were first received between these two times, or at one of them.
    """
    key: dict[str, object] = {"station": station, "ended_after": ended_after}
    key |= {"received_after": received[0], "received_before": received[1]}
    return [Transaction(*row) for row in await tx.execute(_ENDED_SINCE, key)]


async def for_reservation(tx: Tx, station: str, reservation_id: int) -> list[Transaction]:
    """The station's transactions that name this reservation's OCPP number, running or ended."""
    key = {"station": station, "reservation_id": reservation_id}
    return [Transaction(*row) for row in await tx.execute(_FOR_RESERVATION, key)]


async def list_page(
    tx: Tx,
    *,
    tenant: str,
    station: str | None = None,
    active: bool | None = None,
    after: str | None = None,
    groups: Sequence[str] = (),
    limit: int,
) -> list[Transaction]:
    """Transactions of the tenant, the last received first, after the transaction named `after`.

    None filters nothing. active: True for running ones, False for ended ones. groups: how the
    identities of the stations begin.
    """
    table = transactions.c
    ours = and_(table.tenant == tenant, begins_with(table.station, groups))
    stmt = select(*TRANSACTION).where(ours)
    if station is not None:
        stmt = stmt.where(table.station == station)
    if active is not None:
        stmt = stmt.where(_IS_ACTIVE if active else table.state == ENDED)
    if after is not None:
        place = select(table.received_time).where(table.name == after).scalar_subquery()
        stmt = stmt.where(before((table.received_time, table.name), (place, after)))
    stmt = stmt.order_by(table.received_time.desc(), table.name.desc()).limit(limit)
    return [Transaction(*row) for row in await tx.execute(stmt)]
