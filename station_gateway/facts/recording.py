"""Writes the facts that a station reports. Each function writes one fact in one transaction.

The same database transaction writes the wake-up of the commands that the fact concerns. So after a
crash both are there, or neither. Each function returns whether somebody is to be woken, and the
fact where the answer needs it.
"""

from datetime import datetime

from domain.bookings.blocking.known_now import OUT_OF_ORDER
from domain.ocpp_words import StationMessage
from fleet import stations
from fleet.engine.statements import Tx
from fleet.log import reservations
from journal.back_end import deciding
from journal.bookings.sessions import freed
from journal.commands import plugs
from journal.commands.waking import StationEvent, wake_concerned
from station_gateway.dialects.messages import (
    Booted,
    BootVerdict,
    ConnectorStatusSeen,
    ReservationEndReported,
)
from station_gateway.facts.ownership import own_reservation
from station_gateway.facts.reports import words_of
from station_gateway.facts.session_reports import forget
from station_gateway.stations.peer import Peer


async def booted(tx: Tx, peer: Peer, call: Booted, now: datetime) -> bool:
    """The station booted and is accepted."""
    await _record_boot(tx, peer, call, BootVerdict.ACCEPTED, now)
    told = {
        "boot_reason": call.reason,
        "connection_id": peer.connection_id,
        "mended": words_of(call.mended),
    }
    event = StationEvent(peer.id, "booted", message=StationMessage.BOOT_NOTIFICATION, told=told)
    if peer.relayed:
        peer.awaits_boot = await deciding.awaits_boot(tx, peer.id, now)
    return await wake_concerned(tx, event, now)


async def boot_held(tx: Tx, peer: Peer, call: Booted, verdict: BootVerdict, now: datetime) -> None:
    """The station booted, and we told it to wait or to go away: nobody is woken."""
    await _record_boot(tx, peer, call, verdict, now)


async def taken_as_booted(tx: Tx, peer: Peer, now: datetime) -> bool:
    """The station talks and has not booted: it is ready. That is no boot, and proves no restart."""
    await stations.take_as_booted(tx, peer.id, ocpp_version=peer.ocpp_version, now=now)
    told = {"connection_id": peer.connection_id, "boot": "taken as booted"}
    return await wake_concerned(tx, StationEvent(peer.id, "connected", told=told), now)


async def _record_boot(
    tx: Tx, peer: Peer, call: Booted, verdict: BootVerdict, now: datetime
) -> None:
    await stations.record_boot(
        tx,
        peer.id,
        state=verdict.value,
        vendor=call.vendor,
        model=call.model,
        serial_number=call.serial_number,
        firmware_version=call.firmware_version,
        ocpp_version=peer.ocpp_version,
        reason=call.reason,
        connection_id=peer.connection_id,
        now=now,
    )


async def reservation_ended(
    tx: Tx, peer: Peer, call: ReservationEndReported, now: datetime
) -> bool:
    """The station says that a reservation is over. The ids of other stations are ignored."""
    wire_id = await own_reservation(tx, peer, call.reservation_id)
    if wire_id is None:
        return False
    if not await reservations.report(
        tx, station=peer.id, wire_id=wire_id, status=call.status, now=now
    ):
        return False
    event = StationEvent(
        peer.id,
        "reservation",
        reservation_id=wire_id,
        status=call.status,
        message=StationMessage.RESERVATION_STATUS_UPDATE,
        told={"mended": words_of(call.mended)},
    )
    return await wake_concerned(tx, event, now)


async def connector_status(tx: Tx, peer: Peer, call: ConnectorStatusSeen, now: datetime) -> bool:
    """A connector has this status now."""
    connector = await stations.set_connector(
        tx,
        station=peer.id,
        evse_id=call.evse_id,
        connector_id=call.connector_id,
        status=call.status,
        error_code=call.error_code,
        now=now,
    )
    event = StationEvent(
        peer.id,
        "connector_status",
        evse_id=call.evse_id,
        connector_id=call.connector_id,
        status=call.status,
        message=StationMessage.NOTIFY_EVENT
        if call.by_event
        else StationMessage.STATUS_NOTIFICATION,
        station_time=None if call.time.suspect else call.time.time,
        changes_nothing=connector.status_time != now,
        told={"error_code": call.error_code, "mended": words_of(call.mended)},
    )
    wake = await wake_concerned(tx, event, now)
    words = {connector.status, connector.previous_status}
    if connector.status_time == now and words & OUT_OF_ORDER:  # it fails, or works again
        wake = await freed.status_changed(tx, peer.tenant, connector, now) or wake
    over = await plugs.connector_told(tx, peer.id, call.evse_id, call.status, now)
    return forget(peer, over) or wake
