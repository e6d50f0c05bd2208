"""Reads from the fleet what a reset is judged by: boots, sockets, sessions and connectors."""

from datetime import datetime, timedelta

from domain.back_end.commands import LATEST_RESTART
from domain.evidence.restart import ConnectorReport, RestartFacts, is_owed_boot
from domain.limits import BOOT_LATE
from domain.model.command import State
from fleet import connections, sends, stations, transactions
from fleet.connections import Connection
from fleet.connectors import StationConnector
from fleet.engine.statements import Tx
from fleet.log.changes import boot_was_told
from fleet.sends import Send
from fleet.stations import Station
from journal.back_end.reading import may_be_their_reset
from journal.commands import record
from journal.commands.sessions import session_of
from journal.reports import gaps_since

_LONGEST_SESSION = timedelta(days=30)
"""How far back a session may have begun that still ran when the frame left: bounds the query."""

_LONGEST_AWAITED = timedelta(days=30)
"""How far back a reset may have been sent that still waits for its boot: bounds the query."""


async def read_restart(
    tx: Tx, station_id: str, evse_id: int | None, sent: Send, now: datetime
) -> RestartFacts:
    """What came after the frame of a reset. evse_id: None when the whole station restarts."""
    station = await stations.get(tx, station_id)
    socket = await connections.latest(tx, station_id)
    held = await connections.holder(tx, station_id, now=now) is not None
    newer = socket is not None and socket.epoch > sent.epoch
    lost = socket.disconnected_time if socket else None
    booted = _boot_since(station, sent)
    return RestartFacts(
        boot_time=booted,
        boot_reason=station.boot_reason if station and booted else "",
        boot_is_newer=newer and _came_on(station, socket),
        boot_may_be_late=await _may_be_late(tx, station, socket, sent),
        boot_owed=await _is_owed(tx, sent, booted),
        theirs=await _may_be_theirs(tx, evse_id, sent, booted, now),
        same_socket=held and not newer,
        connected=held,
        connected_time=socket.connected_time if socket else None,
        down_time=lost if lost is not None and lost > sent.send_time else None,
        running=tuple([session_of(row) for row in await _running(tx, station_id, evse_id, sent)]),
        connectors=await _connectors(tx, station_id, evse_id),
    )


def _boot_since(station: Station | None, sent: Send) -> datetime | None:
    booted = station.boot_time if station and station.boot_state == "ACCEPTED" else None
    return booted if booted is not None and booted > sent.send_time else None


async def _may_be_late(
    tx: Tx, station: Station | None, socket: Connection | None, sent: Send
) -> bool:
    """Whether a boot on the frame's own socket may be from before the station connected.

    Only where nothing else tells: OCPP 1.6 gives no reason, and the socket is young.
    """
    if socket is None or socket.epoch != sent.epoch or _boot_since(station, sent) is None:
        return False
    opened, left = socket.connected_time, sent.send_time
    if opened < left - BOOT_LATE or station is None or station.boot_reason:
        return False
    return not await boot_was_told(tx, sent.station, opened, left)


async def _is_owed(tx: Tx, sent: Send, booted: datetime | None) -> bool:
    """Whether the boot may be due to an earlier reset. An answered frame leaves no such doubt."""
    if booted is None or sent.answer_time is not None:
        return False
    left = sent.send_time
    since = left - _LONGEST_AWAITED
    for row in await sends.sent_between(tx, sent.station, sent.kind, since, left):
        earlier = await record.latest(tx, row.tenant, row.command)
        outcome = earlier.outcome if earlier.state is State.DONE else None
        if is_owed_boot(outcome, sent=row.send_time, left=left, booted=booted):
            return True
    return False


async def _may_be_theirs(
    tx: Tx, evse_id: int | None, sent: Send, booted: datetime | None, now: datetime
) -> bool:
    """Whether a reset of another back end may be why, also one that nobody kept.

    One EVSE restarts at no time that is told.
    """
    if evse_id is None and booted is None:
        return False
    since, until = (booted, booted) if evse_id is None and booted else (sent.send_time, now)
    if await gaps_since(tx, sent.station, sent.send_time - LATEST_RESTART):
        return True
    return await may_be_their_reset(tx, sent.station, since, until, evse_id)


def _came_on(station: Station | None, socket: Connection | None) -> bool:
    return bool(station and socket and station.boot_connection_id == socket.connection_id)


async def _running(
    tx: Tx, station: str, evse_id: int | None, sent: Send
) -> list[transactions.Transaction]:
    """The transactions that ran when the frame left, each as it is now."""
    ended = await transactions.ended_since(
        tx,
        station,
        ended_after=sent.send_time,
        received=(sent.send_time - _LONGEST_SESSION, sent.send_time),
    )
    found = [*await transactions.active(tx, station), *ended]
    ran = [row for row in found if row.received_time <= sent.send_time]
    return [row for row in ran if evse_id is None or row.evse_id == evse_id]


async def _connectors(tx: Tx, station: str, evse_id: int | None) -> tuple[ConnectorReport, ...]:
    return tuple(
        connector_report(row)
        for row in await stations.connectors(tx, station)
        if row.evse_id > 0 and evse_id in {None, row.evse_id}
    )


def connector_report(row: StationConnector) -> ConnectorReport:
    """A connector of the fleet as the domain sees it."""
    return ConnectorReport(
        evse_id=row.evse_id,
        status=row.status,
        status_time=row.status_time,
        previous_status=row.previous_status,
        reported_time=row.reported_time,
    )
