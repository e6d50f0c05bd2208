"""Reservations: their changes in the event log, their OCPP numbers, and what stations report of
them.

The OCPP number of a reservation (`wire_id`) is minted once, and at its station it belongs to this
reservation: a later message of the station with this number can only mean that reservation. Numbers
are counted for all stations together (`domain.model.numbers`). When all have been given they
come again, at a station only those that nothing there tells of.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, exists, or_, select

from domain.model.numbers import number_of
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, Upsert, bound, columns_of
from fleet.engine.values import InvalidValue, cut, identifier, lenient_int32
from fleet.log.event_log import Entry, ResourceLog
from fleet.tables import reservation_reports, reservations, transactions, wire_ids

RESERVATIONS = ResourceLog(reservations, "wire_id", "evse_id", "end_time", "command")

_TRIES = 20
"""How many numbers may be passed by that the station has used."""

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
_GIVE_UP = precompiled(delete(wire_ids).where(wire_ids.c.id == bindparam("of_id")))
_WIRE_ID = precompiled(
    select(*RESERVATIONS.entry).where(
        reservations.c.wire_id == bindparam("wire_id"),
        reservations.c.station == bindparam("station"),
    )
)
_BELONGS_TO_ANOTHER = precompiled(
    select(
        exists().where(reservations.c.wire_id == bindparam("wire_id"))
        & ~exists().where(
            reservations.c.wire_id == bindparam("wire_id"),
            reservations.c.station == bindparam("station"),
        )
    )
)
_IS_USED = precompiled(
    select(
        or_(
            *(
                exists().where(
                    table.c.station == bindparam("station"), table.c[number] == bindparam("wire_id")
                )
                for table, number in (
                    (reservations, "wire_id"),
                    (reservation_reports, "wire_id"),
                    (transactions, "reservation_id"),
                )
            )
        )
    )
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


async def mint(tx: Tx, *, tenant: str, reservation: str, station: str, now: datetime) -> int:
    """The OCPP number of a reservation at its station, 1 or more. It is minted at the first call.

    Every further call for the same reservation returns the same number, also from other processes
    at the same time.

    Raises: InvalidValue for a tenant or reservation that is no identifier, or when the station
        tells of too many numbers.
    """
    key = {"tenant": identifier(tenant), "reservation": identifier(reservation)}
    for _ in range(_TRIES):
        made = (await tx.execute(_MINT(tx), {**key, "create_time": now})).scalar()
        if made is None:
            return number_of((await tx.execute(_MINTED, key)).scalar_one())
        number = number_of(made)
        if made == number or not await _is_used(tx, station, number):
            return number
        await tx.execute(_GIVE_UP, {"of_id": made})
    raise InvalidValue(f"station {station} tells of too many reservations")


async def _is_used(tx: Tx, station: str, number: int) -> bool:
    """Whether anything at the station tells of a reservation with this number."""
    row = await tx.execute(_IS_USED, {"station": station, "wire_id": number})
    return bool(row.scalar_one())


async def get(tx: Tx, *, tenant: str, name: str) -> Entry | None:
    """The newest entry of the reservation; None when it does not exist."""
    return await RESERVATIONS.latest(tx, tenant=tenant, name=name)


async def by_wire_id(tx: Tx, station: str, wire_id: int) -> Entry | None:
    """The station's reservation with this number; None when it has none, even if another does."""
    if lenient_int32(wire_id) is None:
        return None
    row = (await tx.execute(_WIRE_ID, {"wire_id": wire_id, "station": station})).first()
    return None if row is None else Entry(*row)


async def known_numbers(tx: Tx, station: str, wire_ids: set[int]) -> set[int]:
    """Which of these are the numbers of reservations of this station."""
    if not wire_ids:
        return set()
    stmt = select(reservations.c.wire_id).where(
        reservations.c.station == station, reservations.c.wire_id.in_(wire_ids)
    )
    return set((await tx.execute(stmt)).scalars())


async def belongs_to_another(tx: Tx, station: str, wire_id: int) -> bool:
    """Whether other stations have a reservation with this number, and this one has none.

    A station that names another station's number must not be obeyed.
    """
    if lenient_int32(wire_id) is None:
        return False
    row = await tx.execute(_BELONGS_TO_ANOTHER, {"wire_id": wire_id, "station": station})
    return bool(row.scalar_one())


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
