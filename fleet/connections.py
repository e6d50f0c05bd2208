"""Which gateway holds which station's socket: leases of gateways, a fencing epoch per station.

A connection is valid as long as the lease of its gateway. Every new socket of a station gets the
station's next epoch; an epoch is never used again. A sender names the epoch that it knows, and a
stale epoch is refused (`fleet.sends.intend`), and so is what its socket reports. A release
compares the connection id, so that the late close of a replaced socket releases nothing. A gateway
that drains releases its stations as moving: they are expected at another gateway at once.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, case, delete, exists, func, select, update

from domain.model.twins import Displacements
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, Upsert, bound, columns_of
from fleet.engine.values import cut, from_micros, identifier, to_micros
from fleet.log.changes import StationChanged, station_changed, stations_of_gateway_changed
from fleet.tables import connections, gateways, stations

UNRECORDED = "-"
"""In place of a gateway: nobody holds the station, and not all that it said was recorded."""

NAMES_LIMIT = 500
"""How many connections one statement names."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A station's socket and the gateway process that holds it.

    disconnected_time: when the station's latest lost socket was lost; None when it is not known.
    quarantine_end: when the station's quarantine ends; None when it never was in one.
    line: HOST:PORT where the gateway takes frames directly; "" when it has no such line, or when
        that was not asked for.
    """

    station: str
    gateway: str
    connection_id: str
    epoch: int
    ocpp_version: str
    connected_time: datetime
    disconnected_time: datetime | None = None
    quarantine_end: datetime | None = None
    line: str = ""


_CONNECTION = columns_of(connections, Connection, besides=frozenset({"line"}))

_RENEW = Upsert(
    lambda insert: (
        stmt := insert(gateways).values(
            **bound(gateways, "gateway", "until", "line"),
            # Who has stations and no row was lost for so long that it was forgotten: it is back.
            told_lost=exists().where(connections.c.gateway == bindparam("of_gateway")),
        )
    ).on_conflict_do_update(
        index_elements=["gateway"],
        set_={"until": stmt.excluded.until, "line": stmt.excluded.line},
    )
)
_CLAIM = Upsert(
    lambda insert: (
        (
            stmt := insert(connections).values(
                **bound(connections, "station", "gateway", "connection_id", "ocpp_version"),
                **bound(connections, "connected_time"),
                epoch=1,
            )
        )
        .on_conflict_do_update(
            index_elements=["station"],
            set_={
                "gateway": stmt.excluded.gateway,
                "connection_id": stmt.excluded.connection_id,
                "ocpp_version": stmt.excluded.ocpp_version,
                "connected_time": stmt.excluded.connected_time,
                "epoch": connections.c.epoch + 1,
                "disconnected_time": case(
                    (connections.c.gateway.is_not(None), stmt.excluded.connected_time),
                    else_=connections.c.disconnected_time,
                ),
                "moved_time": None,
            },
        )
        .returning(connections.c.epoch)
    )
)
_RELEASE = precompiled(
    update(connections)
    .where(
        connections.c.station == bindparam("of_station"),
        connections.c.connection_id == bindparam("of_connection"),
        connections.c.gateway.is_not(None),
    )
    .values(
        gateway=None,
        disconnected_time=bindparam("at", type_=connections.c.disconnected_time.type),
        moved_time=bindparam("moved_at", type_=connections.c.moved_time.type),
    )
)
_REVOKE = precompiled(
    update(connections)
    .where(connections.c.station == bindparam("of_station"))
    .values(
        gateway=None,
        epoch=connections.c.epoch + 1,
        displaced_times=None,
        quarantine_end=None,
        disconnected_time=case(
            (
                connections.c.gateway.is_not(None),
                bindparam("at", type_=connections.c.disconnected_time.type),
            ),
            else_=connections.c.disconnected_time,
        ),
    )
    .returning(connections.c.disconnected_time)
)
_HELD = select(*[*_CONNECTION, gateways.c.line]).join(
    gateways, gateways.c.gateway == connections.c.gateway
)
_HOLDER = precompiled(
    _HELD.where(connections.c.station == bindparam("station"), gateways.c.until > bindparam("now"))
)
_WHEREABOUTS = precompiled(
    select(stations.c.boot_state, connections.c.moved_time, *_CONNECTION, gateways.c.line)
    .join_from(stations, connections, connections.c.station == stations.c.id, isouter=True)
    .join(
        gateways,
        and_(gateways.c.gateway == connections.c.gateway, gateways.c.until > bindparam("now")),
        isouter=True,
    )
    .where(stations.c.id == bindparam("station"))
)
_LOST_TIME = precompiled(
    select(connections.c.disconnected_time).where(connections.c.station == bindparam("station"))
)
_LATEST = precompiled(
    select(func.coalesce(connections.c.gateway, ""), *_CONNECTION[2:]).where(
        connections.c.station == bindparam("station")
    )
)
_DISPLACEMENTS = precompiled(
    select(connections.c.displaced_times, connections.c.quarantine_end)
    .where(connections.c.station == bindparam("station"))
    .with_for_update()
)
_KEEP_DISPLACEMENTS = precompiled(
    update(connections)
    .where(connections.c.station == bindparam("of_station"))
    .values(
        displaced_times=bindparam("times", type_=connections.c.displaced_times.type),
        quarantine_end=bindparam("until", type_=connections.c.quarantine_end.type),
    )
)
_QUARANTINE_END = precompiled(
    select(connections.c.quarantine_end).where(connections.c.station == bindparam("station"))
)
_EPOCH = precompiled(
    select(connections.c.epoch)
    .where(connections.c.station == bindparam("station"), connections.c.gateway.is_not(None))
    .with_for_update(read=True)
)


async def renew_gateway(tx: Tx, gateway: str, *, until: datetime, line: str = "") -> None:
    """Renew the lease of the gateway process: its connections are valid until this time.

    line: HOST:PORT where it takes frames directly; "" when it has no such line.
    """
    values = {"gateway": identifier(gateway), "until": until, "line": cut(line)}
    values["of_gateway"] = values["gateway"]
    await tx.execute(_RENEW(tx), values)


async def drop_gateway(
    tx: Tx, gateway: str, *, now: datetime, unrecorded: Collection[str] = ()
) -> None:
    """End the lease and all connections of the gateway process.

    unrecorded: connections whose messages it could not record; `latest` tells of them afterwards.
    """
    await stations_of_gateway_changed(
        tx, gateway, StationChanged.DISCONNECTED, now, {"gateway": gateway}
    )
    held = update(connections).where(connections.c.gateway == gateway)
    names = list(unrecorded)
    for first in range(0, len(names), NAMES_LIMIT):
        lost = connections.c.connection_id.in_(names[first : first + NAMES_LIMIT])
        await tx.execute(held.where(lost).values(gateway=UNRECORDED))
    await tx.execute(held.values(gateway=None))
    await tx.execute(delete(gateways).where(gateways.c.gateway == gateway))


async def tell_lost(tx: Tx, *, now: datetime) -> int:
    """Tell who watches that stations are lost with their gateway, whose lease has run out.

    A gateway that renews it after all has its stations again, which is told, too. Returns how many
    gateways were told of.
    """
    told = 0
    for is_lost, what in ((True, StationChanged.DISCONNECTED), (False, StationChanged.CONNECTED)):
        ran_out = gateways.c.until <= now if is_lost else gateways.c.until > now
        stmt = (
            update(gateways)
            .where(ran_out, gateways.c.told_lost.is_(not is_lost))
            .values(told_lost=is_lost)
            .returning(gateways.c.gateway)
        )
        for (gateway,) in (await tx.execute(stmt)).all():
            await stations_of_gateway_changed(tx, gateway, what, now, {"gateway": gateway})
            told += 1
    return told


async def forget_lost(tx: Tx, before: datetime, limit: int) -> int:
    """Delete gateways whose lease ran out before this time; how many, at most `limit`.

    Not those of which `tell_lost` has not told yet. Their stations stay as lost as they are.
    """
    gone = (
        select(gateways.c.gateway)
        .where(gateways.c.until < before, gateways.c.told_lost.is_(True))
        .limit(limit)
    )
    done = await tx.execute(delete(gateways).where(gateways.c.gateway.in_(gone)))
    return done.rowcount


async def has_untold(tx: Tx, *, now: datetime) -> bool:
    """Whether `tell_lost` has something to tell."""
    is_lost = gateways.c.until <= now
    stmt = select(exists().where(is_lost != gateways.c.told_lost))
    return bool((await tx.execute(stmt)).scalar_one())


async def claim(
    tx: Tx, *, station: str, gateway: str, connection_id: str, ocpp_version: str, now: datetime
) -> int:
    """Give the station to a new socket, whichever gateway held it before. Returns the new epoch."""
    row = await tx.execute(
        _CLAIM(tx),
        {
            "station": identifier(station),
            "gateway": identifier(gateway),
            "connection_id": identifier(connection_id),
            "ocpp_version": ocpp_version,
            "connected_time": now,
        },
    )
    epoch = int(row.scalar_one())
    await station_changed(tx, station, StationChanged.CONNECTED, now, {"gateway": gateway})
    return epoch


async def release(
    tx: Tx, *, station: str, connection_id: str, now: datetime, moves: bool = False
) -> bool:
    """Release the station: its socket closed. False when a newer socket holds it already.

    moves: its gateway closed the socket to drain, so that the station goes to another gateway.
    """
    moved = now if moves else None
    values = {"of_station": station, "of_connection": connection_id, "at": now, "moved_at": moved}
    if not (await tx.execute(_RELEASE, values)).rowcount:
        return False
    facts = {"moves": "true"} if moves else None
    await station_changed(tx, station, StationChanged.DISCONNECTED, now, facts)
    return True


async def revoke(tx: Tx, station: str, *, now: datetime) -> None:
    """Take the station from whichever socket has it: that one can send nothing any more.

    A quarantine ends: whoever comes next has another password, or none had one. The end of the
    socket is told here: its gateway has nothing to release any more.
    """
    lost_time = (await tx.execute(_REVOKE, {"of_station": station, "at": now})).scalar()
    if lost_time == now:  # it was held until now; else it was lost before, or never there
        await station_changed(tx, station, StationChanged.DISCONNECTED, now)


async def holder(tx: Tx, station: str, *, now: datetime) -> Connection | None:
    """The station's valid connection; None without one, or when its gateway's lease ran out."""
    row = (await tx.execute(_HOLDER, {"station": station, "now": now})).first()
    return None if row is None else Connection(*row)


async def whereabouts(
    tx: Tx, station: str, *, now: datetime
) -> tuple[str | None, Connection | None, datetime | None]:
    """The station's boot state, and its valid connection as `holder` finds it, in one read.

    Also since when it moves to another gateway; None: it does not. The boot state is None when
    there is no such station.
    """
    row = (await tx.execute(_WHEREABOUTS, {"station": station, "now": now})).first()
    if row is None:
        return None, None, None
    boot_state, moved_time, *held = row
    return boot_state, None if held[-1] is None else Connection(*held), moved_time


async def latest(tx: Tx, station: str) -> Connection | None:
    """The station's newest socket; None when it never had one.

    gateway: "" after its release, and `UNRECORDED` when not all that it said was recorded.
    """
    row = (await tx.execute(_LATEST, {"station": station})).first()
    return None if row is None else Connection(station, *row)


async def lost_time(tx: Tx, station: str) -> datetime | None:
    """When the station's latest lost socket was lost; None when none was, or it is not known."""
    found: datetime | None = (await tx.execute(_LOST_TIME, {"station": station})).scalar()
    return found


