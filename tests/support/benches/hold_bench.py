"""Reservations on a command bench: what makes, uses, changes and ends a hold."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle

from contract import names
from contract.commands import UpdateResult
from contract.reservations import ChangeInput, ReservationResult
from domain.model.command import Command
from domain.model.specs import CancelReservationSpec, Kind, ReserveSpec
from domain.reservations.reservation import Reservation
from fleet import stations
from fleet.engine.statements import Tx
from fleet.log import reservations
from journal.commands.waking import StationEvent, wake_concerned
from journal.reservations import record as reservation_recorder
from tests.support.benches.command_bench import TENANT, TOKEN, Bench


async def reserve_command(
    bench: Bench, *, ttl: timedelta = timedelta(hours=1), evse_id: int | None = 1, **changed: Any
) -> Command:
    """A ReserveNow that was accepted but not yet submitted."""
    now, name = await bench.now(), secrets.token_hex(12)
    async with bench.db.write() as tx:
        wire_id = await reservations.mint(
            tx, tenant=TENANT, reservation=name, station=bench.station, now=now
        )
    spec = ReserveSpec(
        TOKEN,
        expire_time=now + ttl,
        evse_id=evse_id,
        reservation=name,
        wire_id=wire_id,
    )
    return replace(await bench.command(Kind.RESERVE_NOW), reserve=spec, **changed)


async def cancel_command(bench: Bench, reserve: Command, **changed: Any) -> Command:
    """A CancelReservation of what a ReserveNow made."""
    assert reserve.reserve is not None
    spec = CancelReservationSpec(
        reserve.reserve.wire_id,
        reservation=f"reservations/{reserve.reserve.reservation}",
        found_reservation=reserve.reserve.reservation,
        reason="plans changed",
    )
    command = await bench.command(Kind.CANCEL_RESERVATION)
    return replace(command, cancel_reservation=spec, **changed)


def reservation_of(command: Command) -> str:
    """Our id of the reservation that a ReserveNow makes."""
    assert command.reserve is not None
    return command.reserve.reservation


async def reservation(bench: Bench, command: Command) -> Reservation:
    """The reservation as the log shows it."""
    async with bench.db.read() as tx:
        entry = await reservations.get(tx, tenant=TENANT, name=reservation_of(command))
    assert entry is not None
    return reservation_recorder.from_snapshot(entry.snapshot)


async def until(
    bench: Bench,
    command: Command,
    condition: Callable[[Reservation], bool],
    timeout_s: float = 15,
) -> Reservation:
    """Waits for the log to show what is expected of the reservation."""
    seen: Reservation | None = None
    try:
        async with asyncio.timeout(timeout_s), bench.db.watch() as news:
            while True:
                with contextlib.suppress(AssertionError):
                    seen = await reservation(bench, command)
                    if condition(seen):
                        return seen
                await news.wait(0.1)
    except TimeoutError:
        raise AssertionError(f"never seen: the reservation stayed {seen}") from None


def handle(bench: Bench, command: Command) -> WorkflowHandle[Any, ReservationResult]:
    """The reservation's workflow."""
    workflow_id = names.reservation_workflow_id(TENANT, reservation_of(command))
    found: WorkflowHandle[Any, ReservationResult] = bench.client.get_workflow_handle(
        workflow_id, result_type=ReservationResult
    )
    return found


async def run_ends(bench: Bench, command: Command, after_s: float = 0.0) -> ReservationResult:
    """Lets so much time pass, and waits for the end of the reservation's workflow."""
    if after_s:
        await bench.skip(after_s)
    async with asyncio.timeout(20):
        return await handle(bench, command).result()


async def passes(
    bench: Bench, command: Command, condition: Callable[[Reservation], bool], step_s: float = 15
) -> Reservation:
    """Lets time pass, step by step, until the log shows what is expected."""
    for _ in range(20):
        with contextlib.suppress(AssertionError):
            return await until(bench, command, condition, timeout_s=0.5)
        await bench.skip(step_s)
    return await until(bench, command, condition, timeout_s=0.5)


async def change(bench: Bench, command: Command, asked: ChangeInput) -> Reservation:
    """UpdateReservation, as the broker does it."""
    await handle(bench, command).execute_update(
        names.CHANGE_UPDATE, asked, id=asked.request_id, result_type=UpdateResult
    )
    return await reservation(bench, command)


async def reports(bench: Bench, command: Command, status: str) -> None:
    """A 2.x station tells about the end of the hold."""
    assert command.reserve is not None
    wire_id, now = command.reserve.wire_id, await bench.now()

    async def write(tx: Tx) -> None:
        await reservations.report(
            tx, station=bench.station, wire_id=wire_id, status=status, now=now
        )
        event = StationEvent(bench.station, "reservation", reservation_id=wire_id)
        await wake_concerned(tx, event, now)

    await bench.commit(write)


async def reboots(bench: Bench, version: str = "1.6") -> None:
    """The station restarts and boots on a new socket."""
    await bench.disconnect()
    await bench.connect(version)
    now = await bench.now()

    async def write(tx: Tx) -> None:
        await stations.record_boot(
            tx,
            bench.station,
            state="ACCEPTED",
            vendor="v",
            model="m",
            serial_number="",
            firmware_version="",
            ocpp_version=version,
            now=now,
        )
        await wake_concerned(tx, StationEvent(bench.station, "booted"), now)

    await bench.commit(write)
