"""What the station's own back end (CSMS) does to a reservation of ours."""

import pytest

from domain.model.answers import StationAnswer, Verdict
from domain.model.specs import Kind
from domain.reservations.reservation import Reservation, ReservationState
from domain.reservations.transitions import EndCause
from fleet.back_end import calls
from fleet.back_end.calls import NewCall
from fleet.engine.statements import Tx
from journal.back_end import deciding
from tests.integration.workflows.reservations.test_reservation_story import held
from tests.support.benches.command_bench import Bench
from tests.support.benches.hold_bench import reservation, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

ACCEPTED = StationAnswer(Verdict.ACCEPTED, "Accepted")
REJECTED = StationAnswer(Verdict.REJECTED, "Rejected")


async def their_cancel(bench: Bench, known: Reservation, answer: StationAnswer) -> None:
    """The back end cancels a reservation by its number, and the station answers."""
    now = await bench.now()

    async def write(tx: Tx) -> None:
        kind = Kind.CANCEL_RESERVATION
        call = NewCall(known.tenant, known.station, kind.value, now, number=known.wire_id)
        await deciding.answered(tx, await calls.keep(tx, call), kind, answer, now)

    await bench.commit(write)


async def test_a_reservation_that_the_back_end_cancels_is_lost_and_not_made_again(
    bench: Bench,
) -> None:
    command = await held(bench)
    await their_cancel(bench, await reservation(bench, command), ACCEPTED)
    known = await until(bench, command, lambda each: each.ended)
    assert (known.state, known.cause) == (
        ReservationState.LOST,
        EndCause.CANCELLED_BY_BACK_END,
    )
    assert len(bench.gateway.frames) == 1


async def test_a_cancel_of_the_back_end_that_the_station_refused_ends_nothing(
    bench: Bench,
) -> None:
    command = await held(bench)
    await their_cancel(bench, await reservation(bench, command), REJECTED)
    assert (await reservation(bench, command)).state is ReservationState.HELD


async def test_a_session_that_names_a_reservation_of_the_back_end_uses_none_of_ours(
    bench: Bench,
) -> None:
    command = await held(bench)
    known = await reservation(bench, command)
    now = await bench.now()

    async def write(tx: Tx) -> None:
        kind = Kind.RESERVE_NOW
        call = NewCall(known.tenant, known.station, kind.value, now, number=7)
        await deciding.answered(tx, await calls.keep(tx, call), kind, ACCEPTED, now)

    await bench.commit(write)
    await bench.session_starts(reservation_id=7)
    await bench.skip(60)
    assert (await reservation(bench, command)).state is ReservationState.HELD
