"""Reads from the fleet all that may concern a command, as the domain's `Facts`.

Which facts a command is judged by is said by its rules (`needed_facts`); nothing else is read.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from domain.commands.rules import FoundTarget
from domain.commands.table import COMMANDS
from domain.commands.timing import Timing, cable_deadline
from domain.evidence.facts import Asked, Facts, Need, NeededFacts
from domain.evidence.frames import FirstStop, ReservationFrame
from domain.evidence.matching import classify
from domain.evidence.restart import RestartFacts
from domain.evidence.sessions import WHOLE_STATION, ConnectorState, Match, SentFrame
from domain.limits import FOREIGN_CAUSE_AGE, LATE_START_WINDOW
from domain.model.answers import Verdict
from domain.model.command import Command
from domain.model.specs import Kind
from domain.model.states import is_definite
from domain.ocpp_words import BootReason, ConnectorStatus, StopReason
from domain.reservations.places import is_shared
from fleet import connections, sends, stations, transactions
from fleet.connectors import StationConnector
from fleet.engine.statements import Tx
from fleet.log import reservations
from fleet.sends import Send
from fleet.stations import Station
from fleet.transactions.rows import Transaction
from journal.back_end.reading import may_hold_there, stops_that_ended
from journal.commands import plugs
from journal.commands.answers import answer_from_row, frame_of, reservation_frames
from journal.commands.passed_on import with_passed_on
from journal.commands.restart import read_restart
from journal.commands.rivals import read_rivals
from journal.commands.sessions import session_of, sessions_of
from journal.reports import gaps_since, untaken_since
from journal.reservations import record as reservation_record

_CABLE_FIRST = timedelta(days=1)
"""How long before the frame a session may have begun whose token the frame brought (2.x)."""

_LONGEST_SESSION = timedelta(days=7)
"""How long before the frame a session may have begun that a stop has ended since."""

_THAT_STOP = {Kind.STOP_SESSION.value, Kind.START_SESSION.value}
"""The kinds of the frames that name a session to stop it; of a start: the undo."""


async def read_facts(
    tx: Tx, command: Command, asked: Asked | None, timing: Timing, now: datetime
) -> Facts:
    """All facts about a command at this moment, read in one transaction."""
    rows = [
        row
        for row in await sends.by_command(tx, command.tenant, command.name)
        if row.state != "VOID"
    ]
    frames = [row for row in rows if not row.undo and row.kind == command.kind.value]
    stops = [row for row in rows if not row.undo and row.kind != command.kind.value]
    undos = [row for row in rows if row.undo]
    frame = _frame(command, frames)
    needed = COMMANDS[command.kind].needed_facts(command)
    station = await stations.get(tx, command.station)
    wait_s = station.connection_timeout_s if station else None
    over_at = partial(cable_deadline, timing=timing, connection_timeout_s=wait_s)
    late_after = over_at(frame) if frame else now
    found = await _sessions(tx, command, needed, [*frames, *stops], undos, late_after=late_after)
    sessions = await sessions_of(tx, command.station, Kind.START_SESSION.value, found)
    if Need.RIVALS in needed.needs:
        sessions = await with_passed_on(tx, command.station, frame, sessions, over_at)
    rivals = await read_rivals(tx, command, needed, frame, sessions, late_after=late_after)
    holder = await connections.holder(tx, command.station, now=now)
    return Facts(
        frame=frame,
        frames=len(frames),
        unanswered=sum(row.state != "ANSWERED" for row in frames[:-1]),
        tried=tuple(row.named_id for row in frames if row.named_id),
        undos=tuple(frame_of(row) for row in undos),
        undo_refused=bool(undos) and _is_refusal(undos[-1]),
        sessions=sessions,
        rivals=rivals.rivals,
        contested=rivals.contested,
        connectors=await _connectors(tx, command, needed, now),
        ocpp_version=holder.ocpp_version if holder else (station.ocpp_version if station else ""),
        connected_since=holder.connected_time if holder else None,
        connection_timeout_s=wait_s,
        asked=asked,
        asks=_own_frames(rows, command, needed, now),
        cancels=reservation_frames(undos, Kind.CANCEL_RESERVATION, now),
        first_stop=_first_stop(stops),
        restart=await _restart(tx, command.station, needed, frames, now),
        stops=await _stops(tx, command.station, needed, frame),
        untaken=await untaken_since(tx, command.station, rows[0].send_time) if rows else (),
        gaps=await _gaps(tx, command.station, needed, frame),
        boot_time=_booted(station),
    )


def _frame(command: Command, frames: list[Send]) -> SentFrame | None:
    """The command's last frame, with whether anybody waits for what it brings about."""
    if not frames:
        return None
    return replace(frame_of(frames[-1]), unwanted=is_definite(command.outcome))


