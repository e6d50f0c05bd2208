"""Writes what changes of stations and of their charging sessions, for those who watch them.

The function that writes a fact writes its change in the same transaction, with one INSERT, and only
when the fact is another one than before: a heartbeat, a repeated message, meter values of a known
session change nothing. A change says what happened, and holds no state: whoever tells it reads the
station or the session as it is by then. So what is told is never older than the change that it
comes with.

The changes of one station, and of its sessions, have one order (`fleet.log.order`): that in which
they were committed.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    bindparam,
    exists,
    func,
    insert,
    literal,
    null,
    select,
)

from domain.ocpp_words import NO_ERROR
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx
from fleet.log.event_log import LOG_GREW
from fleet.log.order import no_earlier_than
from fleet.log.postgres_notification import notify, path
from fleet.tables import claims, connections, station_changes, stations, transactions

STATIONS = "stations"
"""What notifications call the changes of a tenant's stations and sessions, in place of a name."""

Facts = Mapping[str, str]


class StationChanged(StrEnum):
    """What happened to a station."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"
    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"
    BOOTED = "BOOTED"
    CONNECTOR = "CONNECTOR"
    CONFORMANCE = "CONFORMANCE"


class SessionChanged(StrEnum):
    """What happened to a charging session."""

    STARTED = "STARTED"
    UPDATED = "UPDATED"
    ENDED = "ENDED"
    CLAIMED = "CLAIMED"


class SessionKey(Protocol):
    """Whose session it is: a `Transaction` is one."""

    @property
    def tenant(self) -> str: ...
    @property
    def station(self) -> str: ...
    @property
    def name(self) -> str: ...


class ConnectorWords(Protocol):
    """What is told of a connector: a `StationConnector` is one."""

    @property
    def evse_id(self) -> int: ...
    @property
    def connector_id(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def previous_status(self) -> str: ...
    @property
    def error_code(self) -> str: ...


_COLUMNS = ("tenant", "station", "session", "what", "facts", "time", "tx_id")
_earlier = station_changes.alias("earlier")


def _given(name: str) -> ColumnElement[Any]:
    """A value of the change, in the parameter `of_<column>`."""
    return bindparam(f"of_{name}", type_=station_changes.c[name].type)


def _tx_id(dialect: str, station: ColumnElement[str]) -> ColumnElement[Any]:
    """Where the change stands: behind every earlier one of its station."""
    if dialect == "sqlite":
        return literal(0, BigInteger)
    newest = select(func.max(_earlier.c.tx_id)).where(_earlier.c.station == station)
    return no_earlier_than(func.coalesce(newest.scalar_subquery(), 0))


def _append(source: Any) -> dict[str, Any]:
    """The INSERT by dialect. source: a function of the dialect that gives a SELECT of `_COLUMNS`.

    Returns the tenant of each row. On PostgreSQL the INSERT also notifies: no further round trip.
    """
    changes = station_changes.c
    inserts = {
        dialect: insert(station_changes).from_select(_COLUMNS, source(dialect))
        for dialect in ("sqlite", "postgresql")
    }
    told = notify(changes.tenant, literal(STATIONS))
    return {
        "sqlite": precompiled(inserts["sqlite"].returning(changes.tenant)),
        "postgresql": inserts["postgresql"].returning(changes.tenant, told),
    }


def _what_happened() -> list[ColumnElement[Any]]:
    return [_given("what"), _given("facts"), _given("time")]


def _told(dialect: str) -> Select[Any]:
    """A change of which everything is given."""
    key = [_given(name) for name in ("tenant", "station", "session")]
    return select(*key, *_what_happened(), _tx_id(dialect, _given("station")))


def _of_known(dialect: str) -> Select[Any]:
    """A change of a station whose tenant is looked up."""
    of = stations.c
    return select(*(of.tenant, of.id, null()), *_what_happened(), _tx_id(dialect, of.id)).where(
        of.id == _given("station")
    )


def _of_held(dialect: str) -> Select[Any]:
    """A change of each station that a gateway holds; none of them moves to another meanwhile."""
    of = stations.c
    return (
        select(*(of.tenant, of.id, null()), *_what_happened(), _tx_id(dialect, of.id))
        .join(connections, connections.c.station == of.id)
        .where(connections.c.gateway == bindparam("of_gateway"))
        .order_by(of.id)
        .with_for_update(read=True, of=connections)
    )


def _of_claim(dialect: str) -> Select[Any]:
    """A change of the session that a command has claimed at that time, if it is not told yet."""
    of, told = transactions.c, _earlier.c
    is_told = exists().where(
        and_(
            told.station == of.station,
            told.session == of.name,
            told.what == _given("what"),
            told.time == _given("time"),
        )
    )
    return (
        select(*(of.tenant, of.station, of.name), *_what_happened(), _tx_id(dialect, of.station))
        .join(claims, claims.c.session == of.name)
        .where(
            and_(
                of.name == _given("session"),
                claims.c.command == bindparam("of_command"),
                claims.c.tenant == bindparam("of_claimant"),
                claims.c.time == _given("time"),
                ~is_told,
            )
        )
    )


_TOLD, _OF_KNOWN = _append(_told), _append(_of_known)
_OF_HELD, _OF_CLAIM = _append(_of_held), _append(_of_claim)


async def station_changed(
    tx: Tx, station: str, what: StationChanged, now: datetime, facts: Facts | None = None
) -> None:
    """Write a change of a station that exists. Nothing is written of one that does not."""
    await _write(tx, _OF_KNOWN, _happened(what, now, facts) | {"of_station": station})


async def boot_was_told(tx: Tx, station: str, since: datetime, until: datetime) -> bool:
    """Whether the station told a boot in that time, as far as its changes are kept.

    A station that was taken as booted because it talked told none.
    """
    told = await tx.execute(
        select(station_changes.c.facts).where(
            station_changes.c.station == station,
            station_changes.c.what == StationChanged.BOOTED.value,
            station_changes.c.time.between(since, until),
        )
    )
    return any("reason" in (row.facts or {}) for row in told)


async def station_left(tx: Tx, tenant: str, station: str, now: datetime) -> None:
    """Write that a tenant's station was deleted."""
    key = {"of_tenant": tenant, "of_station": station, "of_session": None}
    await _write(tx, _TOLD, _happened(StationChanged.DELETED, now) | key)


