"""Ends the sessions of a plug that can run no longer, and wakes whom that concerns.

A gateway calls this in the transaction that writes the fact which proves the end.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from domain.evidence import plugs
from domain.evidence.sessions import Session
from domain.evidence.station_event import StationEvent
from domain.evidence.targets import has_settled, stands_in
from domain.limits import UNREPORTED_END_SETTLING
from domain.model.specs import Kind
from domain.ocpp_words import ConnectorStatus, told_id
from fleet import claims, stations, transactions
from fleet.connectors import StationConnector
from fleet.engine.statements import Tx
from fleet.transactions.rows import ACTIVE, Transaction
from journal.bookings.sessions import freed
from journal.commands.answers import said_no
from journal.commands.restart import connector_report
from journal.commands.sessions import session_of
from journal.commands.waking import wake_concerned

LONGEST_SESSION = timedelta(days=30)
"""How far back a session may have begun whose end is inferred now: it bounds the query."""

REPORTED_LATE = timedelta(days=7)
"""How old a session may be whose end, which was never reported, is still reported without an id."""


async def session_began(tx: Tx, newer: Transaction, now: datetime) -> list[Transaction]:
    """Ends the earlier sessions on the plug of a session that was just reported, and the one whose
    id it has now. Returns them.
    """
    running = await transactions.active(tx, newer.station)
    others = [row for row in running if row.id != newer.id]
    if not others:
        return []
    booted, one_plug = await _boot_time(tx, newer.station), await _has_one_plug(tx, newer.station)
    began = session_of(newer)
    over = [
        row
        for row in others
        if _lost_its_id(row, newer) or plugs.ends(began, session_of(row), booted, one_plug=one_plug)
    ]
    return await _end(tx, over, f"{_called(newer)} began on its plug", now)


def _lost_its_id(older: Transaction, newer: Transaction) -> bool:
    """Whether the station has given its id to the newer one (2.x): it runs no longer.

    On OCPP 1.6 it was the back end that gave both the same id, or none to either of them.
    """
    if newer.sources is None:
        return False
    kept_as = transactions.id_of_earlier(older.id, newer.ocpp_transaction_id)
    return older.ocpp_transaction_id == kept_as


async def session_ended(tx: Tx, ended: Transaction, now: datetime) -> list[Transaction]:
    """Ends what was only metered on the plug of a session that has ended, while that one ran.

    It was the same session under a wrong id. Returns what was ended.
    """
    if ended.observed_only or not ended.evse_id:
        return []
    running = await transactions.active(tx, ended.station, evse_id=ended.evse_id)
    over = [
        row for row in running if row.observed_only and row.received_time >= ended.received_time
    ]
    return await _end(tx, over, f"{_called(ended)} ended on its plug", now)


async def told_before(tx: Tx, station: str, told: Session) -> Transaction | None:
    """The running session of which a 1.6 start is a repeat with another time; None: it is new.

    It is new when the plug was free since, or when a start of ours that left since then may be its
    cause. A station that began it in spite of that gets another id, and `goes_on_as` finds it.
    """
    running = await transactions.active(tx, station, evse_id=told.evse_id)
    known = next((row for row in running if plugs.repeats(told, session_of(row))), None)
    if known is None or known.freed_time is not None:
        return None
    causes, _ = await claims.open_causes(
        tx,
        station,
        Kind.START_SESSION.value,
        digests=(told.token_digest, told.group_digest),
        evse_id=told.evse_id,
        sent=(known.received_time, told.received_time),
    )
    is_caused = any(not said_no(cause.answer) for cause in causes)
    return None if is_caused else known


async def connector_told(
    tx: Tx, station: str, evse_id: int, status: str, now: datetime
) -> list[Transaction]:
    """Ends the sessions from before a boot on a connector that is shown as free. Returns them.

    A session of the whole station (connector 0) may be on any connector: all must be free.
    """
    if status != ConnectorStatus.AVAILABLE or evse_id <= 0:
        return []
    running = await transactions.active(tx, station, evse_id=evse_id)
    running += await transactions.active(tx, station, evse_id=0)
    for session in running:
        await transactions.note_freed(tx, session, now)
    booted = await _boot_time(tx, station) if running else None
    if booted is None:
        return []
    rows = [row for row in await stations.connectors(tx, station) if row.evse_id > 0]
    over = [
        session
        for session in running
        if plugs.is_freed(
            session_of(session),
            booted,
            [connector_report(row) for row in rows if _may_be_on(session, row)],
        )
    ]
    return await _end(tx, over, "the station booted and shows its connector as free", now)


def _may_be_on(session: Transaction, connector: StationConnector) -> bool:
    if session.evse_id == 0:
        return True
    its_evse = session.evse_id == connector.evse_id
    return its_evse and session.connector_id in {None, connector.connector_id}


async def session_metered(
    tx: Tx, known: Transaction, time: datetime, *, suspect: bool, now: datetime
) -> bool:
    """Lets a session run again whose end was never reported, or named no id. Returns whether so.

    time: of the meter values, by the station's clock. suspect: it cannot be believed.
    """
    if not known.end_unreported or not plugs.shows_running(
        replace(session_of(known), end_reported=False), time, suspect=suspect
    ):
        return False
    return await transactions.resume(tx, known.id, now) is not None


async def meant_by_stop(
    tx: Tx, station: str, told: plugs.ToldEnd, *, clock_known: bool, now: datetime
) -> str | None:
    """The transaction id of the session that an end without any id is about; None: it is unclear.

    clock_known: other messages of the station have told what its clock shows.
    """
    digest = told.token_digest
    running = await transactions.active(tx, station, token_digest=digest)
    missed = [
        row
        for row in await transactions.unreported(tx, station, received_after=now - REPORTED_LATE)
        if digest in {None, row.token_digest}
    ]
    meant = plugs.meant_by_stop(
        told,
        [session_of(row) for row in running],
        [session_of(row) for row in missed],
        now,
        clock_known=clock_known,
    )
    return meant.ocpp_transaction_id if meant else None


async def ended_remotely(
    tx: Tx, station: str, told: plugs.ToldEnd, stopped_ids: set[str]
) -> str | None:
    """The transaction id of the session that a remote stop ended, by an end without any id.

    stopped_ids: the transaction ids that stops of ours name. None: it is unclear.
    """
    running = await transactions.active(tx, station) if stopped_ids else []
    stopped = [session_of(row) for row in running if row.ocpp_transaction_id in stopped_ids]
    meant = plugs.ended_remotely(told, stopped)
    return meant.ocpp_transaction_id if meant else None


async def ended_under_another_id(tx: Tx, station: str, told: plugs.ToldEnd) -> str | None:
    """The transaction id of the one session that an end under an unknown id can only be of."""
    running = await transactions.active(tx, station)
    one_plug = await _has_one_plug(tx, station)
    sessions = [session_of(row) for row in running]
    meant = plugs.ended_under_another_id(told, sessions, one_plug=one_plug)
    return meant.ocpp_transaction_id if meant else None


async def end_under_another_id(
    tx: Tx, station: str, told: plugs.ToldEnd, now: datetime
) -> list[Transaction]:
    """Ends the one session that an end under an unknown id can only be of. Returns it."""
    meant = await ended_under_another_id(tx, station, told)
    row = meant and await transactions.by_ocpp_transaction_id(tx, station, meant)
    return await _end(tx, [row], "its end was told under another id", now) if row else []


async def goes_on_as(tx: Tx, session: Transaction) -> Transaction:
    """The session as it runs now: itself, or the one under which the station tells it again.

    A session that is the effect of a command goes on as none of another session.
    """
    if session.state == ACTIVE:
        return session
    running = await transactions.active(tx, session.station)
    claimed = {claim.session for claim in await claims.of_sessions(tx, [r.name for r in running])}
    free = {row.name: row for row in running if row.name not in claimed}
    found = plugs.goes_on_as(session_of(session), [session_of(row) for row in free.values()])
    return free[found.name] if found else session


async def fitting(
    tx: Tx, station: str, fits: Callable[[Transaction], bool], now: datetime
) -> list[Transaction]:
    """The station's sessions that fit and run, or may as well run, each as it goes on.

    One whose end was inferred a moment ago may run.
    """
    running = await transactions.active(tx, station)
    unsettled = await _unsettled(tx, station, now)
    found = [row for row in running if fits(row)]
    others = [session_of(row) for row in [*running, *unsettled]]
    fitting_ones = [session_of(row) for row in found]
    for row in unsettled:
        if not fits(row):
            continue
        later = await goes_on_as(tx, row)
        if later.state == ACTIVE or stands_in(session_of(row), others, fitting_ones):
            found.append(later)
    return list({row.name: row for row in found}.values())


async def _unsettled(tx: Tx, station: str, now: datetime) -> list[Transaction]:
    inferred = await transactions.ended_unreported(
        tx,
        station,
        received_after=now - LONGEST_SESSION,
        ended_after=now - UNREPORTED_END_SETTLING,
    )
    return [row for row in inferred if not has_settled(session_of(row), now)]


async def _has_one_plug(tx: Tx, station: str) -> bool:
    evses = {row.evse_id for row in await stations.connectors(tx, station) if row.evse_id > 0}
    return len(evses) == 1


async def _boot_time(tx: Tx, station: str) -> datetime | None:
    known = await stations.get(tx, station)
    return known.boot_time if known and known.boot_state == "ACCEPTED" else None


async def _end(tx: Tx, over: list[Transaction], why: str, now: datetime) -> list[Transaction]:
    ended = []
    for row in over:
        done = await transactions.end_unreported(tx, row.id, now)
        if done is not None:
            ended.append(done)
            await wake_concerned(tx, _event(done, why), now)
            await freed.session_ended(tx, done, now)
    return ended


def _called(session: Transaction) -> str:
    """How a story calls the session: by its id, or by its start while it has none."""
    id, began = told_id(session.ocpp_transaction_id), session.start_time or session.received_time
    return f"session {id}" if id else f"the session that began at {began.isoformat()}"


def _event(ended: Transaction, why: str) -> StationEvent:
    return StationEvent(
        ended.station,
        "transaction",
        evse_id=ended.evse_id,
        connector_id=ended.connector_id,
        token_digest=ended.token_digest,
        group_digest=ended.group_digest,
        remote_start_id=ended.remote_start_id,
        ocpp_transaction_id=ended.ocpp_transaction_id,
        reservation_id=ended.reservation_id,
        told={"transaction": ended.name, "end_not_reported": why},
    )
