"""Wakes the workflows of the reservations that a station's message may concern.

A wake-up carries no data. To wake one workflow too many costs a little history; to wake one too few
costs the time until it looks by itself. So in doubt it is woken.

A session may be reported after the end of the reservation that it used. Then the reservation's
workflow is woken, and tells its end anew.

A station may show an EVSE as reserved although we hold nothing there. Then the reservations that
ended there last are woken: the station may have brought one of them back to life. So are those of
any EVSE: a station with only one keeps them there. One that was refused is among them only if the
station may have made it, and refused it when it was asked again.
"""

from datetime import datetime, timedelta

from domain.evidence.frames import may_be_held
from domain.evidence.station_event import EventKind, StationEvent
from domain.limits import CLEARING, CORRECTED_WITHIN, LATE_START_WINDOW
from domain.model.specs import Kind
from domain.ocpp_words import ConnectorStatus
from domain.reservations.observing import observe
from domain.reservations.places import may_keep
from domain.reservations.reservation import Reservation, ReservationState
from domain.reservations.transitions import LETS_GO
from fleet import sends, stations, transactions
from fleet.engine.statements import Tx
from fleet.log import reservations
from journal.commands.answers import reservation_frames
from journal.reservations.facts import read_reservation_evidence
from journal.reservations.record import from_snapshot, open_at
from journal.reservations.starting import wake_reservation

REVIVED_WITHIN = timedelta(days=30)
"""How long after its end a reservation that its station shows again is cancelled there."""

REVIVED_LIMIT = 3
"""How many ended reservations of an EVSE, and of any, are woken when it is shown as reserved."""

REFUSALS_READ = 30
"""Of how many refused reservations of an EVSE the frames are read then."""

_RETURNS = {EventKind.CONNECTED, EventKind.BOOTED}
_NEWS = {
    EventKind.TRANSACTION,
    EventKind.CONNECTOR_STATUS,
    EventKind.CONNECTED,
    EventKind.BOOTED,
    EventKind.RESERVATION,
    EventKind.UNTAKEN_REPORT,
}


async def wake_uncleared(tx: Tx, station: str, what: str, now: datetime) -> bool:
    """Wakes the reservations that ended while the station was away, when it comes back.

    The station may still hold them. One that had let them go may have shown them again before it
    went away. Returns whether there is any.
    """
    if what not in _RETURNS:
        return False
    entries = await reservations.ended_at(tx, station, since=now - CLEARING)
    ended = [from_snapshot(entry.snapshot) for entry in entries]
    uncleared = [each for each in ended if not await _is_cleared(tx, each)]
    uncleared += await _shown_again(tx, station, [each for each in ended if each not in uncleared])
    for each in uncleared:
        await wake_reservation(tx, each, what, now)
    return bool(uncleared)


async def _is_cleared(tx: Tx, ended: Reservation) -> bool:
    """Whether the records say that its workflow has nothing left to do at the station."""
    rows = await sends.by_command(tx, ended.tenant, ended.name)
    if rows:
        return all(row.closed for row in rows)
    return ended.cause in LETS_GO or ended.state is ReservationState.REFUSED


async def _shown_again(tx: Tx, station: str, cleared: list[Reservation]) -> list[Reservation]:
    """Those whose EVSE is shown as reserved, although nothing is to be held there."""
    if not cleared:
        return []
    reports = await stations.connectors(tx, station)
    shown = {each.evse_id for each in reports if each.status == ConnectorStatus.RESERVED}
    if not shown:
        return []
    held = await open_at(tx, station)
    shown = {evse_id for evse_id in shown if not any(may_keep(each, evse_id) for each in held)}
    last = [each for evse_id in sorted(shown) for each in await _ended_last(tx, cleared, evse_id)]
    return list({each.name: each for each in last}.values())


