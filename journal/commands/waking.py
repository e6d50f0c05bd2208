"""Wakes the workflows of the waiting commands that a station's message may concern.

A message that changes no fact wakes nobody: a station that repeats itself sixteen times a second
would make its commands read the same facts as often. The status of a connector is different: told
anew it proves something to whoever waits for that, a reset after its boot, or a reservation that is
shown although it has ended.

A gateway calls `wake_concerned` in the transaction that writes the fact. It adds rows to the outbox
of signals, and notes the message as evidence for the explanations of the commands. A wake-up
carries nothing: the workflow reads the facts itself. The rules of each frame's command decide whom
a message concerns (see `domain/evidence/station_event.py`). Only what they need is read here.
"""

from datetime import datetime

from domain.commands.table import COMMANDS
from domain.evidence.restart import ConnectorReport
from domain.evidence.station_event import (
    Concern,
    EventKind,
    OpenFrame,
    all_reported_since,
    cable_wait_is_over,
)
from domain.evidence.station_event import StationEvent as StationEvent  # noqa: PLC0414
from domain.limits import CLEARING
from domain.model.command import CompensationState, State
from domain.model.specs import Kind
from domain.ocpp_words import ConnectorStatus
from fleet import sends, stations, wakeups
from fleet.engine.statements import Tx
from fleet.log import commands as log
from fleet.sends import Send
from fleet.wakeups import Start
from journal.commands.restart import connector_report
from journal.commands.resuming import start_anew
from journal.explain.writing import add_note
from journal.reservations.waking import (
    wake_corrected,
    wake_reservations,
    wake_uncleared,
)
from journal.station_events import evidence

_UNANSWERED = {"INTENT", "LOST"}
_KNOWN_KINDS = {kind.value for kind in Kind}


async def wake_concerned(tx: Tx, event: StationEvent, now: datetime) -> bool:
    """Puts a wake-up into the outbox for each command that `event` may concern.

    Call it in the transaction that writes the fact, commit, then `WakeupDispatcher.kick()`.

    Returns whether there is anything to signal.
    """
    if event.changes_nothing and event.what == EventKind.TRANSACTION:
        return False  # who reads the facts again reads the same
    ended = await wake_corrected(tx, event, now)
    busy, has_ended = await sends.busy(tx, event.station, since=now - CLEARING)
    if has_ended:
        ended = await wake_uncleared(tx, event.station, event.what, now) or ended
    if not busy and event.status != ConnectorStatus.RESERVED:
        return ended
    woken = await wake_reservations(
        tx,
        event.station,
        event.what,
        now,
        evse_id=event.evse_id,
        status=event.status,
        wire_id=event.reservation_id,
    )
    return await _wake_commands(tx, event, now) or woken or ended


async def _wake_commands(tx: Tx, event: StationEvent, now: datetime) -> bool:
    concerned: dict[str, tuple[str, str]] = {}
    anew: dict[str, Start | None] = {}
    for send in await sends.open_for_station(tx, event.station):
        if send.watched_until is not None and send.watched_until < now:
            await sends.close(tx, send.tenant, send.command)
        elif send.workflow_id not in concerned and await _concerns(tx, event, send):
            concerned[send.workflow_id] = (send.tenant, send.command)
            anew[send.workflow_id] = await start_anew(tx, send) if send.watched_until else None
    if event.what in {EventKind.CONNECTED, EventKind.BOOTED} or event.names_session:
        waiting = await log.waiting(tx, event.station, (State.QUEUED.value,))
        concerned |= {workflow_id: (tenant, name) for tenant, name, workflow_id in waiting}
    for workflow_id, (tenant, name) in sorted(concerned.items()):
        await wakeups.add(tx, workflow_id, event.what, now, anew.get(workflow_id))
        await add_note(tx, tenant, name, evidence(event, now), now)
    return bool(concerned)


async def _concerns(tx: Tx, event: StationEvent, send: Send) -> bool:
    """Whether the rules of the frame's command say that the event may matter to it."""
    if send.kind not in _KNOWN_KINDS:
        return True  # written by a newer version of this program: in doubt its workflow is woken
    match COMMANDS[Kind(send.kind)].concern(event, _open_frame(send)):
        case Concern.YES:
            return True
        case Concern.NO:
            return False
        case Concern.IF_UNDOING:
            return await _is_undoing(tx, send)
        case Concern.IF_CABLE_WAIT_ENDED if event.changes_nothing:
            return False
        case Concern.IF_CABLE_WAIT_ENDED:
            return cable_wait_is_over(await _connectors(tx, event.station), event.evse_id)
        case Concern.IF_ALL_REPORTED:
            return await _all_reported(tx, event, send)


def _open_frame(send: Send) -> OpenFrame:
    return OpenFrame(
        number=send.number,
        evse_id=send.evse_id,
        token_digest=send.token_digest,
        group_digest=send.group_digest,
        named_id=send.named_id,
        undo=send.undo,
        answered=send.state not in _UNANSWERED,
    )


async def _all_reported(tx: Tx, event: StationEvent, send: Send) -> bool:
    station = await stations.get(tx, event.station)
    booted = station.boot_time if station else None
    if booted is None or booted < send.send_time:
        return False  # saves the second query, which most reports after a frame would make
    return all_reported_since(await _connectors(tx, event.station), booted, send.send_time)


async def _connectors(tx: Tx, station: str) -> list[ConnectorReport]:
    return [connector_report(row) for row in await stations.connectors(tx, station)]


async def _is_undoing(tx: Tx, send: Send) -> bool:
    """Whether the frame's command still has something to undo at the station that came back."""
    newest = await log.latest(tx, tenant=send.tenant, name=send.command)
    if newest is None:
        return False
    compensation = newest.snapshot.get("compensation") or {}
    return (
        newest.snapshot.get("state") == State.COMPENSATING.value
        or compensation.get("state") == CompensationState.PENDING.value
    )