async def _gaps(
    tx: Tx, station: str, needed: NeededFacts, frame: SentFrame | None
) -> tuple[datetime, ...]:
    """The gaps in which a start of another back end may be hidden, where rivals matter."""
    if Need.RIVALS not in needed.needs or frame is None:
        return ()
    return await gaps_since(tx, station, frame.send_time - FOREIGN_CAUSE_AGE)


def _booted(station: Station | None) -> datetime | None:
    """When the station last booted. One that was asked for a BootNotification did not boot."""
    if station is None or station.boot_reason == BootReason.TRIGGERED:
        return None
    return station.boot_time


async def read_target(tx: Tx, command: Command) -> FoundTarget:
    """What the command is to end, as the fleet knows it before the command is sent."""
    target = COMMANDS[command.kind].target(command)
    session, reservation = None, None
    if target.transaction is not None:
        known = await transactions.get(tx, name=target.transaction)
        session = session_of(known) if known is not None else None
    elif target.ocpp_transaction_id:
        row = await transactions.by_ocpp_transaction_id(
            tx, command.station, target.ocpp_transaction_id
        )
        session = session_of(await plugs.goes_on_as(tx, row)) if row else None
    if target.reservation is not None:
        entry = await reservations.get(tx, tenant=command.tenant, name=target.reservation)
        reservation = reservation_record.from_snapshot(entry.snapshot) if entry else None
    return FoundTarget(session, reservation)


def _own_frames(
    rows: list[Send], command: Command, needed: NeededFacts, now: datetime
) -> tuple[ReservationFrame, ...]:
    if Need.RESERVATION_FRAMES not in needed.needs:
        return ()
    return reservation_frames(rows, command.kind, now)


async def _restart(
    tx: Tx, station: str, needed: NeededFacts, frames: list[Send], now: datetime
) -> RestartFacts:
    if Need.RESTART not in needed.needs or not frames:
        return RestartFacts()
    return await read_restart(tx, station, needed.evse_id, frames[-1], now)


async def _stops(
    tx: Tx, station: str, needed: NeededFacts, frame: SentFrame | None
) -> tuple[SentFrame, ...]:
    """The accepted stops that have ended a session of the EVSE since the frame, whoever sent them.

    The reason "Remote" alone is no proof: OCPP 2.x has no reason of its own for an unlock.
    """
    if Need.STOPS_OF_EVSE not in needed.needs or frame is None:
        return ()
    left, found = frame.send_time, list[SentFrame]()
    since = (left - _LONGEST_SESSION, left)
    for session in await transactions.ended_since(tx, station, ended_after=left, received=since):
        ended = session.stop_received_time
        if session.evse_id != needed.evse_id or session.stop_reason != StopReason.REMOTE:
            continue
        found += [
            frame_of(row)
            for row in await sends.answered_of_id(tx, station, session.ocpp_transaction_id)
            if row.kind in _THAT_STOP and not _is_refusal(row)
            if ended is not None and row.send_time < ended
        ]
        if ended is not None:
            found += await stops_that_ended(tx, station, session.ocpp_transaction_id, ended)
    return tuple(found)


def _first_stop(rows: list[Send]) -> FirstStop:
    if not rows:
        return FirstStop()
    last = rows[-1]
    return FirstStop(
        frames=tuple(frame_of(row) for row in rows),
        answer=answer_from_row(last.answer) if last.answer else None,
        over=last.state != "INTENT",
        unanswered=sum(row.state != "ANSWERED" for row in rows[:-1]),
    )


def _is_refusal(row: Send) -> bool:
    """Whether the answer was anything but a yes."""
    verdict = (row.answer or {}).get("verdict")
    return row.state == "ANSWERED" and not (verdict and Verdict(verdict).is_yes)


async def _sessions(
    tx: Tx,
    command: Command,
    needed: NeededFacts,
    frames: list[Send],
    undos: list[Send],
    *,
    late_after: datetime,
) -> list[Transaction]:
    """Every transaction that may concern the command, each once."""
    station, needs = command.station, needed.needs
    found: list[Transaction | None] = []
    if Need.SESSIONS_SINCE_FRAMES in needs:
        found += await _since_frames(tx, command, frames, late_after)
    ids = {row.named_id for row in (*frames, *undos) if row.named_id}
    for ocpp_transaction_id in sorted(ids):
        found.append(await transactions.by_ocpp_transaction_id(tx, station, ocpp_transaction_id))
    if Need.RUNNING_SESSIONS in needs and frames:
        found += await transactions.active(tx, station)
    if Need.RUNNING_SESSIONS_OF_EVSE in needs:
        found += await transactions.active(tx, station, evse_id=needed.evse_id)
    if Need.SESSIONS_OF_RESERVATION in needs:
        number = needed.reservation_number
        found += await transactions.for_reservation(tx, station, number)
    return list({row.id: row for row in found if row is not None}.values())