async def wake_corrected(tx: Tx, event: StationEvent, now: datetime) -> bool:
    """Wakes the reservations that a session tells to have ended otherwise than was told.

    Most sessions correct nothing: then nobody is woken. Returns whether there is any.
    """
    if event.what != EventKind.TRANSACTION:
        return False
    corrected = [
        each
        for each in await _ended_before_report(tx, event, now)
        if observe(each, await read_reservation_evidence(tx, each, now), now) is not each
    ]
    for each in corrected:
        await wake_reservation(tx, each, event.what, now)
    return bool(corrected)


async def _ended_before_report(tx: Tx, event: StationEvent, now: datetime) -> list[Reservation]:
    """The ended reservations that the session of this event may have used, by number and time."""
    found = {}
    if event.reservation_id is not None:
        entry = await reservations.by_wire_id(tx, event.station, event.reservation_id)
        if entry is not None:
            found[entry.name] = from_snapshot(entry.snapshot)
    number = event.ocpp_transaction_id
    session = (
        await transactions.by_ocpp_transaction_id(tx, event.station, number) if number else None
    )
    if session is not None:
        begun = min(session.start_time or session.received_time, session.received_time)
        since = max(now - CORRECTED_WITHIN, begun - LATE_START_WINDOW)
        for entry in await reservations.ended_at(tx, event.station, since=since):
            found[entry.name] = from_snapshot(entry.snapshot)
    return [each for each in found.values() if each.ended]


async def wake_reservations(
    tx: Tx,
    station: str,
    what: str,
    now: datetime,
    *,
    evse_id: int | None = None,
    status: str = "",
    wire_id: int | None = None,
) -> bool:
    """Wakes each reservation that the message may concern. Returns whether there is any."""
    if what not in _NEWS:
        return False
    known = await open_at(tx, station)
    held = [each for each in known if each.state is ReservationState.HELD]
    concerned = [each for each in held if _concerns(each, what, evse_id, wire_id)]
    expected = any(may_keep(each, evse_id) for each in known)
    if status == ConnectorStatus.RESERVED and evse_id is not None and not expected:
        concerned += await _ended_there(tx, station, evse_id, now)
    for each in concerned:
        await wake_reservation(tx, each, what, now)
    return bool(concerned)


def _concerns(held: Reservation, what: str, evse_id: int | None, wire_id: int | None) -> bool:
    if what == EventKind.RESERVATION:
        return wire_id == held.wire_id
    if wire_id is not None and wire_id == held.wire_id:
        return True
    return may_keep(held, evse_id)


async def _ended_there(tx: Tx, station: str, evse_id: int, now: datetime) -> list[Reservation]:
    """The reservations of an EVSE that ended last."""
    entries = await reservations.ended_at(tx, station, since=now - REVIVED_WITHIN)
    return await _ended_last(tx, [from_snapshot(entry.snapshot) for entry in entries], evse_id)


async def _ended_last(tx: Tx, ended: list[Reservation], evse_id: int) -> list[Reservation]:
    """Of this very EVSE, and of any: not to be crowded out, each has its own limit."""
    named = [each for each in ended if each.evse_id == evse_id]
    of_any = [each for each in ended if each.evse_id is None]
    return [*await _newest_made(tx, named), *await _newest_made(tx, of_any)]


async def _newest_made(tx: Tx, of_place: list[Reservation]) -> list[Reservation]:
    refused = [each for each in of_place if each.state is ReservationState.REFUSED]
    doubtful = [each for each in refused[:REFUSALS_READ] if await _may_have_been_made(tx, each)]
    return [each for each in of_place if each not in refused or each in doubtful][:REVIVED_LIMIT]


async def _may_have_been_made(tx: Tx, refused: Reservation) -> bool:
    """Whether the station may have made it all the same, by a frame before the one it refused."""
    rows = await sends.by_command(tx, refused.tenant, refused.command)
    return may_be_held(reservation_frames(rows, Kind.RESERVE_NOW), ())