async def lost_times(tx: Tx, stations: Sequence[str]) -> dict[str, datetime]:
    """As `lost_time`, for many stations at once; those of which it is not known are left out."""
    stmt = select(connections.c.station, connections.c.disconnected_time).where(
        connections.c.station.in_(stations), connections.c.disconnected_time.is_not(None)
    )
    return {row[0]: row[1] for row in await tx.execute(stmt)}


async def holders(tx: Tx, stations: Sequence[str], *, now: datetime) -> dict[str, Connection]:
    """As `holder`, for many stations at once; stations without a valid connection are left out."""
    stmt = _HELD.where(connections.c.station.in_(stations), gateways.c.until > now)
    return {row.station: Connection(*row) for row in await tx.execute(stmt)}


async def current_epoch(tx: Tx, station: str) -> int | None:
    """The epoch of the station's held connection; None when no gateway holds it.

    The row is locked until this transaction ends, so that the epoch cannot become stale meanwhile.
    """
    value: int | None = (await tx.execute(_EPOCH, {"station": station})).scalar()
    return value


async def displacements(tx: Tx, station: str) -> Displacements:
    """How often a living socket of the station was displaced; locked until the transaction ends."""
    row = (await tx.execute(_DISPLACEMENTS, {"station": station})).first()
    if row is None:
        return Displacements()
    times = tuple(from_micros(micros) for micros in row.displaced_times or ())
    return Displacements(times, row.quarantine_end)


async def keep_displacements(tx: Tx, station: str, known: Displacements) -> None:
    """Store how often a living socket of the station was displaced."""
    times = [to_micros(time) for time in known.times]
    values = {"of_station": station, "times": times, "until": known.quarantine_end}
    await tx.execute(_KEEP_DISPLACEMENTS, values)


async def quarantine_end(tx: Tx, station: str) -> datetime | None:
    """When the station's quarantine ends, whether it is connected or not; None: it never began."""
    found: datetime | None = (await tx.execute(_QUARANTINE_END, {"station": station})).scalar()
    return found
