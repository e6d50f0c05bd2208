"""Stations and their connectors: identity, passwords, and what stations report about themselves."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, case, exists, literal, or_, select
from sqlalchemy import update as sql_update

from domain.ocpp_words import RUNNING
from fleet import connections as sockets
from fleet import generations
from fleet.connectors import (
    CONNECTORS,
    CONNECTORS_LIMIT,
    CONNECTORS_OF,
    COUNT_CONNECTORS,
    DROP_CONNECTOR,
    SET_CONNECTOR,
    StationConnector,
)
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, Upsert, begins_with, bound, columns_of
from fleet.engine.values import cut, identifier, int32
from fleet.log.changes import StationChanged, connector_facts, station_changed
from fleet.tables import connections, gateways, stations


@dataclass(frozen=True, slots=True)
class Station:
    """A charging station as the fleet knows it. Empty text: the station never reported it.

    registered: False for a station that was only admitted (`--open`).
    boot_state: our answer to its latest boot: "", "ACCEPTED", "PENDING" or "REJECTED".
    boot_reason: the reason that an OCPP 2.x station gave for its latest boot.
    boot_connection_id: the socket on which the latest boot came. earlier_boot_connection_id: on
        which the one before it came.
    connection_timeout_s: how long it waits for the cable; None when it did not report it.
    generation: see `fleet.generations`. labels: of the operator; None for none.
    upstream: the back end (CSMS) that it is relayed to; "": the one of the gateway's settings.
    upstream_loss: what happens when that one is lost, `mirror` or `hold`; "": as the settings say.
    clock: how far its clocks are ahead of ours, as `domain.evidence.station_clock` stores it.
    """

    id: str
    tenant: str
    location: str
    security_profile: int
    registered: bool
    ocpp_version: str
    vendor: str
    model: str
    serial_number: str
    firmware_version: str
    boot_state: str
    boot_time: datetime | None
    last_seen_time: datetime | None
    connection_timeout_s: float | None
    create_time: datetime
    boot_reason: str = ""
    boot_connection_id: str = ""
    earlier_boot_connection_id: str = ""
    clock: dict[str, dict[str, float]] | None = None
    generation: str = ""
    labels: dict[str, str] | None = None
    upstream: str = ""
    upstream_loss: str = ""


class StationExists(Exception):
    """A registered station with this id exists already, of this or another tenant."""


_STATION = columns_of(stations, Station)

_GET = precompiled(select(*_STATION).where(stations.c.id == bindparam("id")))
_ANEW = ("location", "security_profile", "registered", "password_hash", "generation", "labels")
_NEW = bound(
    stations,
    *("id", "tenant", "location", "security_profile", "registered", "create_time", "generation"),
    "labels",
)

# An admitted (unregistered) station of the same tenant may be registered later.
_CREATE = Upsert(
    lambda insert: (
        (stmt := insert(stations).values(**_NEW, **bound(stations, "password_hash")))
        .on_conflict_do_update(
            index_elements=["id"],
            set_={name: stmt.excluded[name] for name in _ANEW},
            where=stations.c.registered.is_(False) & (stations.c.tenant == stmt.excluded.tenant),
        )
        .returning(*_STATION)
    )
)
_ADMIT = Upsert(
    lambda insert: (
        insert(stations)
        .values(**_NEW)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(*_STATION)
    )
)
_BOOT = precompiled(
    sql_update(stations)
    .where(stations.c.id == bindparam("of_station"))
    .values(
        **bound(
            stations,
            *("boot_state", "vendor", "model", "serial_number", "firmware_version"),
            *("ocpp_version", "boot_time", "last_seen_time", "boot_reason", "boot_connection_id"),
        ),
        earlier_boot_connection_id=stations.c.boot_connection_id,
    )
)
_TOUCH = precompiled(
    sql_update(stations)
    .where(
        stations.c.id == bindparam("station"),
        or_(stations.c.last_seen_time.is_(None), stations.c.last_seen_time < bindparam("seen")),
    )
    .values(last_seen_time=bindparam("seen"))
)


async def create(
    tx: Tx,
    *,
    id: str,
    tenant: str,
    location: str,
    security_profile: int,
    password_hash: str | None,
    labels: dict[str, str] | None = None,
    now: datetime,
) -> Station:
    """Register a station. One that was only admitted becomes registered; its socket is out.

    Raises: StationExists when the id is registered already.
    """
    values = _new_row(id, tenant, location, security_profile, now) | {
        "registered": True,
        "password_hash": password_hash,
        "labels": labels or None,
    }
    row = (await tx.execute(_CREATE(tx), values)).first()
    if row is None:
        raise StationExists(f"station {id} exists already")
    await sockets.revoke(tx, id, now=now)
    await station_changed(tx, id, StationChanged.CREATED, now)
    return Station(*row)


async def admit(tx: Tx, *, id: str, tenant: str, now: datetime) -> tuple[Station, bool]:
    """The station with this id; an unregistered one is made when there is none (`--open`).

    And whether it was made.
    """
    values = _new_row(id, tenant, "", 0, now) | {"registered": False}
    row = (await tx.execute(_ADMIT(tx), values)).first()
    if row is not None:
        return Station(*row), True
    return Station(*(await tx.execute(_GET, {"id": id})).one()), False


async def get(tx: Tx, id: str) -> Station | None:
    """The station with this id, of any tenant; None when there is none."""
    row = (await tx.execute(_GET, {"id": id})).first()
    return None if row is None else Station(*row)


async def update(
    tx: Tx,
    id: str,
    *,
    now: datetime,
    location: str | None = None,
    security_profile: int | None = None,
    labels: dict[str, str] | None = None,
    upstream: str | None = None,
    upstream_loss: str | None = None,
) -> bool:
    """Change what is given. The security profile is only ever raised. False: no such station."""
    place = None if location is None else cut(location)
    words = {"location": place, "upstream": upstream, "upstream_loss": upstream_loss}
    values: dict[str, Any] = {name: word for name, word in words.items() if word is not None}
    if labels is not None:
        values["labels"] = labels or None
    if security_profile is not None:
        current = stations.c.security_profile
        wanted = literal(security_profile, current.type)
        values["security_profile"] = case((current < wanted, wanted), else_=current)
    if not values:
        return await get(tx, id) is not None
    done = await tx.execute(sql_update(stations).where(stations.c.id == id).values(**values))
    await station_changed(tx, id, StationChanged.UPDATED, now)
    return bool(done.rowcount)


async def list_page(
    tx: Tx,
    *,
    tenant: str,
    connected: bool | None = None,
    location: str | None = None,
    ocpp_version: str | None = None,
    after: str | None = None,
    groups: Sequence[str] = (),
    ids: Sequence[str] = (),
    limit: int,
    now: datetime,
) -> list[Station]:
    """Stations of the tenant in the order of their ids, after `after`. None filters nothing.

    ids: only these; empty: any.
    """
    ours = and_(stations.c.tenant == tenant, begins_with(stations.c.id, groups))
    stmt = select(*_STATION).where(ours).order_by(stations.c.id)
    if ids:
        stmt = stmt.where(stations.c.id.in_(list(ids)))
    if connected is not None:
        held = exists().where(
            connections.c.station == stations.c.id,
            connections.c.gateway == gateways.c.gateway,
            gateways.c.until > now,
        )
        stmt = stmt.where(held if connected else ~held)
    for column, value in ((stations.c.location, location), (stations.c.ocpp_version, ocpp_version)):
        if value:
            stmt = stmt.where(column == value)
    if after is not None:
        stmt = stmt.where(stations.c.id > after)
    return [Station(*row) for row in await tx.execute(stmt.limit(limit))]


async def record_boot(
    tx: Tx,
    id: str,
    *,
    state: str,
    vendor: str,
    model: str,
    serial_number: str,
    firmware_version: str,
    ocpp_version: str,
    now: datetime,
    reason: str = "",
    connection_id: str = "",
) -> None:
    """Store a boot of the station and our answer to it ("ACCEPTED", "PENDING", "REJECTED").

    reason: OCPP 2.x's reason of the boot. connection_id: the socket on which the boot came.
    """
    values = {
        "boot_reason": cut(reason, 64),
        "boot_connection_id": cut(connection_id),
        "of_station": id,
        "boot_state": state,
        "vendor": cut(vendor),
        "model": cut(model),
        "serial_number": cut(serial_number),
        "firmware_version": cut(firmware_version),
        "ocpp_version": ocpp_version,
        "boot_time": now,
        "last_seen_time": now,
    }
    await tx.execute(_BOOT, values)
    facts = {"boot_state": state, "reason": cut(reason, 64)}
    await station_changed(tx, id, StationChanged.BOOTED, now, facts)


async def take_as_booted(tx: Tx, id: str, *, ocpp_version: str, now: datetime) -> None:
    """Store that the station is ready, in this version; its latest boot stays what it was."""
    await tx.execute(
        sql_update(stations)
        .where(stations.c.id == id)
        .values(boot_state="ACCEPTED", ocpp_version=ocpp_version)
    )
    await station_changed(tx, id, StationChanged.BOOTED, now, {"boot_state": "ACCEPTED"})


async def touch(tx: Tx, ids_and_times: Sequence[tuple[str, datetime]]) -> None:
    """Store when each station was last heard from; an earlier time changes nothing."""
    if ids_and_times:
        rows = [{"station": id, "seen": seen} for id, seen in sorted(ids_and_times)]
        await tx.execute(_TOUCH, rows)


async def set_connection_timeout(tx: Tx, id: str, seconds: float | None) -> None:
    """Store how long the station waits for a cable, as it reported."""
    await tx.execute(
        sql_update(stations).where(stations.c.id == id).values(connection_timeout_s=seconds)
    )


async def set_clock(tx: Tx, id: str, clock: dict[str, dict[str, float]]) -> None:
    """Store how far the station's clocks are ahead of ours."""
    await tx.execute(sql_update(stations).where(stations.c.id == id).values(clock=clock))


