"""Events that are posted: how far the logs were read for a credential, and each post's fate.

A credential that chose events has a feed for each log that tells them. A feed is the place up to
which its log was read. The events that were found are rows (`EventDelivery`), which are written in
the transaction that moves the feed: so each event gets one row, whoever dies in between.

The rows of one thread, a resource and a credential, are posted one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, delete, func, insert, or_, select, update

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, Upsert, before, begins_with, bound, columns_of
from fleet.engine.values import cut
from fleet.tables import callback_endpoints, event_deliveries, event_feeds

OPEN_LIMIT = 200
"""How many rows of one thread are read at once; the others come after them."""


@dataclass(frozen=True, slots=True)
class EventFeed:
    """How far a log (a word of its reader) was read for a credential, and what it chose.

    tx_id, seq: the place (`fleet.log.order`). station_groups, event_types, url, disabled: of its
    settings.
    """

    tenant: str
    caller: str
    log: str
    tx_id: int
    seq: int
    event_types: list[str] | None
    station_groups: list[str] | None
    url: str
    disabled: bool


@dataclass(frozen=True, slots=True)
class EventDelivery:
    """One post of one event. id: its `webhook-id`. thread: the posts that have one order.

    subject, resource, station: what it is about, the id of that, and the station of that; "" for a
    booking.
    news: its type. revision: of a reservation or a booking. facts: of a change of a station or a
    transaction. change_time: when it happened. The rest is as in `fleet.callbacks.Delivery`.
    """

    id: str
    tenant: str
    thread: str
    sequence: int
    caller: str
    subject: str
    resource: str
    station: str
    news: str
    revision: int
    facts: dict[str, str] | None
    change_time: datetime
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


_SETTINGS = ("event_types", "station_groups", "url", "disabled")
_FEED = columns_of(event_feeds, EventFeed, besides=frozenset(_SETTINGS))
_DELIVERY = columns_of(event_deliveries, EventDelivery)
_OF = event_deliveries.c
_SAME_CREDENTIAL = and_(
    callback_endpoints.c.tenant == event_feeds.c.tenant,
    callback_endpoints.c.caller == event_feeds.c.caller,
)
_FEEDS = precompiled(
    select(*_FEED, *(callback_endpoints.c[name] for name in _SETTINGS))
    .join(callback_endpoints, _SAME_CREDENTIAL)
    .order_by(*_FEED[:3])
)
_FEED_KEY = and_(*(event_feeds.c[name] == bindparam(f"of_{name}") for name in ("tenant", "caller")))
_BEGIN = Upsert(
    lambda insert: (
        insert(event_feeds)
        .values(**bound(event_feeds, "tenant", "caller", "log", "tx_id", "seq"))
        .on_conflict_do_nothing(index_elements=["tenant", "caller", "log"])
    )
)
_MOVE = precompiled(
    update(event_feeds)
    .where(
        _FEED_KEY,
        event_feeds.c.log == bindparam("of_log"),
        event_feeds.c.tx_id == bindparam("from_tx_id"),
        event_feeds.c.seq == bindparam("from_seq"),
    )
    .values(**bound(event_feeds, "tx_id", "seq"))
)
_MAKE = precompiled(insert(event_deliveries).values(**bound(event_deliveries, *_OF.keys())))
_THREAD = and_(_OF.tenant == bindparam("of_tenant"), _OF.thread == bindparam("of_thread"))
_LAST = precompiled(select(func.coalesce(func.max(_OF.sequence), 0)).where(_THREAD))
_OPEN = precompiled(
    select(*_DELIVERY)
    .where(_THREAD, or_(_OF.state == "PENDING", _OF.state == "RETRYING"))
    .order_by(_OF.sequence)
    .limit(OPEN_LIMIT)
)
_KEY = and_(_OF.tenant == bindparam("of_tenant"), _OF.id == bindparam("of_id"))
_GET = precompiled(select(*_DELIVERY).where(_KEY))


async def feeds(tx: Tx) -> list[EventFeed]:
    """Every feed."""
    return [EventFeed(*row) for row in await tx.execute(_FEEDS)]


async def begin_feed(tx: Tx, tenant: str, caller: str, log: str, place: tuple[int, int]) -> None:
    """Read this log for the credential from here on. A feed that there is goes on where it is."""
    key = {"tenant": tenant, "caller": caller, "log": log}
    await tx.execute(_BEGIN(tx), {**key, "tx_id": place[0], "seq": place[1]})


async def end_feeds(tx: Tx, tenant: str, caller: str, besides: Sequence[str] = ()) -> None:
    """Read no log for the credential any longer but these."""
    others = event_feeds.c.log.not_in(list(besides))
    key = {"of_tenant": tenant, "of_caller": caller}
    await tx.execute(delete(event_feeds).where(_FEED_KEY, others), key)


async def move(tx: Tx, feed: EventFeed, place: tuple[int, int]) -> bool:
    """Say that the log was read up to here. False: somebody else has moved the feed since.

    On PostgreSQL a second one waits here for the first, and then learns that it was late.
    """
    values = {
        "of_tenant": feed.tenant,
        "of_caller": feed.caller,
        "of_log": feed.log,
        "from_tx_id": feed.tx_id,
        "from_seq": feed.seq,
        "tx_id": place[0],
        "seq": place[1],
    }
    return bool((await tx.execute(_MOVE, values)).rowcount)


async def last_sequence(tx: Tx, tenant: str, thread: str) -> int:
    """The number of the newest event of a thread; 0 when none is kept."""
    row = await tx.execute(_LAST, {"of_tenant": tenant, "of_thread": thread})
    return int(row.scalar_one())


async def make(tx: Tx, delivery: EventDelivery) -> None:
    """Insert an event that is to be posted."""
    await tx.execute(_MAKE, {name: getattr(delivery, name) for name in _OF.keys()})  # noqa: SIM118


async def open_of(tx: Tx, tenant: str, thread: str) -> list[EventDelivery]:
    """The next events of a thread that are not settled, the oldest first."""
    rows = await tx.execute(_OPEN, {"of_tenant": tenant, "of_thread": thread})
    return [EventDelivery(*row) for row in rows]


async def get(tx: Tx, tenant: str, id: str) -> EventDelivery | None:
    """One event; None when it does not exist."""
    row = (await tx.execute(_GET, {"of_tenant": tenant, "of_id": id})).first()
    return None if row is None else EventDelivery(*row)


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
    values = {
        "state": state,
        "tries": tries,
        "cause": cause,
        "reason": cut(reason),
        "http_status": http_status,
        "next_time": next_time,
        "update_time": now,
    }
    await tx.execute(
        update(event_deliveries).where(_OF.tenant == tenant, _OF.id == id).values(**values)
    )


async def supersede(
    tx: Tx, *, tenant: str, thread: str, sequences: Sequence[int], now: datetime
) -> None:
    """Mark these events as replaced by a newer one: they are not posted."""
    await tx.execute(
        update(event_deliveries)
        .where(_OF.tenant == tenant, _OF.thread == thread, _OF.sequence.in_(sequences))
        .values(state="SUPERSEDED", next_time=None, update_time=now)
    )


async def resend(tx: Tx, tenant: str, id: str, now: datetime) -> EventDelivery | None:
    """Make an event due again and reset its tries. None when it does not exist."""
    done = await tx.execute(
        update(event_deliveries)
        .where(_OF.tenant == tenant, _OF.id == id)
        .values(
            state="PENDING", tries=0, cause="", reason="", next_time=None,
            resend_time=now, update_time=now,
        )
        .returning(*_DELIVERY)
    )  # fmt: skip
    row = done.first()
    return None if row is None else EventDelivery(*row)


async def list_page(
    tx: Tx,
    *,
    tenant: str,
    about: tuple[str, str] | None = None,
    states: Sequence[str] = (),
    after: tuple[datetime, str] | None = None,
    groups: Sequence[str] = (),
    caller: str = "",
    limit: int,
) -> list[EventDelivery]:
    """Events, the newest first, after the (create_time, id) `after`. None filters nothing.

    about: (subject, resource). groups: how the identities of their stations begin; of what has no
    station, a booking, those of this caller are there too.
    """
    own = and_(_OF.station == "", _OF.caller == caller)
    seen = or_(begins_with(_OF.station, groups), own)
    stmt = select(*_DELIVERY).where(_OF.tenant == tenant, seen)
    if about is not None:
        stmt = stmt.where(_OF.subject == about[0], _OF.resource == about[1])
    if states:
        stmt = stmt.where(_OF.state.in_(list(states)))
    if after is not None:
        stmt = stmt.where(before((_OF.create_time, _OF.id), after))
    stmt = stmt.order_by(_OF.create_time.desc(), _OF.id.desc()).limit(limit)
    return [EventDelivery(*row) for row in await tx.execute(stmt)]
