"""A session that is reported after the end of its reservation tells the end anew, once."""

from datetime import timedelta

import pytest

from domain.model.command import Command, WaitFor
from domain.reservations.reservation import Reservation, ReservationState
from domain.reservations.transitions import EndCause
from fleet.log.reservations import RESERVATIONS
from tests.support.benches.command_bench import Bench, rejected
from tests.support.benches.hold_bench import (
    handle,
    reports,
    reservation,
    reserve_command,
    run_ends,
    until,
)
from tests.support.hub import TENANT
from tests.support.scripted_gateway import accepted, answers

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOON = timedelta(seconds=0.5)


async def held(bench: Bench) -> Command:
    """A reservation of ten minutes that the station has accepted; it denies every cancel."""
    bench.gateway.plays = [answers(accepted()), answers(rejected()), answers(rejected())]
    command = await reserve_command(bench, ttl=timedelta(minutes=10))
    await bench.submit(command, WaitFor.OUTCOME)
    await until(bench, command, lambda r: r.state is ReservationState.HELD)
    return command


async def expired(bench: Bench) -> tuple[Command, Reservation]:
    """Its time is over, nobody was seen, and its workflow has ended."""
    command = await held(bench)
    await run_ends(bench, command, 600)
    known = await reservation(bench, command)
    assert known.cause == EndCause.TIME_OVER
    return command, known


async def run_of(bench: Bench, command: Command) -> str | None:
    return (await handle(bench, command).describe()).run_id


async def test_a_use_in_the_last_second_that_is_reported_later_is_told(bench: Bench) -> None:
    command, over = await expired(bench)
    session = await bench.session_starts(started=over.expire_time - SOON)
    after = await until(bench, command, lambda r: r.state is ReservationState.USED)
    assert (after.cause, after.transaction) == (EndCause.SESSION_OF_ITS_TOKEN, session.name)
    assert (after.end_time, after.revision) == (over.end_time, over.revision + 1)
    assert "It was told as EXPIRED (TIME_OVER)" in after.message
    assert (await run_ends(bench, command)).state == "USED"
    assert await reservation(bench, command) == after
    async with bench.db.read() as tx:
        told = await RESERVATIONS.history(tx, tenant=TENANT, name=after.name)
    states = [entry.snapshot["state"] for entry in told]
    assert states[-3:] == ["HELD", "EXPIRED", "USED"]


async def test_a_use_that_names_the_reservation_is_told_days_later(bench: Bench) -> None:
    command, over = await expired(bench)
    await bench.skip(2 * 86_400)
    await bench.session_starts(started=over.expire_time - SOON, reservation_id=over.wire_id)
    after = await until(bench, command, lambda r: r.state is ReservationState.USED)
    assert after.cause == EndCause.SESSION_USED_IT
    await run_ends(bench, command)


async def test_a_driver_who_begins_after_the_station_removed_it_has_come(bench: Bench) -> None:
    command = await held(bench)
    await bench.skip(1)
    await reports(bench, command, "Removed")
    await until(bench, command, lambda r: r.state is ReservationState.LOST)
    await run_ends(bench, command)
    await bench.skip(5)
    session = await bench.session_starts()
    after = await until(bench, command, lambda r: r.state is ReservationState.USED)
    assert after.transaction == session.name
    await run_ends(bench, command)


async def test_a_session_that_corrects_nothing_starts_no_workflow(bench: Bench) -> None:
    command, over = await expired(bench)
    before = await run_of(bench, command)
    await bench.skip(60)
    session = await bench.session_starts()
    await bench.session_ends(session)
    assert await reservation(bench, command) == over
    assert await run_of(bench, command) == before
