"""Records what happened to a reservation: the only writer of its snapshots in the event log.

Everything that begins or ends a reservation is recorded here, in the transaction of the fact that
says so. A reservation that is held has a workflow. The same transaction puts the start of that
workflow into the outbox, so no reservation is ever held without its timer.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from contract import names
from domain.model.command import Code, Command, State
from domain.reservations import transitions as changes
from domain.reservations.reservation import Reservation, ReservationState
from fleet.engine.statements import Tx
from fleet.log import reservations
from fleet.log.book import Columns
from journal.reservations.starting import RESERVATION_KIND, wake_reservation


def to_snapshot(reservation: Reservation) -> dict[str, Any]:
    """The reservation as the JSON that the log keeps."""
    snapshot: dict[str, Any] = msgspec.to_builtins(reservation)
    return snapshot


def from_snapshot(snapshot: dict[str, Any]) -> Reservation:
    """The reservation that a snapshot of the log describes."""
    return msgspec.convert(snapshot, Reservation)


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

    def changed(snapshot: dict[str, Any] | None) -> dict[str, Any] | None:
        before = initial if snapshot is None else from_snapshot(snapshot)
        if before is None:
            return None
        after = change(before)
        return None if snapshot is not None and after is before else to_snapshot(after)

    entry = await reservations.BOOK.append(
        tx, tenant=tenant, name=name, key=key, change=changed, columns=_columns, now=now
    )
    return None if entry is None else from_snapshot(entry.snapshot)


async def follow(tx: Tx, command: Command, now: datetime) -> None:
    """What a command's newest change means for the reservation that it makes or ends."""
    if command.reserve is not None:
        await _follow_request(tx, command, now)
    elif command.cancel_reservation is not None:
        await _follow_cancel(tx, command, now)


async def _follow_request(tx: Tx, command: Command, now: datetime) -> None:
    spec = command.reserve
    if spec is None or not spec.reservation:
        return
    workflow_id = names.reservation_workflow_id(command.tenant, spec.reservation)
    after = await record(
        tx,
        tenant=command.tenant,
        name=spec.reservation,
        key=f"command:{command.revision}",
        change=lambda known: changes.follow_request(known, command, now),
        now=now,
        initial=changes.requested(command, spec.reservation, workflow_id),
    )
    fresh = command.state is State.DONE and after is not None
    if fresh and after is not None and after.state is ReservationState.HELD:
        await wake_reservation(tx, after, "held", now)


async def _follow_cancel(tx: Tx, command: Command, now: datetime) -> None:
    spec, outcome = command.cancel_reservation, command.outcome
    if spec is None or spec.resolved_reservation is None:
        return
    if command.state is not State.DONE or outcome is None or outcome.code is not Code.SUCCEEDED:
        return
    after = await record(
        tx,
        tenant=command.tenant,
        name=spec.resolved_reservation,
        key=f"cancelled:{command.name}",
        change=lambda known: changes.cancelled(known, spec.reason, now),
        now=now,
    )
    if after is not None and after.state is ReservationState.CANCELLED:
        await wake_reservation(tx, after, "cancelled", now)


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
