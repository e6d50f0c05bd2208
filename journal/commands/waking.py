"""Which waiting commands a station's message may concern: they are woken, never told.

A gateway calls `wake_concerned` in the transaction that writes the fact. It adds rows to the outbox
of signals, and notes the message as evidence for the commands' stories; the workflow then reads the
facts itself. Waking one too many costs a little history, waking one too few costs until the next
deadline: so in doubt it wakes.
"""

from datetime import datetime

from domain.model.command import CompensationState, State
from domain.model.specs import Kind
from fleet import sends, stations, wakeups
from fleet.engine.statements import Tx
from fleet.log import commands as log
from fleet.sends import Send
from journal.explain.writing import add_note
from journal.reservations.waking import wake_reservations, wake_uncleared
from journal.station_events import StationEvent as StationEvent  # noqa: PLC0414
from journal.station_events import evidence

_NOT_OF_SESSIONS = {Kind.UNLOCK_CONNECTOR.value, Kind.RESET.value}
_UNANSWERED = {"INTENT", "LOST"}


async def wake_concerned(tx: Tx, event: StationEvent, now: datetime) -> bool:
    """Puts a wake-up into the outbox for each command that `event` may concern.

    Call it in the transaction that writes the fact, commit, then `WakeupDispatcher.kick()`.

    Returns whether there is anything to signal.
    """
    uncleared = await wake_uncleared(tx, event.station, event.what, now)
    if not await sends.busy(tx, event.station) and event.status != "Reserved":
        return uncleared
    woken = await wake_reservations(
        tx,
        event.station,
        event.what,
        now,
        evse_id=event.evse_id,
        status=event.status,
        wire_id=event.reservation_id,
    )
    return await _wake_commands(tx, event, now) or woken or uncleared


async def _wake_commands(tx: Tx, event: StationEvent, now: datetime) -> bool:
    concerned: dict[str, tuple[str, str]] = {}
    for send in await sends.open_for_station(tx, event.station):
        if send.workflow_id not in concerned and await _concerns(tx, event, send):
            concerned[send.workflow_id] = (send.tenant, send.command)
    if event.what in {"connected", "booted"}:
        waiting = await log.waiting(tx, event.station, (State.QUEUED.value,))
        concerned |= {workflow_id: (tenant, name) for tenant, name, workflow_id in waiting}
    for workflow_id, (tenant, name) in sorted(concerned.items()):
        await wakeups.add(tx, workflow_id, event.what, now)
        await add_note(tx, tenant, name, evidence(event, now), now)
    return bool(concerned)


async def _concerns(tx: Tx, event: StationEvent, send: Send) -> bool:
    match event.what:
        case "transaction":
            return _transaction_concerns(event, send)
        case "connector_status":
            return await _connector_concerns(tx, event, send)
        case "answer":
            return event.remote_start_id in {None, send.id}
        case "connected" | "booted":
            is_restart = event.what == "booted" and send.kind == Kind.RESET.value
            return is_restart or await _return_concerns(tx, send)
        case "connection_timeout":
            return send.kind == Kind.START_SESSION.value
        case "reservation":
            holds = {Kind.RESERVE_NOW.value, Kind.CANCEL_RESERVATION.value}
            return send.kind in holds and send.wire_id == str(event.reservation_id)
        case _:
            return False


def _transaction_concerns(event: StationEvent, send: Send) -> bool:
    if send.kind in _NOT_OF_SESSIONS:
        return False
    if send.kind == Kind.STOP_SESSION.value:
        same_evse = send.evse_id is not None and send.evse_id == event.evse_id
        return same_evse or event.wire_id in {None, send.wire_id}
    if event.remote_start_id is not None:
        return event.remote_start_id == send.id
    if None not in (send.evse_id, event.evse_id) and send.evse_id != event.evse_id:
        return False
    given = {event.token_digest, event.group_digest} - {None, ""}
    return not given or bool(given & {send.token_digest, send.group_digest})


async def _connector_concerns(tx: Tx, event: StationEvent, send: Send) -> bool:
    """A start whose cable was awaited: only "back to Available" can matter to it."""
    if send.kind == Kind.RESET.value:
        return await _restart_concerns(tx, event, send)
    if send.kind != Kind.START_SESSION.value or send.evse_id is None:
        return False
    if send.evse_id != event.evse_id:
        return False
    connectors = await stations.connectors(tx, event.station)
    return any(
        connector.status == "Available" and connector.previous_status == "Preparing"
        for connector in connectors
        if connector.evse_id == event.evse_id
    )


async def _restart_concerns(tx: Tx, event: StationEvent, send: Send) -> bool:
    """A reset of this EVSE, or of a station of which every connector has reported since it booted.

    A reset that was put off is followed for days: nothing else may wake it.
    """
    if send.evse_id is not None:
        return send.evse_id == event.evse_id
    station = await stations.get(tx, event.station)
    booted = station.boot_time if station else None
    if booted is None or booted < send.send_time:
        return False
    connectors = await stations.connectors(tx, event.station)
    return all(
        connector.reported_time is not None and connector.reported_time >= booted
        for connector in connectors
        if connector.evse_id > 0
    )


async def _return_concerns(tx: Tx, send: Send) -> bool:
    """A station came back: who lost its answer, or still has something to undo?"""
    if send.undo or send.kind == Kind.STOP_SESSION.value or send.state in _UNANSWERED:
        return True
    newest = await log.latest(tx, tenant=send.tenant, name=send.command)
    if newest is None:
        return False
    compensation = newest.snapshot.get("compensation") or {}
    return (
        newest.snapshot.get("state") == State.COMPENSATING.value
        or compensation.get("state") == CompensationState.PENDING.value
    )
