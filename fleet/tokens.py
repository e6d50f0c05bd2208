"""Tokens of drivers: which ones may charge. OCPP compares their values without regard to case."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, case, select
from sqlalchemy import delete as sql_delete

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, Upsert, bound, columns_of
from fleet.engine.values import identifier, optional_identifier
from fleet.tables import tokens


@dataclass(frozen=True, slots=True)
class Token:
    """A token.

    status: "ACCEPTED", "BLOCKED", "EXPIRED" or "INVALID". group: the value of its parent token.
    """

    tenant: str
    value: str
    type: str
    status: str
    group: str | None
    expire_time: datetime | None
    update_time: datetime


_TOKEN = columns_of(tokens, Token)
_KEY = (
    (tokens.c.tenant == bindparam("of_tenant"))
    & (tokens.c.folded == bindparam("of_folded"))
    & (tokens.c.type == bindparam("of_type"))
)
_PUT = Upsert(
    lambda insert: (
        (
            stmt := insert(tokens).values(
                **bound(tokens, "tenant", "folded", "type", "value", "status"),
                **bound(tokens, "group", "expire_time", "update_time"),
            )
        )
        .on_conflict_do_update(
            index_elements=["tenant", "folded", "type"],
            set_={
                name: stmt.excluded[name]
                for name in ("value", "status", "group", "expire_time", "update_time")
            },
        )
        .returning(*_TOKEN)
    )
)
_GET = precompiled(select(*_TOKEN).where(_KEY))
# Without a type (OCPP 1.6 has none), a token that is not accepted goes before one that is.
_ANY_TYPE = precompiled(
    select(*_TOKEN)
    .where(tokens.c.tenant == bindparam("of_tenant"), tokens.c.folded == bindparam("of_folded"))
    .order_by(case((tokens.c.status == "ACCEPTED", 1), else_=0), tokens.c.type)
    .limit(1)
)
_DELETE = precompiled(sql_delete(tokens).where(_KEY))


async def put(
    tx: Tx,
    *,
    tenant: str,
    value: str,
    type: str,
    status: str,
    group: str | None = None,
    expire_time: datetime | None = None,
    now: datetime,
) -> Token:
    """Make or replace a token.

    Raises: InvalidValue for a tenant, value, type or group that is no identifier.
    """
    row = await tx.execute(
        _PUT(tx),
        {
            "tenant": identifier(tenant),
            "folded": fold(identifier(value)),
            "type": identifier(type, 64),
            "value": value,
            "status": status,
            "group": optional_identifier(group or None),
            "expire_time": expire_time,
            "update_time": now,
        },
    )
    return Token(*row.one())


async def get(tx: Tx, tenant: str, type: str, value: str) -> Token | None:
    """The token of this type and value; None when there is none."""
    row = (await tx.execute(_GET, _key(tenant, type, value))).first()
    return None if row is None else Token(*row)


async def lookup(tx: Tx, tenant: str, value: str, type: str | None) -> Token | None:
    """The token that a station reports; None when there is none.

    type: None or "" looks among all types, and finds the least permissive token.
    """
    if type:
        return await get(tx, tenant, type, value)
    key = {"of_tenant": tenant, "of_folded": fold(value)}
    row = (await tx.execute(_ANY_TYPE, key)).first()
    return None if row is None else Token(*row)


async def list_page(
    tx: Tx, *, tenant: str, after: tuple[str, str] | None = None, limit: int
) -> list[Token]:
    """Tokens of the tenant in the order of value and type, after the (value, type) `after`."""
    stmt = select(*_TOKEN).where(tokens.c.tenant == tenant)
    if after is not None:
        value, type = fold(after[0]), after[1]
        later = (tokens.c.folded == value) & (tokens.c.type > type)
        stmt = stmt.where((tokens.c.folded > value) | later)
    stmt = stmt.order_by(tokens.c.folded, tokens.c.type).limit(limit)
    return [Token(*row) for row in await tx.execute(stmt)]


async def delete(tx: Tx, tenant: str, type: str, value: str) -> bool:
    """Delete the token. False when there was none."""
    done = await tx.execute(_DELETE, _key(tenant, type, value))
    return bool(done.rowcount)


def fold(value: str) -> str:
    """The value as it is compared: without regard to case."""
    return value.casefold()[:255]


def _key(tenant: str, type: str, value: str) -> dict[str, str]:
    return {"of_tenant": tenant, "of_folded": fold(value), "of_type": type}
