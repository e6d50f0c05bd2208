"""Reads from the fleet what a reset is judged by."""

from datetime import datetime, timedelta

from domain.evidence.restart import Reported, RestartFacts
from domain.model.command import Command
from fleet import connections, stations, transactions
from fleet.connections import Connection
from fleet.engine.statements import Tx
from fleet.sends import Send
from fleet.stations import Station
from journal.commands.sessions import session_of

_LONGEST_SESSION = timedelta(days=30)


async def read_restart(tx: Tx, command: Command, sent: Send | None, now: datetime) -> RestartFacts:
    """What came after the frame of a reset, as far as it was sent; nothing for other kinds."""
    if command.reset is None or sent is None:
        return RestartFacts()
    station = await stations.get(tx, command.station)
    socket = await connections.latest(tx, command.station)
    held = await connections.holder(tx, command.station, now=now) is not None
    newer = socket is not None and socket.epoch > sent.epoch
    lost = socket.disconnected_time if socket else None
    booted = _boot_since(station, sent)
    return RestartFacts(
        boot_time=booted,
        boot_reason=station.boot_reason if station and booted else "",
        boot_is_newer=newer and _came_on(station, socket),
        same_socket=held and not newer,
        connected=held,
        connected_time=socket.connected_time if socket else None,
        down_time=lost if lost is not None and lost > sent.send_time else None,
        running=tuple([session_of(row) for row in await _running(tx, command, sent)]),
        connectors=await _connectors(tx, command),
    )


def _boot_since(station: Station | None, sent: Send) -> datetime | None:
    booted = station.boot_time if station and station.boot_state == "ACCEPTED" else None
    return booted if booted is not None and booted > sent.send_time else None


def _came_on(station: Station | None, socket: Connection | None) -> bool:
    return bool(station and socket and station.boot_connection_id == socket.connection_id)


async def _running(tx: Tx, command: Command, sent: Send) -> list[transactions.Transaction]:
    """The transactions that ran when the frame left, each as it is now."""
    of_evse = command.reset.evse_id if command.reset else None
    ended = await transactions.ended_since(
        tx,
        command.station,
        ended_after=sent.send_time,
        received_after=sent.send_time - _LONGEST_SESSION,
    )
    found = [*await transactions.active(tx, command.station), *ended]
    ran = [row for row in found if row.received_time <= sent.send_time]
    return [row for row in ran if of_evse is None or row.evse_id == of_evse]


async def _connectors(tx: Tx, command: Command) -> tuple[Reported, ...]:
    of_evse = command.reset.evse_id if command.reset else None
    return tuple(
        Reported(
            evse_id=row.evse_id,
            status=row.status,
            status_time=row.status_time,
            previous_status=row.previous_status,
            reported_time=row.reported_time,
        )
        for row in await stations.connectors(tx, command.station)
        if row.evse_id > 0 and of_evse in {None, row.evse_id}
    )
