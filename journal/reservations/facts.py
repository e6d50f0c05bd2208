"""Reads from the fleet all that may concern a hold, as the domain's `ReservationEvidence`."""

from dataclasses import replace
from datetime import datetime

from domain.evidence.sessions import Session
from domain.model.specs import Kind
from domain.ocpp_words import ConnectorStatus
from domain.reservations.facts import EvseStatus, ReservationEvidence
from domain.reservations.neighbours import NextTo, as_used
from domain.reservations.places import at_shown, is_shared
from domain.reservations.reservation import Reservation
from domain.reservations.users import is_of
from fleet import connections, sends, stations, transactions
from fleet.connectors import StationConnector
from fleet.engine.statements import Tx
from fleet.log import reservations
from fleet.transactions.rows import Transaction
from journal.back_end.reading import ended_by_back_end, may_hold_there, numbers_asked
from journal.commands.answers import reservation_frames
from journal.commands.sessions import session_of
from journal.reports import untaken_since
from journal.reservations.record import from_snapshot, open_at

_TOLD_FIRST = (ConnectorStatus.RESERVED, ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE)


async def read_reservation_evidence(
    tx: Tx, reservation: Reservation, now: datetime
) -> ReservationEvidence:
    """All facts about a hold at this moment, read in one transaction."""
    tenant, station_id = reservation.tenant, reservation.station
    rows = await sends.by_command(tx, tenant, reservation.name)
    station = await stations.get(tx, station_id)
    holder = await connections.holder(tx, station_id, now=now)
    report = await reservations.reported(tx, station_id, reservation.wire_id)
    heard = [
        *await transactions.heard_since(tx, station_id, received_after=reservation.create_time),
        *await transactions.for_reservation(tx, station_id, reservation.wire_id),
    ]
    digests, open_there = await _token_digests(tx, reservation), await open_at(tx, station_id)
    sessions = await _sessions(tx, station_id, heard, now)
    ready = holder is not None and station is not None and station.boot_state == "ACCEPTED"
    connectors = await stations.connectors(tx, station_id)
    shown = {each.evse_id for each in connectors if each.status == ConnectorStatus.RESERVED}
    there = at_shown(reservation, shown, open_there)
    return ReservationEvidence(
        holds=reservation_frames(rows, Kind.RESERVE_NOW, now),
        cancels=reservation_frames(rows, Kind.CANCEL_RESERVATION, now),
        attempts=max((row.attempt for row in rows), default=0),
        token_digests=digests,
        sessions=await _left(tx, reservation, sessions, digests, open_there),
        place=_place(connectors, there),
        shared=is_shared(there, open_there)
        or await may_hold_there(tx, station_id, now, there.evse_id),
        back_end_time=await ended_by_back_end(
            tx, station_id, reservation.wire_id, reservation.create_time, now
        ),
        report=report.status if report else "",
        report_time=report.received_time if report else None,
        ready=ready,
        boot_time=station.boot_time if station else None,
        ocpp_version=holder.ocpp_version if holder else (station.ocpp_version if station else ""),
        connection_timeout_s=station.connection_timeout_s if station else None,
        untaken=await untaken_since(tx, station_id, reservation.create_time),
    )


async def _sessions(
    tx: Tx, station: str, rows: list[Transaction], now: datetime
) -> tuple[Session, ...]:
    """The sessions; a number that no reservation of the station has names none.

    Of ours, or of its own back end (CSMS).
    """
    sessions = tuple(session_of(row) for row in rows)
    numbers = {each.reservation_id for each in sessions if each.reservation_id is not None}
    if not numbers:
        return sessions
    known = await reservations.known_numbers(tx, station, numbers)
    known |= await numbers_asked(tx, station, now)
    return tuple(
        each if each.reservation_id in known else replace(each, reservation_id=None)
        for each in sessions
    )


async def _left(
    tx: Tx,
    reservation: Reservation,
    sessions: tuple[Session, ...],
    digests: frozenset[str],
    open_there: list[Reservation],
) -> tuple[Session, ...]:
    """The sessions, each marked that another reservation of its driver has used."""
    own = [each for each in sessions if each.reservation_id is None and is_of(each, digests)]
    if not own:
        return sessions
    ended = await reservations.ended_at(tx, reservation.station, since=reservation.create_time)
    over = [from_snapshot(entry.snapshot) for entry in ended]
    held = [each for each in open_there if each.name != reservation.name]
    neighbours = (
        *(NextTo(each) for each in over if each.name != reservation.name),
        *[NextTo(each, await _token_digests(tx, each)) for each in held],
    )
    return tuple(as_used(each, reservation, neighbours) for each in sessions)


async def _token_digests(tx: Tx, reservation: Reservation) -> frozenset[str]:
    """The holder's token and group as this station reports them: those of the frames."""
    rows = await sends.by_command(tx, reservation.tenant, reservation.command)
    return frozenset(
        digest
        for row in rows
        if not row.undo
        for digest in (row.token_digest, row.group_digest)
        if digest
    )


def _place(connectors: list[StationConnector], reservation: Reservation) -> EvseStatus | None:
    """The reserved EVSE, or the station as a whole where any EVSE is held (1.6: connector 0)."""
    evse_id = reservation.evse_id or 0
    found = [
        row
        for row in connectors
        if row.evse_id == evse_id and reservation.connector_id in {None, row.connector_id}
    ]
    if not found:
        return None
    telling = [row for word in _TOLD_FIRST for row in found if row.status == word]
    row = (telling or sorted(found, key=lambda each: each.status_time))[0 if telling else -1]
    told = row.reported_time or row.status_time
    return EvseStatus(row.status, row.previous_status, row.status_time, told, row.charging_time)
