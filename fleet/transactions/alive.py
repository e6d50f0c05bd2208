"""When a transaction last showed that it runs.

That an end was not reported is no proof that a transaction runs. Meter values and events are. They
come often, so they are not all written: see `LIFE_PACE`.
"""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, or_, update

from domain.limits import CLOCK_SLIP
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx
from fleet.tables import transactions
from fleet.transactions.rows import ACTIVE

LIFE_PACE = timedelta(seconds=10)
"""A sign of life that is so soon after the last one is not written."""

_ALIVE = transactions.c.alive_time
_SHOW = precompiled(
    update(transactions)
    .where(
        transactions.c.station == bindparam("of_station"),
        transactions.c.ocpp_transaction_id == bindparam("of_ocpp_transaction_id"),
        transactions.c.state == ACTIVE,
        or_(_ALIVE.is_(None), bindparam("at", type_=_ALIVE.type) > _ALIVE),
    )
    .values(alive_time=bindparam("at", type_=_ALIVE.type))
)


def shown_at(told: datetime, now: datetime, lead_s: float | None) -> datetime | None:
    """When that was so which a station told, by our clock; None: its time does not tell that.

    A station that was offline reports old things, and a clock that is ahead makes them look new. A
    clock that is behind makes new things look old: that proves less, and is left as it is.
    lead_s: how far the station's clock is ahead, in seconds; None: it is not known.
    """
    if lead_s is None:
        return None if told > now else told
    shown = told - timedelta(seconds=max(lead_s, 0.0))
    return None if shown > now + CLOCK_SLIP else min(shown, now)


def later_life(known: datetime | None, shown: datetime | None) -> datetime | None:
    """What is kept of two signs of life: the later one, unless it is worth no write."""
    if shown is None or (known is not None and shown < known + LIFE_PACE):
        return known
    return shown


async def show_alive(tx: Tx, station: str, ocpp_transaction_id: str, at: datetime) -> None:
    """Note that the station's transaction ran at that time, by our clock, if it still runs."""
    key = {"of_station": station, "of_ocpp_transaction_id": ocpp_transaction_id}
    await tx.execute(_SHOW, {**key, "at": at})