async def stations_of_gateway_changed(
    tx: Tx, gateway: str, what: StationChanged, now: datetime, facts: Facts
) -> None:
    """Write a change of every station whose socket the gateway holds, as the database knows."""
    await _write(tx, _OF_HELD, _happened(what, now, facts) | {"of_gateway": gateway})


async def session_changed(tx: Tx, session: SessionKey, what: SessionChanged, now: datetime) -> None:
    """Write a change of a charging session."""
    key = {"of_tenant": session.tenant, "of_station": session.station, "of_session": session.name}
    await _write(tx, _TOLD, _happened(what, now) | key)


async def session_claimed(
    tx: Tx, session: str, *, tenant: str, command: str, now: datetime
) -> None:
    """Write that the command has claimed the session, if it has done so at this very time."""
    key = {"of_session": session, "of_claimant": tenant, "of_command": command}
    claimed = _happened(SessionChanged.CLAIMED, now, {"command": command})
    await _write(tx, _OF_CLAIM, claimed | key)


def connector_facts(connector: ConnectorWords) -> Facts:
    """What a change of a connector says."""
    facts = {
        "evse_id": str(connector.evse_id),
        "connector_id": str(connector.connector_id),
        "state": connector.status,
        "previous_state": connector.previous_status,
    }
    if connector.error_code not in ("", NO_ERROR):
        facts["error_code"] = connector.error_code
    return facts


def _happened(what: StrEnum, now: datetime, facts: Facts | None = None) -> dict[str, Any]:
    return {"of_what": what.value, "of_facts": facts or None, "of_time": now}


async def _write(tx: Tx, append: dict[str, Any], values: dict[str, Any]) -> None:
    for row in await tx.execute(append[tx.dialect.name], values):
        LOG_GREW.add(tx, path(row.tenant, STATIONS))
