"""What wakes a reset: its boot, and the last connector to report after it; nothing else."""

import pytest

from fleet import stations, wakeups
from fleet.database import Database
from fleet.engine.statements import Tx
from journal.commands.waking import StationEvent, wake_concerned
from tests.support.fleet_rows import NOW, connect, intend, later, make_station

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def of_reset(tx: Tx, *, evse_id: int | None = None) -> None:
    """A reset was sent to a station with two EVSEs."""
    await make_station(tx)
    await connect(tx)
    await reports(tx, 1, -10)
    await reports(tx, 2, -10)
    await intend(tx, "reset-1", kind="RESET", evse_id=evse_id, token_digest=None)


async def reports(tx: Tx, evse_id: int, at_s: float) -> None:
    await stations.set_connector(
        tx,
        station="CP1",
        evse_id=evse_id,
        connector_id=1,
        status="Available",
        error_code="",
        now=later(at_s),
    )


async def boots(tx: Tx, at_s: float) -> None:
    await stations.record_boot(
        tx,
        "CP1",
        state="ACCEPTED",
        vendor="v",
        model="m",
        serial_number="",
        firmware_version="",
        ocpp_version="1.6",
        now=later(at_s),
    )


async def wakes(tx: Tx, what: str, evse_id: int | None = None) -> bool:
    before = await wakeups.due(tx, before=later(999), limit=100)
    event = StationEvent("CP1", what, evse_id=evse_id, connector_id=1, status="Available")
    await wake_concerned(tx, event, NOW)
    return await wakeups.due(tx, before=later(999), limit=100) != before


async def test_a_boot_wakes_a_reset(database: Database) -> None:
    async with database.write() as tx:
        await of_reset(tx)
        assert await wakes(tx, "booted")


async def test_sessions_and_states_before_the_boot_do_not_wake_a_reset(
    database: Database,
) -> None:
    async with database.write() as tx:
        await of_reset(tx)
        assert not await wakes(tx, "transaction", 1)
        assert not await wakes(tx, "connector_status", 1)


async def test_the_last_connector_that_reports_after_the_boot_wakes_a_reset(
    database: Database,
) -> None:
    async with database.write() as tx:
        await of_reset(tx)
        await boots(tx, 20)
        await reports(tx, 1, 21)
        assert not await wakes(tx, "connector_status", 1)
        await reports(tx, 2, 22)
        assert await wakes(tx, "connector_status", 2)


async def test_the_status_of_its_evse_wakes_a_reset_of_one_evse(database: Database) -> None:
    async with database.write() as tx:
        await of_reset(tx, evse_id=2)
        assert not await wakes(tx, "connector_status", 1)
        assert await wakes(tx, "connector_status", 2)


async def test_a_late_answer_wakes_an_unlock_and_a_session_does_not(database: Database) -> None:
    async with database.write() as tx:
        await make_station(tx)
        await connect(tx)
        await intend(tx, "unlock-1", kind="UNLOCK_CONNECTOR", token_digest=None)
        assert not await wakes(tx, "transaction", 1)
        assert await wakes(tx, "answer")
