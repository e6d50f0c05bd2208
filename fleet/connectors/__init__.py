"""Connectors as their table has them, and the statements that write and read them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, delete, func, or_, select

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Upsert, bound, columns_of
from fleet.tables import connectors

CONNECTORS_LIMIT = 1_000
"""How many connectors of one station are kept, and read: what it tells of more is not kept."""


@dataclass(frozen=True, slots=True)
class StationConnector:
    """A connector and its latest status, in the station's own word.

    status_time: when the status last changed. reported_time: when the station last reported one.
    changed_time: when the status or the error code last changed; None: not known.
    charging_time: when it last began to be shown in a word of a session that runs; None: never.
    """

    station: str
    evse_id: int
    connector_id: int
    type: str
    status: str
    previous_status: str
    status_time: datetime
    error_code: str
    reported_time: datetime | None = None
    changed_time: datetime | None = None
    charging_time: datetime | None = None


_CONNECTOR = columns_of(connectors, StationConnector)


def _if_new(stmt: Any, then: Any, column: str, *also: str) -> Any:
    """`then` where the status, or one of the further columns, is new; else what the column has."""
    new = or_(*(connectors.c[name] != stmt.excluded[name] for name in ("status", *also)))
    return case((new, then), else_=connectors.c[column])


SET_CONNECTOR = Upsert(
    lambda insert: (
        (
            stmt := insert(connectors).values(
                **bound(
                    connectors,
                    *("station", "evse_id", "connector_id", "status", "status_time", "error_code"),
                    *("reported_time", "changed_time", "charging_time"),
                )
            )
        )
        .on_conflict_do_update(
            index_elements=["station", "evse_id", "connector_id"],
            set_={
                "previous_status": _if_new(stmt, connectors.c.status, "previous_status"),
                "status_time": _if_new(stmt, stmt.excluded.status_time, "status_time"),
                "changed_time": _if_new(
                    stmt, stmt.excluded.changed_time, "changed_time", "error_code"
                ),
                "charging_time": _if_new(
                    stmt,
                    func.coalesce(stmt.excluded.charging_time, connectors.c.charging_time),
                    "charging_time",
                ),
                "status": stmt.excluded.status,
                "error_code": stmt.excluded.error_code,
                "reported_time": stmt.excluded.reported_time,
            },
        )
        .returning(*_CONNECTOR)
    )
)
COUNT_CONNECTORS = precompiled(
    select(func.count()).where(connectors.c.station == bindparam("station"))
)
DROP_CONNECTOR = precompiled(
    delete(connectors).where(
        connectors.c.station == bindparam("station"),
        connectors.c.evse_id == bindparam("of_evse_id"),
        connectors.c.connector_id == bindparam("of_connector_id"),
    )
)
CONNECTORS_OF = select(*_CONNECTOR).order_by(
    connectors.c.station, connectors.c.evse_id, connectors.c.connector_id
)
CONNECTORS = precompiled(
    select(*_CONNECTOR)
    .where(connectors.c.station == bindparam("station"))
    .order_by(connectors.c.evse_id, connectors.c.connector_id)
    .limit(CONNECTORS_LIMIT)
)
