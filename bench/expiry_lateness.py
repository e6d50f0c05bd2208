"""How late reservations end: our timers with 2,000 of them open at once.

Each reservation is at a station of its own, which is not connected. So only the timer, the decision
and the commit are measured. The lateness is the time from the expiry until the end can be read in
the log. The ends lie within two minutes of each other: a busy evening, not all at once.

    python -m bench expiry-lateness
"""

import asyncio
import statistics
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.client import Client

from bench.report import Figure, note
from bench.servers import dev_temporal
from contract import names
from domain.model.specs import IdToken
from domain.reservations.reservation import Reservation, ReservationState
from fleet.database import Database
from fleet.log import reservations
from fleet.log.event_log import Filter, head
from fleet.log.order import Cursor
from journal.reservations import record as reservation_recorder
from journal.reservations.starting import wake_reservation
from workflows.registration import register_search_attributes
from workflows.worker import running_worker

OPEN = 2_000
SETTLING = timedelta(seconds=90)
SPREAD = timedelta(seconds=120)
_TENANT = "bench"
_HOLDER = IdToken("ISO14443", "****0001", "sealed", "digest")
_BATCH = 100
_LIMIT_S = 600.0
_TARGET_P99_S = 1.0


def _reservation(number: int, now: datetime) -> Reservation:
    name = f"{number:024x}"
    return Reservation(
        name=name,
        tenant=_TENANT,
        station=f"CP-{number}",
        wire_id=number + 1,
        id_token=_HOLDER,
        state=ReservationState.HELD,
        create_time=now,
        start_time=now,
        hold_time=now,
        expire_time=now + SETTLING + SPREAD * (number / OPEN),
        workflow_id=names.reservation_workflow_id(_TENANT, name),
        command=f"command-{number}",
        evse_id=1,
    )


async def _open_all(db: Database) -> None:
    """Writes the reservations as an accepted ReserveNow does, each with its workflow's start."""
    now = datetime.now(UTC)
    for first in range(0, OPEN, _BATCH):
        async with db.write() as tx:
            for number in range(first, first + _BATCH):
                made = _reservation(number, now)
                await reservation_recorder.record(
                    tx,
                    tenant=_TENANT,
                    name=made.name,
                    key="held",
                    change=lambda known: known,
                    now=now,
                    initial=made,
                )
                await wake_reservation(tx, made, "held", now)


async def _lateness_s(db: Database, begin: Cursor) -> list[float]:
    """The lateness of each end, in seconds, in ascending order."""
    late: list[float] = []
    cursor, which = begin, Filter(_TENANT, states=[ReservationState.EXPIRED.value])
    async with asyncio.timeout(_LIMIT_S), db.watch() as news:
        while len(late) < OPEN:
            await news.wait(1.0)
            async with db.read() as tx:
                entries = await reservations.RESERVATIONS.read_after(tx, cursor, which, OPEN)
            seen = datetime.now(UTC)
            for entry in entries:
                known = reservation_recorder.from_snapshot(entry.snapshot)
                late.append((seen - known.expire_time).total_seconds())
                cursor = Cursor(entry.tx_id, entry.seq)
    return sorted(late)


async def measure() -> None:
    """Opens all reservations and waits for their ends."""
    with tempfile.TemporaryDirectory() as text:
        async with dev_temporal(Path(text)) as address:
            client = await Client.connect(address)
            await register_search_attributes(client)
            db = await Database.open(f"sqlite:///{text}/fleet.sqlite")
            async with db.read() as tx:
                begin = await head(tx)
            async with running_worker(db, client):
                await _open_all(db)
                note(f"{OPEN} reservations are open")
                late = await _lateness_s(db, begin)
            await db.close()
    p99 = late[int(len(late) * 0.99)]
    Figure(
        "expiry_lateness_p99",
        round(p99, 3),
        None,
        "s",
        target=f"<= {_TARGET_P99_S:.0f} s",
        ok=p99 <= _TARGET_P99_S,
        details={
            "open": OPEN,
            "p50": round(statistics.median(late), 3),
            "max": round(late[-1], 3),
            "early": sum(each < 0 for each in late),
        },
    ).report()
