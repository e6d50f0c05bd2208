"""Which refused reservation is woken when its place is shown as reserved: one perhaps held."""

import pytest

from domain.model.specs import IdToken, Kind
from domain.reservations.reservation import Reservation, ReservationState
from fleet import sends, wakeups
from fleet.database import Database
from fleet.engine.statements import Tx
from journal.commands.waking import StationEvent, wake_concerned
from journal.reservations.record import record
from tests.support.fleet_rows import NOW, connect, intend, later, make_station

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOLDER = IdToken("ISO14443", "****1234", "sealed", "digest")
REFUSED = {"verdict": "REJECTED", "status": "Occupied"}
UNREADABLE = {"verdict": "UNREADABLE", "status": ""}


async def refused(tx: Tx, number: int, *answers: dict[str, str]) -> str:
    """A reservation that was refused, after these answers to its frames. Returns its workflow."""
    name, command = f"{number:024x}", f"reserve-{number}"
    for attempt, answer in enumerate(answers, start=1):
        sent = await intend(
            tx, command, kind=Kind.RESERVE_NOW.value, attempt=attempt, message_id=f"{name}{attempt}"
        )
        await sends.answered(tx, sent.id, answer=answer, now=later(1))
    made = Reservation(
        name=name,
        tenant="acme",
        station="CP1",
        wire_id=number,
        id_token=HOLDER,
        state=ReservationState.REFUSED,
        create_time=NOW,
        expire_time=later(3_600),
        end_time=later(number),
        workflow_id=f"reservation/acme/{name}",
        command=command,
        evse_id=1,
    )
    await record(
        tx,
        tenant="acme",
        name=name,
        key="refused",
        change=lambda known: known,
        now=NOW,
        initial=made,
    )
    return made.workflow_id


async def woken_when_shown(tx: Tx) -> set[str]:
    event = StationEvent("CP1", "connector_status", 1, 1, status="Reserved")
    await wake_concerned(tx, event, later(60))
    return {each.workflow_id for each in await wakeups.due(tx, before=later(999), limit=100)}


async def test_only_a_refused_reservation_that_the_station_may_have_made_is_woken(
    database: Database,
) -> None:
    async with database.write() as tx:
        await make_station(tx)
        await connect(tx)
        lost = await refused(tx, 1, UNREADABLE, REFUSED)
        await refused(tx, 2, REFUSED)
        await refused(tx, 3)
        assert await woken_when_shown(tx) == {lost}
