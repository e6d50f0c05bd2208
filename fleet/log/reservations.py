"""Reservations: their book in the event log, the numbers that stations know them by, and reports.

A number on the wire is minted once and belongs to one reservation for ever, so that whatever a
station says about it later can only mean that one. Numbers are unique for the whole broker and fit
into OCPP's 32-bit integer.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, Upsert, bound, columns_of
from fleet.engine.values import cut, identifier, int32, lenient_int32
from fleet.log.event_log import Entry, ResourceLog
from fleet.tables import reservation_reports, reservations, wire_ids

RESERVATIONS = ResourceLog(reservations, "wire_id", "evse_id", "end_time", "command")

OPEN_LIMIT = 1_000
"""Open reservations of one station that are looked at; a station has a few EVSEs."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the station last told about the end of a hold: "Expired", "Removed", "NoTransaction"."""

    station: str
    wire_id: int
    status: str
    received_time: datetime


_REPORT = columns_of(reservation_reports, Report)
_MINT = Upsert(
    lambda insert: (
        insert(wire_ids)
        .values(**bound(wire_ids, "tenant", "reservation", "create_time"))
        .on_conflict_do_nothing(index_elements=["tenant", "reservation"])
        .returning(wire_ids.c.id)
    )
)
_MINTED = precompiled(
    select(wire_ids.c.id).where(
        wire_ids.c.tenant == bindparam("tenant"),
        wire_ids.c.reservation == bindparam("reservation"),
    )
)
_WIRE_ID = precompiled(
    select(*RESERVATIONS.entry).where(
        reservations.c.wire_id == bindparam("wire_id"),
        reservations.c.station == bindparam("station"),
    )
)
_STATION_OF = precompiled(
    select(reservations.c.station).where(reservations.c.wire_id == bindparam("wire_id"))
)
_OPEN = precompiled(
    select(*RESERVATIONS.entry)
    .where(reservations.c.station == bindparam("station"), reservations.c.end_time.is_(None))
    .order_by(reservations.c.create_time)
    .limit(OPEN_LIMIT)
)
_ENDED = precompiled(
    select(*RESERVATIONS.entry)
    .where(
        reservations.c.station == bindparam("station"),
        reservations.c.end_time >= bindparam("since", type_=reservations.c.end_time.type),
    )
    .order_by(reservations.c.end_time.desc())
    .limit(OPEN_LIMIT)
)
_SET_REPORT = Upsert(
    lambda insert: (
        stmt := insert(reservation_reports).values(
            **bound(reservation_reports, "station", "wire_id", "status", "received_time")
        )
    ).on_conflict_do_update(
        index_elements=["station", "wire_id"],
        set_={"status": stmt.excluded.status, "received_time": stmt.excluded.received_time},
    )
)
_GET_REPORT = precompiled(
    select(*_REPORT).where(
        reservation_reports.c.station == bindparam("station"),
        reservation_reports.c.wire_id == bindparam("wire_id"),
    )
)


async def mint(tx: Tx, *, tenant: str, reservation: str, now: datetime) -> int:
    """The number of a reservation on the wire: 1 or more, its own for ever.

    Asked again for the same reservation it is the same number: whoever asks twice, or in several
    processes at once, asks for one hold.
    """
    key = {"tenant": identifier(tenant), "reservation": identifier(reservation)}
    made = (await tx.execute(_MINT(tx), {**key, "create_time": now})).scalar()
    if made is None:
        made = (await tx.execute(_MINTED, key)).scalar_one()
    return int32(made)


async def get(tx: Tx, *, tenant: str, name: str) -> Entry | None:
    """The reservation as it is now; None when there is no such one."""
    return await RESERVATIONS.latest(tx, tenant=tenant, name=name)


async def by_wire_id(tx: Tx, station: str, wire_id: int) -> Entry | None:
    """The station's reservation of this number. Another station's number finds nothing."""
    if lenient_int32(wire_id) is None:
        return None
    row = (await tx.execute(_WIRE_ID, {"wire_id": wire_id, "station": station})).first()
    return None if row is None else Entry(*row)


async def station_of(tx: Tx, wire_id: int) -> str | None:
    """Whose reservation has this number; None when none has it. Never obey anybody else's."""
    if lenient_int32(wire_id) is None:
        return None
    found: str | None = (await tx.execute(_STATION_OF, {"wire_id": wire_id})).scalar()
    return found


async def open_at(tx: Tx, station: str) -> list[Entry]:
    """The station's reservations that have not ended, the oldest first."""
    return [Entry(*row) for row in await tx.execute(_OPEN, {"station": station})]


async def ended_at(tx: Tx, station: str, *, since: datetime) -> list[Entry]:
    """The station's reservations that ended at or after this time, the latest first."""
    rows = await tx.execute(_ENDED, {"station": station, "since": since})
    return [Entry(*row) for row in rows]


async def report(tx: Tx, *, station: str, wire_id: int, status: str, now: datetime) -> bool:
    """Keep what the station told about one of its own reservations; False: it has no such one."""
    if await by_wire_id(tx, station, wire_id) is None:
        return False
    values = {
        "station": station,
        "wire_id": wire_id,
        "status": cut(status, 64),
        "received_time": now,
    }
    await tx.execute(_SET_REPORT(tx), values)
    return True


async def reported(tx: Tx, station: str, wire_id: int) -> Report | None:
    """What the station last told about the end of this hold."""
    row = (await tx.execute(_GET_REPORT, {"station": station, "wire_id": wire_id})).first()
    return None if row is None else Report(*row)
