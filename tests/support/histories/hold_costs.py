"""What a reservation costs, by how it ends: stories for the cost card and for its test."""

import asyncio
import contextlib
from datetime import timedelta

from temporalio.api.enums.v1 import EventType
from temporalio.service import RPCError

from domain.model.command import Command, WaitFor
from domain.reservations.reservation import ReservationState
from tests.support.benches.command_bench import Bench
from tests.support.benches.hold_bench import cancel_command, handle, reserve_command, until
from tests.support.histories.costs import Cost, cost_of
from tests.support.scripted_gateway import accepted, answers, rejected


async def _held(bench: Bench, ttl: timedelta = timedelta(hours=1)) -> Command:
    bench.gateway.plays = [answers(accepted())]
    command = await reserve_command(bench, ttl=ttl)
    await bench.submit(command, WaitFor.OUTCOME)
    await until(bench, command, lambda r: r.state is ReservationState.HELD)
    await _cared_for(bench, command)
    return command


async def _cared_for(bench: Bench, command: Command) -> None:
    """The reservation's workflow waits for the end of the hold."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(RPCError):  # it may not have begun
                history = await handle(bench, command).fetch_history()
                if any(e.event_type == EventType.EVENT_TYPE_TIMER_STARTED for e in history.events):
                    return
            await asyncio.sleep(0.05)


async def reserve(bench: Bench) -> Cost:
    """A ReserveNow that the station accepts."""
    return await cost_of(bench.handle(await _held(bench)))


async def cancel(bench: Bench) -> Cost:
    """A CancelReservation of a held reservation."""
    command = await cancel_command(bench, await _held(bench))
    bench.gateway.plays = [answers(accepted())]
    await bench.submit(command, WaitFor.OUTCOME)
    return await cost_of(bench.handle(command))


async def to_expiry(bench: Bench) -> Cost:
    """The life of a hold that nobody uses, with the courtesy of a cancel at its end."""
    command = await _held(bench, timedelta(seconds=2))
    bench.gateway.plays = [answers(rejected())]
    return await cost_of(handle(bench, command))


async def to_use(bench: Bench) -> Cost:
    """The life of a hold that a session uses."""
    command = await _held(bench)
    assert command.reserve is not None
    await bench.session_starts(reservation_id=command.reserve.wire_id)
    return await cost_of(handle(bench, command))


async def to_cancellation(bench: Bench) -> Cost:
    """The life of a hold that is cancelled."""
    command = await _held(bench)
    bench.gateway.plays = [answers(accepted())]
    await bench.submit(await cancel_command(bench, command), WaitFor.OUTCOME)
    return await cost_of(handle(bench, command))


HOLD_CARD = (
    ("reserve_now", reserve, 15, 7),
    ("cancel_reservation", cancel, 15, 7),
    ("reservation_to_expiry", to_expiry, 22, 10),
    ("reservation_to_use", to_use, 22, 10),
    ("reservation_to_cancellation", to_cancellation, 22, 10),
)
"""Name, story, and what it may cost: events and state transitions."""
