"""Reads from the fleet all that may concern a command, as the domain's `Facts`."""

from datetime import datetime, timedelta

import msgspec

from domain.evidence.facts import Asked, Facts
from domain.evidence.frames import FirstStop, HoldFrame
from domain.evidence.sessions import Connector, Frame, Rival, Session
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Code, Command
from domain.model.specs import Kind
from fleet import connections, sends, stations, transactions
from fleet.engine.statements import Tx
from fleet.log import commands as log
from fleet.sends import Send
from fleet.transactions.rows import Transaction
from journal.commands.record import from_snapshot
from journal.commands.restart import read_restart
from journal.commands.sessions import session_of

_RIVALS_AGE = timedelta(days=1)
_RIVALS_LIMIT = 50
_NEVER_STARTS = {Code.REJECTED, Code.NOT_SUPPORTED, Code.NOT_SENT}


async def read_facts(tx: Tx, command: Command, asked: Asked | None, now: datetime) -> Facts:
    """All facts about a command at this moment, read in one transaction."""
    rows = [
        row
        for row in await sends.by_command(tx, command.tenant, command.name)
        if row.state != "VOID"
    ]
    frames = [row for row in rows if not row.undo and row.kind == command.kind.value]
    stops = [row for row in rows if not row.undo and row.kind != command.kind.value]
    undos = [row for row in rows if row.undo]
    sessions = await _sessions(tx, command, [*frames, *stops], undos)
    station = await stations.get(tx, command.station)
    holder = await connections.holder(tx, command.station, now=now)
    return Facts(
        frame=_frame(frames[-1]) if frames else None,
        frames=len(frames),
        unanswered=sum(row.state != "ANSWERED" for row in frames[:-1]),
        tried=tuple(row.wire_id for row in frames if row.wire_id),
        undos=tuple(_frame(row) for row in undos),
        undo_refused=bool(undos) and _is_refusal(undos[-1]),
        sessions=tuple(session_of(row) for row in sessions),
        rivals=await _rivals(tx, command, sessions),
        connectors=await _connectors(tx, command),
        ocpp_version=holder.ocpp_version if holder else (station.ocpp_version if station else ""),
        connected_since=holder.connected_time if holder else None,
        connection_timeout_s=station.connection_timeout_s if station else None,
        asked=asked,
        asks=hold_frames(rows, command.kind) if command.kind in _OF_HOLDS else (),
        cancels=hold_frames(undos, Kind.CANCEL_RESERVATION),
        first_stop=_first_stop(stops),
        restart=await read_restart(tx, command, frames[-1] if frames else None, now),
    )


_OF_HOLDS = {Kind.RESERVE_NOW, Kind.CANCEL_RESERVATION}


async def target_of(tx: Tx, command: Command) -> Session | None:
    """The session that a stop names, None when it was never heard of."""
    if command.stop is None:
        return None
    row = await transactions.by_ocpp_id(tx, command.station, command.stop.wire_id)
    return session_of(row) if row else None


def _frame(row: Send) -> Frame:
    return Frame(
        id=row.id,
        attempt=row.attempt,
        send_time=row.send_time,
        answer_time=row.answer_time if row.state == "ANSWERED" else None,
        evse_id=row.evse_id,
        token_digest=row.token_digest,
        group_digest=row.group_digest,
        wire_id=row.wire_id or "",
    )


def _first_stop(rows: list[Send]) -> FirstStop:
    if not rows:
        return FirstStop()
    last = rows[-1]
    return FirstStop(
        frames=tuple(_frame(row) for row in rows),
        answer=msgspec.convert(last.answer, StationAnswer) if last.answer else None,
        over=last.state != "INTENT",
        unanswered=sum(row.state != "ANSWERED" for row in rows[:-1]),
    )


def _is_refusal(row: Send) -> bool:
    verdict = (row.answer or {}).get("verdict")
    return row.state == "ANSWERED" and verdict not in {
        Verdict.ACCEPTED.value,
        Verdict.SCHEDULED.value,
    }


