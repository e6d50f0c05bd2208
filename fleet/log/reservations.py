"""Reservations: their changes in the event log, their OCPP numbers, and what stations report of
them.

The OCPP number of a reservation (`wire_id`) is minted once and belongs to one reservation for ever:
a later message of a station with this number can only mean that reservation. Numbers are unique for
the whole database and fit OCPP's 32-bit integer.
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
"""How many reservations of one station are read at most; a station has a few EVSEs."""


@dataclass(frozen=True, slots=True)
class Report:
    """The station's last report of a reservation's end.

    status: OCPP 2.x's word: "Expired", "Removed" or "NoTransaction".
    """

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
    """The OCPP number of a reservation, 1 or more. It is minted at the first call.

    Every further call for the same reservation returns the same number, also from other processes
    at the same time.

    Raises: InvalidValue for a tenant or reservation that is no identifier, or when OCPP's integers
        are used up.
    """
    key = {"tenant": identifier(tenant), "reservation": identifier(reservation)}
    made = (await tx.execute(_MINT(tx), {**key, "create_time": now})).scalar()
    if made is None:
        made = (await tx.execute(_MINTED, key)).scalar_one()
    return int32(made)


async def get(tx: Tx, *, tenant: str, name: str) -> Entry | None:
    """The newest entry of the reservation; None when it does not exist."""
    return await RESERVATIONS.latest(tx, tenant=tenant, name=name)


async def by_wire_id(tx: Tx, station: str, wire_id: int) -> Entry | None:
    """The station's reservation with this number; None when it has none, even if another does."""
    if lenient_int32(wire_id) is None:
        return None
    row = (await tx.execute(_WIRE_ID, {"wire_id": wire_id, "station": station})).first()
    return None if row is None else Entry(*row)


async def station_of(tx: Tx, wire_id: int) -> str | None:
    """The station whose reservation has this number; None when no reservation has it.

    A station that names another station's number must not be obeyed.
    """
    if lenient_int32(wire_id) is None:
        return None
    found: str | None = (await tx.execute(_STATION_OF, {"wire_id": wire_id})).scalar()
    return found


async def open_at(tx: Tx, station: str) -> list[Entry]:
    """The station's reservations that have not ended, the oldest first."""
    return [Entry(*row) for row in await tx.execute(_OPEN, {"station": station})]


async def ended_at(tx: Tx, station: str, *, since: datetime) -> list[Entry]:
    """The station's reservations that ended at or after `since`, the latest end first."""
    rows = await tx.execute(_ENDED, {"station": station, "since": since})
    return [Entry(*row) for row in rows]


async def report(tx: Tx, *, station: str, wire_id: int, status: str, now: datetime) -> bool:
    """Store the station's report of its own reservation; False when none has this number."""
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
    """The station's last report of this reservation's end; None when it has reported none."""
    row = (await tx.execute(_GET_REPORT, {"station": station, "wire_id": wire_id})).first()
    return None if row is None else Report(*row)
