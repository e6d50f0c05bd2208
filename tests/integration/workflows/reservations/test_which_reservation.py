"""Which reservation a session has used that names none, or one that nobody has."""

import pytest

from domain.model.command import WaitFor
from domain.reservations.reservation import ReservationState
from domain.reservations.transitions import EndCause
from tests.integration.workflows.reservations.test_reservation_story import held, is_end
from tests.support.benches.command_bench import Bench, rejected
from tests.support.benches.hold_bench import reservation, reserve_command, run_ends, until
from tests.support.scripted_gateway import accepted, answers

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_one_session_uses_one_of_its_drivers_reservations(bench: Bench) -> None:
    first = await held(bench)
    bench.gateway.plays = [answers(accepted())]
    second = await reserve_command(bench)
    await bench.submit(second, WaitFor.OUTCOME)
    await until(bench, second, lambda r: r.state is ReservationState.HELD)
    bench.gateway.plays = [answers(rejected())] * 2
    session = await bench.session_starts()
    known = await until(bench, first, lambda r: r.ended)
    assert (known.cause, known.transaction) == (EndCause.SESSION_OF_ITS_TOKEN, session.name)
    await bench.skip(60)
    assert (await reservation(bench, second)).state is ReservationState.HELD
    await run_ends(bench, second, 3_600)
    assert is_end(await reservation(bench, second), ReservationState.EXPIRED, EndCause.TIME_OVER)


async def test_a_number_that_no_reservation_of_the_station_has_names_none(bench: Bench) -> None:
    command = await held(bench)
    assert command.reserve is not None
    bench.gateway.plays = [answers(rejected())]
    session = await bench.session_starts(reservation_id=command.reserve.wire_id + 1_000_000)
    known = await until(bench, command, lambda r: r.ended)
    assert is_end(known, ReservationState.USED, EndCause.SESSION_OF_ITS_TOKEN)
    assert known.transaction == session.name
    await run_ends(bench, command)