async def _sessions(
    tx: Tx, command: Command, frames: list[Send], undos: list[Send]
) -> list[Transaction]:
    """Every transaction that may concern the command, each once."""
    found: list[Transaction | None] = []
    if command.kind is Kind.START_SESSION:
        found += await _started(tx, command, frames)
    ids = {row.wire_id for row in (*frames, *undos) if row.wire_id}
    for wire_id in sorted(ids):
        found.append(await transactions.by_ocpp_id(tx, command.station, wire_id))
    if command.kind is Kind.STOP_SESSION and frames:
        found += await transactions.active(tx, command.station)
    if command.unlock is not None and command.unlock.stop_first:
        found += await transactions.active(tx, command.station, evse_id=command.unlock.on_evse)
    if command.kind in _OF_HOLDS:
        found += await _users(tx, command)
    return list({row.id: row for row in found if row is not None}.values())


async def _users(tx: Tx, command: Command) -> list[Transaction]:
    """The transactions that name the reservation which a command is about."""
    reserve, cancel = command.reserve, command.cancel_reservation
    wire_id = reserve.wire_id if reserve else cancel.wire_id if cancel else 0
    return await transactions.for_reservation(tx, command.station, wire_id)


def hold_frames(rows: list[Send], kind: Kind) -> tuple[HoldFrame, ...]:
    """The frames of one kind with what the station said to them, in order."""
    return tuple(
        HoldFrame(
            attempt=row.attempt,
            send_time=row.send_time,
            over=row.state != "INTENT",
            answer=msgspec.convert(row.answer, StationAnswer) if row.answer else None,
            answer_time=row.answer_time,
        )
        for row in rows
        if row.state != "VOID" and row.kind == kind.value
    )


async def _started(tx: Tx, command: Command, frames: list[Send]) -> list[Transaction | None]:
    found: list[Transaction | None] = []
    for frame in frames:
        found.append(await transactions.for_remote_start(tx, command.station, frame.id))
        found += await transactions.since(tx, command.station, received_after=frame.send_time)
    named = command.station_answer.transaction_id if command.station_answer else None
    for wire_id in (named, command.compensation.transaction_id):
        if wire_id:
            found.append(await transactions.by_ocpp_id(tx, command.station, wire_id))
    if frames:
        found += await transactions.active(tx, command.station)
    return found


async def _rivals(tx: Tx, command: Command, sessions: list[Transaction]) -> tuple[Rival, ...]:
    """The other starts at this station, when there is a session that could be theirs."""
    if command.kind is not Kind.START_SESSION or not sessions:
        return ()
    which = log.Filter(
        tenant=command.tenant,
        station=command.station,
        kinds=(Kind.START_SESSION.value,),
        created_from=command.create_time - _RIVALS_AGE,
    )
    entries, _ = await log.list_page(tx, which, after=None, limit=_RIVALS_LIMIT)
    others = (from_snapshot(entry.snapshot) for entry in entries if entry.name != command.name)
    return tuple([rival for other in others if (rival := await _rival(tx, other)) is not None])


async def _rival(tx: Tx, other: Command) -> Rival | None:
    """The other start with the tokens as its own station reports them: those of its send."""
    outcome = other.outcome
    if other.send_time is None or (outcome and outcome.code in _NEVER_STARTS):
        return None
    claimed = outcome.session if outcome and outcome.code is Code.SUCCEEDED else None
    rows = await sends.by_command(tx, other.tenant, other.name)
    sent = next((row for row in rows if not row.undo and row.state != "VOID"), None)
    return Rival(
        send_time=other.send_time,
        token_digest=sent.token_digest if sent else None,
        group_digest=sent.group_digest if sent else None,
        evse_id=sent.evse_id if sent else None,
        claimed=claimed.transaction if claimed else None,
    )


async def _connectors(tx: Tx, command: Command) -> tuple[Connector, ...]:
    if command.start is None or command.start.evse_id is None:
        return ()
    rows = await stations.connectors(tx, command.station)
    return tuple(
        Connector(row.evse_id, row.status, row.previous_status, row.status_time)
        for row in rows
        if row.evse_id == command.start.evse_id
    )
