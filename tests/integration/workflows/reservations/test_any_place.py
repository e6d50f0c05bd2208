"""A reservation of any EVSE that has ended, and an EVSE that is shown as reserved again."""

import pytest

from domain.model.command import Command, WaitFor
from domain.model.specs import Kind
from domain.reservations.reservation import ReservationState
from tests.support.benches.command_bench import Bench
from tests.support.benches.hold_bench import (
    cancel_command,
    passes,
    reservation,
    reserve_command,
    run_ends,
    until,
)
from tests.support.scripted_gateway import accepted, answers

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def cancelled(bench: Bench) -> Command:
    """A reservation of any EVSE that was held, and then cancelled at the station."""
    bench.gateway.plays = [answers(accepted())]
    command = await reserve_command(bench, evse_id=None)
    await bench.submit(command, WaitFor.OUTCOME)
    await until(bench, command, lambda known: known.state is ReservationState.HELD)
    bench.gateway.plays = [answers(accepted())]
    await bench.submit(await cancel_command(bench, command), WaitFor.OUTCOME)
    await until(bench, command, lambda known: known.ended)
    await run_ends(bench, command)
    await bench.skip(60)
    return command


async def test_a_revived_hold_of_any_place_is_cancelled_again(bench: Bench) -> None:
    command = await cancelled(bench)
    bench.gateway.plays = [answers(accepted())]
    await bench.connector("Reserved")
    await passes(bench, command, lambda _: len(bench.gateway.frames) == 3)
    await run_ends(bench, command)
    again = bench.gateway.frames[-1]
    assert (again.kind, again.command) == (
        Kind.CANCEL_RESERVATION,
        (await reservation(bench, command)).name,
    )


async def test_a_place_that_is_reserved_again_is_looked_at_when_its_station_is_back(
    bench: Bench,
) -> None:
    """Shown while nobody could be reached: the station's return wakes what it may hold."""
    command = await cancelled(bench)
    await bench.connector("Reserved")
    await bench.disconnect()
    await run_ends(bench, command)
    bench.gateway.plays = [answers(accepted())]
    await bench.connect()
    await passes(bench, command, lambda _: len(bench.gateway.frames) == 3)
    await run_ends(bench, command)


async def test_a_place_that_another_reservation_keeps_wakes_none_of_any_place(
    bench: Bench,
) -> None:
    """What the station shows is the other one's; another place is not."""
    await cancelled(bench)
    bench.gateway.plays = [answers(accepted())]
    other = await reserve_command(bench, evse_id=1)
    await bench.submit(other, WaitFor.OUTCOME)
    await until(bench, other, lambda known: known.state is ReservationState.HELD)
    await bench.connector("Reserved")
    await bench.skip(60)
    assert len(bench.gateway.frames) == 3
