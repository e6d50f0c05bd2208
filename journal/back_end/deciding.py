"""Decides what came of the commands of another back end (CSMS), when a station reports it."""

from datetime import datetime, timedelta

from domain.back_end.commands import (
    PUT_OFF,
    ReportedBoot,
    outcome_of_boot,
    outcome_of_their_answer,
)
from domain.evidence.restart import is_owed_boot
from domain.model.answers import StationAnswer
from domain.model.command import State
from domain.model.specs import Kind
from fleet import sends, stations
from fleet.back_end import calls
from fleet.back_end.calls import KeptCall
from fleet.engine.statements import Tx
from journal.back_end.reading import their_command
from journal.commands import record
from journal.commands.answers import answer_to_row, said_no

_LONGEST_AWAITED = timedelta(days=30)
"""How far back a reset of ours may have been sent that still waits for its boot."""


async def answered(tx: Tx, id: int, kind: Kind, answer: StationAnswer, now: datetime) -> None:
    """Store the station's answer, and the outcome that it tells.

    A command whose effect was reported before its answer keeps what was decided.
    """
    await calls.answered(tx, id, answer_to_row(answer), now)
    row, outcome = await calls.by_id(tx, id), outcome_of_their_answer(kind, answer)
    if row is not None and row.effect_time is None and outcome is not None:
        await calls.ended(tx, id, code=outcome.code.value, cause=outcome.cause)


async def booted(tx: Tx, station_id: str, now: datetime) -> bool:
    """Decide the resets to which the station's boot may be due. Returns True: it is written."""
    station = await stations.get(tx, station_id)
    if station is None or station.boot_time is None or station.boot_time != now:
        return True  # it told of no boot: it was only asked to
    boot = ReportedBoot(now, station.boot_reason, station.boot_connection_id)
    for row in await calls.undecided(tx, station_id, now - PUT_OFF, [Kind.RESET.value]):
        ours = await _may_be_ours(tx, row, now)
        outcome = outcome_of_boot(their_command(row), boot, ours=ours)
        if outcome is not None:
            code, cause = outcome.code.value, outcome.cause
            await calls.ended(tx, row.id, code=code, cause=cause, effect_time=now)
    return True


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
