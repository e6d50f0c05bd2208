"""Records what happened to a reservation: the only writer of its snapshots in the event log.

Everything that begins or ends a reservation is recorded here, in the transaction of the fact that
says so. A reservation that is held has a workflow. The same transaction puts the start of that
workflow into the outbox, so no reservation is ever held without its timer.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from contract import names
from domain.commands.rules import ReservationUpdate
from domain.commands.table import rules_of
from domain.model.command import Command, CompensationState
from domain.reservations.reservation import Reservation, ReservationState
from fleet.engine.statements import Tx
from fleet.log import reservations
from fleet.log.event_log import Columns
from journal.bookings.waking import wake_holder
from journal.reservations.starting import RESERVATION_KIND, wake_reservation


def to_snapshot(reservation: Reservation) -> dict[str, Any]:
    """The reservation as the JSON that the log keeps."""
    snapshot: dict[str, Any] = msgspec.to_builtins(reservation)
    return snapshot


def from_snapshot(snapshot: dict[str, Any]) -> Reservation:
    """The reservation that a snapshot of the log describes."""
    return msgspec.convert(snapshot, Reservation)


async def open_at(tx: Tx, station: str) -> list[Reservation]:
    """The reservations of a station that have not ended."""
    return [from_snapshot(entry.snapshot) for entry in await reservations.open_at(tx, station)]


async def record(
    tx: Tx,
    *,
    tenant: str,
    name: str,
    key: str,
    change: Callable[[Reservation], Reservation],
    now: datetime,
    initial: Reservation | None = None,
) -> Reservation | None:
    """Applies `change` to the newest snapshot, and writes the result if it is another one.

    key: the same key of the same reservation is written once.
    initial: the reservation to begin with when the log does not have it yet; it is written then.

    Returns the reservation as the log has it now. None: the log does not have it.
    """

    wakes = ""  # the caller whose booking it concerns

    def changed(snapshot: dict[str, Any] | None) -> dict[str, Any] | None:
        nonlocal wakes
        before = initial if snapshot is None else from_snapshot(snapshot)
        if before is None:
            return None
        after = change(before)
        if snapshot is not None and after is before:
            return None
        wakes = after.caller
        return to_snapshot(after)

    entry = await reservations.RESERVATIONS.append(
        tx, tenant=tenant, name=name, key=key, change=changed, columns=_columns, now=now
    )
    await wake_holder(tx, tenant, wakes, now)
    return None if entry is None else from_snapshot(entry.snapshot)


async def follow(tx: Tx, command: Command, now: datetime) -> None:
    """Records what a command's newest change means for the reservation that it makes or ends."""
    update = rules_of(command).reservation_update(command, now)
    if update is not None:
        await _apply(tx, command.tenant, update, now)


async def end_requested(tx: Tx, command: Command, now: datetime) -> None:
    """Ends the reservation that is still REQUESTED when late evidence is not acted on any longer.

    A command whose undoing is done changes no more when its time is over, so `follow` is not called
    then. Without this, the reservation would stay REQUESTED for ever.
    """
    update = rules_of(command).reservation_update(command, now)
    if update is None:
        return
    entry = await reservations.get(tx, tenant=command.tenant, name=update.reservation)
    if entry is None or from_snapshot(entry.snapshot).state is not ReservationState.REQUESTED:
        return
    # Where the station said that it holds nothing, the reservation's own workflow has no work.
    undone = command.compensation.state is CompensationState.DONE
    wakes = frozenset() if undone else update.wake_states
    at_last = replace(update, key="guard_ended", wake_states=wakes)
    await _apply(tx, command.tenant, at_last, now)


async def _apply(tx: Tx, tenant: str, update: ReservationUpdate, now: datetime) -> None:
    after = await record(
        tx,
        tenant=tenant,
        name=update.reservation,
        key=update.key,
        change=update.change,
        now=now,
        initial=_with_workflow(update.initial),
    )
    if after is not None and after.state in update.wake_states:
        await wake_reservation(tx, after, update.reason, now)


def _with_workflow(initial: Reservation | None) -> Reservation | None:
    if initial is None:
        return None
    workflow_id = names.reservation_workflow_id(initial.tenant, initial.name)
    return replace(initial, workflow_id=workflow_id)


def _columns(snapshot: dict[str, Any]) -> Columns:
    reservation = from_snapshot(snapshot)
    return Columns(
        station=reservation.station,
        kind=RESERVATION_KIND,
        state=reservation.state.value,
        outcome_code="",
        create_time=reservation.create_time,
        workflow_id=reservation.workflow_id,
        more={
            "wire_id": reservation.wire_id,
            "evse_id": reservation.evse_id,
            "end_time": reservation.end_time,
            "command": reservation.command,
        },
    )