async def _since_frames(
    tx: Tx, command: Command, frames: list[Send], late_after: datetime
) -> list[Transaction | None]:
    found: list[Transaction | None] = []
    for frame in frames:
        own: list[Transaction | None] = [
            await transactions.for_remote_start(
                tx, command.station, frame.number, sent=frame.send_time
            )
        ]
        own += await transactions.since(
            tx,
            command.station,
            received_after=frame.send_time,
            begun_by=late_after + LATE_START_WINDOW,
            tenant=command.tenant,
            command=command.name,
        )
        if not any(row and _may_be_of(row, frame, late_after) for row in own):
            # Its session may be one that another command has claimed, running or ended.
            own += await transactions.claimed_since(
                tx,
                command.station,
                received_after=frame.send_time,
                token_digest=frame.token_digest,
                group_digest=frame.group_digest,
            )
        found += own
        found += await transactions.ended_since(
            tx,
            command.station,
            ended_after=frame.send_time,
            received=(frame.send_time - _CABLE_FIRST, frame.send_time),
        )
    named = command.station_answer.ocpp_transaction_id if command.station_answer else None
    for ocpp_transaction_id in (named, command.compensation.ocpp_transaction_id):
        if ocpp_transaction_id:
            found.append(
                await transactions.by_ocpp_transaction_id(tx, command.station, ocpp_transaction_id)
            )
    return found


def _may_be_of(row: Transaction, sent: Send, late_after: datetime) -> bool:
    """Whether the transaction may be what the frame asked for, other causes left aside."""
    match = classify(session_of(row), frame_of(sent), named=None, rivals=(), late_after=late_after)
    return match is not Match.NO_MATCH


async def _connectors(
    tx: Tx, command: Command, needed: NeededFacts, now: datetime
) -> tuple[ConnectorState, ...]:
    """The connectors that the command needs; of one EVSE: all when it names no EVSE."""
    if Need.RESERVED_CONNECTORS in needed.needs:
        return await _reserved_connectors(tx, command, now)
    if not {Need.ALL_CONNECTORS, Need.CONNECTORS} & needed.needs:
        return ()
    whole = Need.ALL_CONNECTORS in needed.needs or needed.evse_id is None
    places = {needed.evse_id, WHOLE_STATION}
    states = [
        _state(row)
        for row in await stations.connectors(tx, command.station)
        if whole or row.evse_id in places
    ]
    return await _without_others(tx, command, states, now)


async def _without_others(
    tx: Tx, command: Command, states: list[ConnectorState], now: datetime
) -> tuple[ConnectorState, ...]:
    """Without the places that another reservation may keep, if one is to be made.

    It may be of another command, or of the station's own back end.
    """
    reserved = any(each.status == ConnectorStatus.RESERVED for each in states)
    if command.reserve is None or not reserved:
        return tuple(states)
    name = command.reserve.reservation
    entry = await reservations.get(tx, tenant=command.tenant, name=name) if name else None
    if entry is None:
        return tuple(states)
    own = reservation_record.from_snapshot(entry.snapshot)
    others = await reservation_record.open_at(tx, command.station)
    if await may_hold_there(tx, command.station, now, own.evse_id):
        return tuple(each for each in states if each.status != ConnectorStatus.RESERVED)
    return tuple(
        each
        for each in states
        if each.status != ConnectorStatus.RESERVED
        or not is_shared(replace(own, evse_id=each.evse_id or own.evse_id), others)
    )


async def _reserved_connectors(
    tx: Tx, command: Command, now: datetime
) -> tuple[ConnectorState, ...]:
    """Those that the command's reservation may hold; none when another one may hold them.

    A reservation that nobody here knows may hold any.
    """
    reservation = (await read_target(tx, command)).reservation
    if reservation is None:
        return tuple(_state(row) for row in await stations.connectors(tx, command.station))
    if is_shared(reservation, await reservation_record.open_at(tx, command.station)):
        return ()
    if await may_hold_there(tx, command.station, now, reservation.evse_id):
        return ()
    return tuple(
        _state(row)
        for row in await stations.connectors(tx, command.station)
        if reservation.evse_id in {None, row.evse_id}
        and reservation.connector_id in {None, row.connector_id}
    )


def _state(row: StationConnector) -> ConnectorState:
    return ConnectorState(
        row.evse_id,
        row.status,
        row.previous_status,
        row.status_time,
        row.reported_time,
        row.connector_id,
        row.charging_time,
    )
