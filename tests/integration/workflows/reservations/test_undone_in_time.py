"""A ReserveNow that is given up, and whose cancel waits at a gateway for its turn."""

from datetime import timedelta

import pytest

from domain.model.command import Code, CompensationState
from domain.model.outcomes import Cause
from domain.model.specs import Kind
from fleet.log import commands
from journal.commands.record import from_snapshot
from tests.support.benches.command_bench import TENANT, Bench
from tests.support.benches.hold_bench import passes, reserve_command
from tests.support.scripted_gateway import accepted, answers, has_code, loses, not_sent

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_caller_waits_no_longer_than_promised_for_a_cancel_in_the_queue(
    bench: Bench,
) -> None:
    """The station's back end may be silent to its boot: nothing leaves then."""
    silent = not_sent(Cause.BOOT_NOT_ACCEPTED.value)
    bench.gateway.plays = [loses(), loses(), loses(), silent, answers(accepted())]
    command = await reserve_command(bench)
    await bench.submit(command)
    await passes(bench, command, lambda known: known.ended)
    async with bench.db.read() as tx:
        entries = await commands.history(tx, tenant=TENANT, name=command.name)
    told = [from_snapshot(entry.snapshot) for entry in entries]
    undoing = next(c for c in told if c.compensation.state is CompensationState.PENDING)
    assert undoing.compensation.update_time is not None
    leaves_by = undoing.compensation.update_time + timedelta(seconds=bench.timing.effect_margin_s)
    cancels = bench.gateway.frames[3:]
    assert [frame.kind for frame in cancels] == [Kind.CANCEL_RESERVATION] * 2
    assert cancels[0].not_after <= leaves_by
    assert has_code(await bench.seen(command), Code.NO_EFFECT)