async def set_connector(
    tx: Tx,
    *,
    station: str,
    evse_id: int,
    connector_id: int,
    status: str,
    error_code: str,
    now: datetime,
) -> StationConnector:
    """Store a connector's newest status; `previous_status` changes only when the status does.

    A station that invents connectors does not fill the table: beyond a limit none is kept.
    """
    row = await tx.execute(
        SET_CONNECTOR(tx),
        {
            "station": station,
            "evse_id": int32(evse_id),
            "connector_id": int32(connector_id),
            "status": cut(status, 64),
            "status_time": now,
            "error_code": cut(error_code),
            "reported_time": now,
            "changed_time": now,
            "charging_time": now if status in RUNNING else None,
        },
    )
    told = StationConnector(*row.one())
    if await _is_one_too_many(tx, told, now):
        return told
    if told.changed_time == now:
        await station_changed(tx, station, StationChanged.CONNECTOR, now, connector_facts(told))
    return told


async def _is_one_too_many(tx: Tx, told: StationConnector, now: datetime) -> bool:
    """Whether the station has too many connectors with this new one, which is dropped then."""
    if told.previous_status or told.status_time != now:
        return False
    count = (await tx.execute(COUNT_CONNECTORS, {"station": told.station})).scalar_one()
    if count <= CONNECTORS_LIMIT:
        return False
    key = {"of_evse_id": told.evse_id, "of_connector_id": told.connector_id}
    await tx.execute(DROP_CONNECTOR, {"station": told.station, **key})
    return True


async def connectors(tx: Tx, station: str) -> list[StationConnector]:
    """The station's connectors, in the order of EVSE and connector number."""
    return [StationConnector(*row) for row in await tx.execute(CONNECTORS, {"station": station})]


async def connectors_of(tx: Tx, stations: Collection[str]) -> list[StationConnector]:
    """The connectors of a few stations, in the same order."""
    stmt = CONNECTORS_OF.where(CONNECTORS_OF.selected_columns.station.in_(stations))
    return [StationConnector(*row) for row in await tx.execute(stmt)]


def _new_row(
    id: str, tenant: str, location: str, security_profile: int, now: datetime
) -> dict[str, Any]:
    return {
        "id": identifier(id),
        "tenant": identifier(tenant),
        "location": cut(location),
        "security_profile": security_profile,
        "create_time": now,
        "generation": generations.begin(),
        "labels": None,
    }
