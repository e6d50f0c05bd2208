"""Counts how the commands of another back end (CSMS) ended, for the truth report.

Bounded as the report's commands are: the newest `COUNTED_LIMIT` of the period, by the index on
tenant and time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CTE, Integer, Text, and_, case, cast, desc, func, or_, select, type_coerce

from domain.model.command import Code
from domain.model.truth_report import MarkedStation
from fleet.back_end.calls import KEPT_FOR
from fleet.engine.statements import Tx, begins_with
from fleet.log.counting import COUNTED_LIMIT, STATIONS_READ, Counted
from fleet.tables import back_end_calls, commands

_PUT_OFF = '"verdict":"SCHEDULED"'


@dataclass(frozen=True)
class CountedCalls:
    """Commands of one kind that ended in one way. station, time: of the one passed on last.

    code: "" for those that are not over. cause: "" for those that are over without any report:
    `answered` says whether the station had answered them.
    """

    kind: str
    code: str
    cause: str
    answered: bool
    count: int
    station: str
    time: datetime


def _rows(which: Counted, latest: Mapping[str, datetime], put_off: datetime) -> CTE:
    """The commands that are counted.

    latest: by kind, when one was passed on that is just over by now. put_off: the same of those
    that their station has put off.
    """
    call = back_end_calls.c
    is_put_off = type_coerce(call.answer, Text).contains(_PUT_OFF, autoescape=True)
    waits = func.coalesce(is_put_off, False)
    in_time = or_(*(and_(call.kind == kind, call.send_time > at) for kind, at in latest.items()))
    is_open = or_(and_(waits, call.send_time > put_off), in_time)
    found = (
        select(
            *(call.id, call.kind, call.station, call.send_time, call.cause),
            call.answer_time.is_not(None).label("answered"),
            case((call.code != "", call.code), (is_open, ""), else_=Code.UNKNOWN.value).label(
                "code"
            ),
        )
        .where(
            call.tenant == which.tenant,
            call.send_time >= which.start,
            call.send_time < which.end,
            begins_with(call.station, which.groups),
        )
        .order_by(call.send_time.desc(), call.id.desc())
        .limit(COUNTED_LIMIT)
    )
    if which.stations:
        found = found.where(call.station.in_(list(which.stations)))
    return found.cte("called")


@dataclass(frozen=True)
class CallCounts:
    """What is counted of one period. oldest: None: every command of the period is counted."""

    ends: tuple[CountedCalls, ...]
    stations: tuple[MarkedStation, ...]
    oldest: datetime | None


async def count_calls(
    tx: Tx, which: Counted, *, latest: Mapping[str, datetime], put_off: datetime
) -> CallCounts:
    """How many ended how, and the stations with the most that ended UNKNOWN or without effect.

    latest, put_off: see `_rows`.
    """
    rows = _rows(which, latest, put_off)
    total = select(func.count(), func.min(rows.c.send_time)).select_from(rows)
    count, oldest = (await tx.execute(total)).one()
    return CallCounts(
        ends=await _ends(tx, rows),
        stations=await _stations(tx, rows),
        oldest=oldest if count == COUNTED_LIMIT else None,
    )


async def _ends(tx: Tx, rows: CTE) -> tuple[CountedCalls, ...]:
    group = (rows.c.kind, rows.c.code, rows.c.cause, rows.c.answered)
    newest = (desc(rows.c.send_time), desc(rows.c.id))
    numbered = select(
        *group,
        func.count().over(partition_by=group).label("times"),
        rows.c.station,
        rows.c.send_time,
        func.row_number().over(partition_by=group, order_by=newest).label("nth"),
    ).subquery()
    stmt = select(*numbered.c[:-1]).where(numbered.c.nth == 1)
    return tuple([CountedCalls(*row) for row in await tx.execute(stmt)])


async def _stations(tx: Tx, rows: CTE) -> tuple[MarkedStation, ...]:
    is_unknown, is_vain = rows.c.code == Code.UNKNOWN.value, rows.c.code == Code.NO_EFFECT.value
    unknown, vain = (
        cast(func.sum(case((each, 1), else_=0)), Integer) for each in (is_unknown, is_vain)
    )
    stmt = (
        select(rows.c.station, func.count(), unknown, vain)
        .group_by(rows.c.station)
        .having(unknown + vain > 0)
        .order_by((unknown + vain).desc(), rows.c.station)
        .limit(STATIONS_READ)
    )
    return tuple(
        [
            MarkedStation(station, total, no_truth, no_effect, 0, no_truth + no_effect, "")
            for station, total, no_truth, no_effect in await tx.execute(stmt)
        ]
    )


async def explained_by(tx: Tx, which: Counted, station: str, time: datetime) -> str:
    """The newest command of ours at a station whose story may tell of a command passed on then.

    "" when there is none: it was made by then, and had not ended.
    """
    of = commands.c
    found = (
        select(of.name)
        .where(
            of.tenant == which.tenant,
            of.station == station,
            of.create_time <= time,
            of.create_time >= time - KEPT_FOR,
            or_(of.outcome_time.is_(None), of.outcome_time >= time),
        )
        .order_by(of.create_time.desc(), of.name.desc())
        .limit(1)
    )
    return str((await tx.execute(found)).scalar() or "")
