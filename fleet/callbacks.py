"""Callbacks: where changes of commands are posted, which secret signs them, the result of each
post.

Settings and secrets belong to a credential (tenant and caller's name; "" where the broker runs
without credentials). Secrets are stored sealed (`fleet.keys.Sealer`) and are opened only where a
post is signed. A delivery is one change of one command. The workflow that posts writes its row; a
client that wants it posted again changes the row, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, exists, insert, select, update

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, Upsert, before, begins_with, bound, columns_of
from fleet.engine.values import cut, identifier
from fleet.tables import callback_deliveries, callback_endpoints, commands

URL_LIMIT = 2_048
"""Characters of a callback's URL."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A credential's settings. url: "" for none. disable_reason: "" when it is not disabled.

    secret, previous_secret: sealed. previous_until: until then both secrets sign.
    event_types: what the credential chose to be posted (`domain.callback_events`); None: nothing.
    station_groups: how the identities of the stations begin whose events it may get; None: of all.
    """

    tenant: str
    caller: str
    url: str = ""
    events: str = ""
    disabled: bool = False
    disable_reason: str = ""
    disable_time: datetime | None = None
    secret: str | None = None
    previous_secret: str | None = None
    previous_until: datetime | None = None
    update_time: datetime | None = None
    event_types: list[str] | None = None
    station_groups: list[str] | None = None

    def secrets(self, now: datetime) -> list[str]:
        """The sealed secrets that sign a post at this time, the newest first."""
        known = [self.secret] if self.secret else []
        if self.previous_secret and self.previous_until and now < self.previous_until:
            known.append(self.previous_secret)
        return known


@dataclass(frozen=True, slots=True)
class Delivery:
    """One post. id: its `webhook-id`. tries: how many since it was made or last asked for again."""

    id: str
    tenant: str
    command: str
    revision: int
    news: str
    url: str
    state: str
    create_time: datetime
    update_time: datetime
    tries: int = 0
    cause: str = ""
    reason: str = ""
    http_status: int = 0
    next_time: datetime | None = None
    resend_time: datetime | None = None


_ENDPOINT = columns_of(callback_endpoints, Endpoint)
_DELIVERY = columns_of(callback_deliveries, Delivery)
_ENDPOINT_KEY = and_(
    callback_endpoints.c.tenant == bindparam("of_tenant"),
    callback_endpoints.c.caller == bindparam("of_caller"),
)
_GET_ENDPOINT = precompiled(select(*_ENDPOINT).where(_ENDPOINT_KEY))
_MAKE_ENDPOINT = Upsert(
    lambda insert: (
        insert(callback_endpoints)
        .values(**bound(callback_endpoints, "tenant", "caller", "update_time"))
        .on_conflict_do_nothing(index_elements=["tenant", "caller"])
    )
)
_OF_COMMAND = precompiled(
    select(*_DELIVERY)
    .where(
        callback_deliveries.c.tenant == bindparam("of_tenant"),
        callback_deliveries.c.command == bindparam("of_command"),
    )
    .order_by(callback_deliveries.c.revision)
)


async def endpoint(tx: Tx, tenant: str, caller: str) -> Endpoint | None:
    """The settings of a credential; None when it has never set any."""
    row = (await tx.execute(_GET_ENDPOINT, {"of_tenant": tenant, "of_caller": caller})).first()
    return None if row is None else Endpoint(*row)


async def put(
    tx: Tx,
    *,
    tenant: str,
    caller: str,
    url: str,
    events: str,
    disable_reason: str,
    now: datetime,
    event_types: Sequence[str] = (),
    groups: Sequence[str] = (),
) -> Endpoint:
    """Replace the settings and keep the secrets. disable_reason: "" enables the endpoint.

    groups: how the identities of the stations begin whose events it may get; none: of all.

    Raises: InvalidValue for a URL that is too long or not storable.
    """
    values = {
        "url": identifier(url, URL_LIMIT) if url else "",
        "events": events,
        "disabled": bool(disable_reason),
        "disable_reason": cut(disable_reason),
        "disable_time": now if disable_reason else None,
        "event_types": list(event_types) or None,
        "station_groups": list(groups) or None,
    }
    return await _change(tx, tenant, caller, now, values)


async def set_secret(
    tx: Tx,
    *,
    tenant: str,
    caller: str,
    secret: str,
    previous_until: datetime | None,
    now: datetime,
) -> Endpoint:
    """Sign with a new (sealed) secret. The one before signs, too, until `previous_until`."""
    known = await endpoint(tx, tenant, caller)
    before = known.secret if known and previous_until else None
    values = {
        "secret": secret,
        "previous_secret": before,
        "previous_until": previous_until if before else None,
    }
    return await _change(tx, tenant, caller, now, values)


async def disable(
    tx: Tx, *, tenant: str, caller: str, url: str, reason: str, now: datetime
) -> None:
    """Disable the endpoint, unless its settings name another URL than this one by now."""
    values = {"disabled": True, "disable_reason": cut(reason), "disable_time": now}
    await tx.execute(
        update(callback_endpoints)
        .where(_ENDPOINT_KEY, callback_endpoints.c.url == url)
        .values(**values, update_time=now),
        {"of_tenant": tenant, "of_caller": caller},
    )


async def of_command(tx: Tx, tenant: str, command: str) -> list[Delivery]:
    """Every delivery of a command, the oldest change first."""
    rows = await tx.execute(_OF_COMMAND, {"of_tenant": tenant, "of_command": command})
    return [Delivery(*row) for row in rows]


async def get(tx: Tx, tenant: str, id: str) -> Delivery | None:
    """One delivery; None when it does not exist."""
    stmt = select(*_DELIVERY).where(
        callback_deliveries.c.tenant == tenant, callback_deliveries.c.id == id
    )
    row = (await tx.execute(stmt)).first()
    return None if row is None else Delivery(*row)


async def make(tx: Tx, delivery: Delivery) -> None:
    """Insert a delivery that is due."""
    values = {column.key: getattr(delivery, column.key) for column in callback_deliveries.c}
    await tx.execute(insert(callback_deliveries).values(**values))


async def settle(
    tx: Tx,
    *,
    tenant: str,
    id: str,
    state: str,
    tries: int,
    cause: str = "",
    reason: str = "",
    http_status: int = 0,
    next_time: datetime | None = None,
    now: datetime,
) -> None:
    """Store the result of a try. Idempotent."""
    await tx.execute(
        update(callback_deliveries)
        .where(callback_deliveries.c.tenant == tenant, callback_deliveries.c.id == id)
        .values(
            state=state,
            tries=tries,
            cause=cause,
            reason=cut(reason),
            http_status=http_status,
            next_time=next_time,
            update_time=now,
        )
    )


async def supersede(
    tx: Tx, *, tenant: str, command: str, revisions: Sequence[int], now: datetime
) -> None:
    """Mark these deliveries as replaced by a newer change: they are not posted."""
    table = callback_deliveries.c
    await tx.execute(
        update(callback_deliveries)
        .where(table.tenant == tenant, table.command == command, table.revision.in_(revisions))
        .values(state="SUPERSEDED", next_time=None, update_time=now)
    )


async def resend(tx: Tx, tenant: str, id: str, now: datetime) -> Delivery | None:
    """Make a delivery due again and reset its tries. None when it does not exist."""
    table = callback_deliveries.c
    done = await tx.execute(
        update(callback_deliveries)
        .where(table.tenant == tenant, table.id == id)
        .values(
            state="PENDING", tries=0, cause="", reason="", next_time=None,
            resend_time=now, update_time=now,
        )
        .returning(*_DELIVERY)
    )  # fmt: skip
    row = done.first()
    return None if row is None else Delivery(*row)


async def list_page(
    tx: Tx,
    *,
    tenant: str,
    command: str | None = None,
    states: Sequence[str] = (),
    after: tuple[datetime, str] | None = None,
    groups: Sequence[str] = (),
    limit: int,
) -> list[Delivery]:
    """Deliveries, the newest first, after the (create_time, id) `after`. None filters nothing.

    groups: how the identities of the stations of their commands begin.
    """
    table = callback_deliveries.c
    stmt = select(*_DELIVERY).where(table.tenant == tenant)
    if groups:
        theirs = commands.c.tenant == tenant, commands.c.name == table.command
        stmt = stmt.where(exists().where(*theirs, begins_with(commands.c.station, groups)))
    if command is not None:
        stmt = stmt.where(table.command == command)
    if states:
        stmt = stmt.where(table.state.in_(list(states)))
    if after is not None:
        stmt = stmt.where(before((table.create_time, table.id), after))
    stmt = stmt.order_by(table.create_time.desc(), table.id.desc()).limit(limit)
    return [Delivery(*row) for row in await tx.execute(stmt)]


async def _change(
    tx: Tx, tenant: str, caller: str, now: datetime, values: Mapping[str, object]
) -> Endpoint:
    key = {"tenant": identifier(tenant), "caller": caller, "update_time": now}
    await tx.execute(_MAKE_ENDPOINT(tx), key)
    changed = await tx.execute(
        update(callback_endpoints)
        .where(_ENDPOINT_KEY)
        .values(**values, update_time=now)
        .returning(*_ENDPOINT),
        {"of_tenant": tenant, "of_caller": caller},
    )
    return Endpoint(*changed.one())
