"""Decides what came of the commands of another back end (CSMS), when a station reports it."""

from datetime import datetime, timedelta

from domain.back_end.commands import (
    LATEST_START,
    LATEST_STOP,
    PUT_OFF,
    outcome_of_their_answer,
)
from domain.back_end.reservations import RESERVING
from domain.back_end.restarts import ReportedBoot, outcome_of_boot
from domain.back_end.starts_and_stops import frame_of, outcome_of_end, outcome_of_session
from domain.evidence.matching import causes_sent, foreign_since
from domain.evidence.restart import is_owed_boot
from domain.evidence.sessions import Rival, Session
from domain.evidence.station_event import EventKind
from domain.model.answers import StationAnswer
from domain.model.command import Outcome, State
from domain.model.outcomes import Cause, ending
from domain.model.specs import Kind
from fleet import claims, sends, stations, transactions
from fleet.back_end import calls
from fleet.back_end.calls import KeptCall
from fleet.engine.statements import Tx
from journal.back_end.reading import their_command
from journal.commands import record
from journal.commands.answers import answer_to_row, said_no
from journal.commands.rivals import claimed_rival, open_rival
from journal.commands.sessions import session_of, sessions_of
from journal.reservations.waking import wake_reservations

_LONGEST_AWAITED = timedelta(days=30)
"""How far back a reset of ours may have been sent that still waits for its boot."""


async def answered(tx: Tx, id: int, kind: Kind, answer: StationAnswer, now: datetime) -> None:
    """Store the station's answer, and the outcome that it tells.

    A command whose effect was reported before its answer keeps what was decided.
    """
    await calls.answered(tx, id, answer_to_row(answer), now)
    row, outcome = await calls.by_id(tx, id), outcome_of_their_answer(kind, answer)
    if row is None or row.effect_time is not None:
        return
    if outcome is not None:
        await calls.ended(tx, id, code=outcome.code.value, cause=outcome.cause)
    await session_told(tx, row.station, now)  # it may have told of it before the answer
    if kind in RESERVING and answer.verdict.is_yes and row.number is not None:
        what = EventKind.RESERVATION
        await wake_reservations(tx, row.station, what, now, wire_id=row.number)


async def not_sent(tx: Tx, id: int) -> None:
    """Store that a command never left for its station: nothing that is reported decides it."""
    row = await calls.by_id(tx, id)
    if row is not None:
        never = ending(Cause.STATION_OFFLINE)
        code, cause = never.code.value, never.cause
        await calls.ended(tx, id, code=code, cause=cause, effect_time=row.send_time)


async def awaits_boot(tx: Tx, station: str, now: datetime) -> bool:
    """Whether there is a reset to which the station's boot may be due; mostly there is none."""
    return await calls.any_undecided(tx, station, now - PUT_OFF, Kind.RESET.value)


async def booted(tx: Tx, station_id: str, now: datetime) -> bool:
    """Decide the resets to which the station's boot may be due. Returns True: it is written."""
    resets = await calls.undecided(tx, station_id, now - PUT_OFF, Kind.RESET.value)
    if not resets:
        return True
    station = await stations.get(tx, station_id)
    if station is None or station.boot_time is None or station.boot_time != now:
        return True  # it told of no boot: it was only asked to
    boot = ReportedBoot(now, station.boot_reason, station.boot_connection_id)
    for row in resets:
        ours = await _may_be_ours(tx, row, now)
        outcome = outcome_of_boot(their_command(row), boot, ours=ours)
        await _decide(tx, row, outcome, now)
    return True


async def session_told(tx: Tx, station: str, now: datetime) -> bool:
    """Decide the starts and stops of which a session tells. Returns True: it is written."""
    for row in await calls.undecided(tx, station, now - LATEST_START, Kind.START_SESSION.value):
        await _decide(tx, row, await _outcome_of_start(tx, row), now)
    for row in await calls.undecided(tx, station, now - LATEST_STOP, Kind.STOP_SESSION.value):
        await _decide(tx, row, await _outcome_of_stop(tx, row), now)
    return True


async def _decide(tx: Tx, row: KeptCall, outcome: Outcome | None, now: datetime) -> None:
    if outcome is not None:
        code, cause = outcome.code.value, outcome.cause
        await calls.ended(tx, row.id, code=code, cause=cause, effect_time=now)


async def _outcome_of_stop(tx: Tx, row: KeptCall) -> Outcome | None:
    found = await transactions.by_ocpp_transaction_id(tx, row.station, row.named_id)
    return None if found is None else outcome_of_end(their_command(row), session_of(found))


async def _outcome_of_start(tx: Tx, row: KeptCall) -> Outcome | None:
    """The first outcome that one of the sessions since then tells."""
    start = their_command(row)
    heard = await transactions.heard_since(tx, row.station, received_after=row.send_time)
    for session in await sessions_of(tx, row.station, row.kind, heard):
        outcome = outcome_of_session(start, session, await _rivals(tx, row, session))
        if outcome is not None:
            return outcome
    return None


async def _rivals(tx: Tx, row: KeptCall, session: Session) -> tuple[Rival, ...]:
    """The other starts that may be the cause of a session, ours and the back end's."""
    frame = frame_of(their_command(row))
    taken = await claims.of_sessions(tx, [session.name])
    causes, _ = await claims.open_causes(
        tx,
        row.station,
        row.kind,
        digests=(session.token_digest, session.group_digest),
        evse_id=session.evse_id,
        sent=causes_sent(session, frame),
        foreign_from=foreign_since(session, frame),
    )
    others = [each for each in causes if not (each.foreign and each.send_time == row.send_time)]
    return (*(claimed_rival(each) for each in taken), *(open_rival(each) for each in others))


async def _may_be_ours(tx: Tx, theirs: KeptCall, booted: datetime) -> bool:
    """Whether the boot may be due to a reset of ours."""
    since = booted - _LONGEST_AWAITED
    for row in await sends.sent_between(tx, theirs.station, theirs.kind, since, booted):
        if said_no(row.answer):
            continue
        known = await record.latest(tx, row.tenant, row.command)
        outcome = known.outcome if known.state is State.DONE else None
        left = max(row.send_time, theirs.send_time)
        if is_owed_boot(outcome, sent=row.send_time, left=left, booted=booted):
            return True
    return False
