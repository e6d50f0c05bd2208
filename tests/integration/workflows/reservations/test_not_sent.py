"""A reservation's frame that is certainly not sent is tried again, but not without a pause."""

from datetime import timedelta

import pytest

from domain.model.outcomes import Cause
from domain.model.specs import Kind
from tests.integration.workflows.reservations.test_reservation_story import held
from tests.support.benches.command_bench import Bench
from tests.support.benches.hold_bench import run_ends
from tests.support.scripted_gateway import accepted, answers, not_sent

pytestmark = pytest.mark.asyncio(loop_scope="session")

SKIPPED_S = 20


@pytest.mark.parametrize("cause", [Cause.STATION_QUEUE_FULL, Cause.GATEWAY_UNREACHABLE])
async def test_a_cancel_that_is_not_sent_is_tried_again_after_a_pause(
    bench: Bench, cause: Cause
) -> None:
    command = await held(bench, ttl=timedelta(minutes=10))
    bench.gateway.plays = [not_sent(cause.value, retry=True)] * 200
    await bench.skip(600)
    await bench.skip(SKIPPED_S)
    tries = len(bench.gateway.frames) - 1
    assert 2 <= tries <= SKIPPED_S
    bench.gateway.plays = [answers(accepted())]
    await run_ends(bench, command)
    assert bench.gateway.frames[-1].kind is Kind.CANCEL_RESERVATION
