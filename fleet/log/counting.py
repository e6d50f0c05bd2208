"""Counts how the commands of a period ended: by kind and cause, how long they took, by station.

The database counts. What it reads is bounded: the newest `COUNTED_LIMIT` commands of the period, by
the index that lists commands, and none of their snapshots. Every query takes the same `Counted`,
so that all of them are about the same commands when they run on one connection of SQLite; on
PostgreSQL a command may end between two of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Integer,
    and_,
    case,
    cast,
    desc,
    false,
    func,
    or_,
    select,
    type_coerce,
)

from domain.model.command import Code, State
from domain.model.truth_report import CountedEnds, MarkedStation, MendedStation, TimesToTruth
from fleet.engine.statements import Tx, begins_with
from fleet.tables import commands, mended_reports, stations

COUNTED_LIMIT = 50_000
"""How many commands one report counts at most."""

STATIONS_READ = 100
"""How many stations with marked commands, and how many with mended reports, are read."""

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Counted:
    """Which commands are counted: those made between `start` and `end` (exclusive).

    stations: only for these; empty: for all. groups: the identity of the station begins with one of
    them; empty: any.
    """

    tenant: str
    start: datetime
    end: datetime
    stations: Sequence[str] = ()
    groups: Sequence[str] = ()


def _rows(which: Counted) -> CTE:
    """The commands that are counted. took: until a definite outcome, in microseconds, else NULL.

    An UNKNOWN is no outcome before its command is DONE: the truth is still looked for.
    """
    columns = commands.c
    is_open = and_(columns.outcome_code == Code.UNKNOWN.value, columns.state != State.DONE.value)
    is_definite = columns.outcome_code.not_in(["", Code.UNKNOWN.value])
    took = type_coerce(columns.outcome_time, BigInteger) - type_coerce(
        columns.create_time, BigInteger
    )
    found = (
        select(
            *(columns.name, columns.kind, columns.station, columns.create_time),
            *(
                case((is_open, ""), else_=columns.outcome_code).label("code"),
                case((is_open, ""), else_=func.coalesce(columns.outcome_cause, "")).label("cause"),
            ),
            case((is_definite, took)).label("took"),
        )
        .where(
            columns.tenant == which.tenant,
            columns.create_time >= which.start,
            columns.create_time < which.end,
            begins_with(columns.station, which.groups),
        )
        .order_by(columns.create_time.desc(), columns.name.desc())
        .limit(COUNTED_LIMIT)
    )
    if which.stations:
        found = found.where(columns.station.in_(list(which.stations)))
    return found.cte("counted")


async def oldest_counted(tx: Tx, which: Counted) -> datetime | None:
    """When the oldest command that is counted was made; None: every one of the period is counted.

    The others of the period are older.
    """
    rows = _rows(which)
    found = select(func.count(), func.min(rows.c.create_time)).select_from(rows)
    count, oldest = (await tx.execute(found)).one()
    return oldest if count == COUNTED_LIMIT else None


async def count_ends(tx: Tx, which: Counted) -> list[CountedEnds]:
    """How many commands of each kind ended with each code and cause."""
    rows = _rows(which)
    group = (rows.c.kind, rows.c.code, rows.c.cause)
    newest = (desc(rows.c.create_time), desc(rows.c.name))
    numbered = select(
        *group,
        func.count().over(partition_by=group).label("times"),
        rows.c.name,
        func.row_number().over(partition_by=group, order_by=newest).label("nth"),
    ).subquery()
    stmt = select(*numbered.c[:-1]).where(numbered.c.nth == 1)
    return [CountedEnds(*row) for row in await tx.execute(stmt)]


async def measure_times(tx: Tx, which: Counted) -> list[TimesToTruth]:
    """How long the commands of each kind took until their definite outcome, by kind."""
    rows = _rows(which)
    by_time = (rows.c.took, rows.c.name)
    ranked = (
        select(
            rows.c.kind,
            func.count().over(partition_by=rows.c.kind).label("times"),
            *(rows.c.took, rows.c.name),
            func.row_number().over(partition_by=rows.c.kind, order_by=by_time).label("nth"),
        )
        .where(rows.c.took.is_not(None))
        .subquery()
    )
    of = ranked.c
    median, percentile_99 = (of.times + 1) // 2, of.times - of.times // 100
    stmt = select(of.kind, of.times, of.took, of.name).where(of.nth.in_([median, percentile_99]))
    found: dict[str, list[Any]] = {}
    for row in await tx.execute(stmt.order_by(of.kind, of.nth)):
        found.setdefault(row.kind, []).append(row)
    return [
        TimesToTruth(kind, at[0].times, _span(at[0].took), _span(at[-1].took), at[-1].name)
        for kind, at in found.items()
    ]


async def marked_stations(
    tx: Tx, which: Counted, slow_after: Mapping[str, timedelta]
) -> list[MarkedStation]:
    """The stations with the most marked commands (`domain.model.truth_report`), the most first.

    slow_after: by kind, how long a command may take until it is slow.
    """
    rows = _rows(which)
    unknown, no_effect = rows.c.code == Code.UNKNOWN.value, rows.c.code == Code.NO_EFFECT.value
    slow = and_(~no_effect, or_(false(), *_slower(rows, slow_after)))
    is_slow = and_(rows.c.took.is_not(None), slow)
    marked = or_(unknown, no_effect, is_slow)
    counts = (unknown, no_effect, is_slow, marked)
    order = (desc(case((marked, 1), else_=0)), desc(rows.c.create_time), desc(rows.c.name))
    numbered = select(
        rows.c.station,
        func.count().over(partition_by=rows.c.station).label("times"),
        *(
            cast(
                func.sum(case((each, 1), else_=0)).over(partition_by=rows.c.station), Integer
            ).label(f"marks_{place}")
            for place, each in enumerate(counts)
        ),
        rows.c.name,
        func.row_number().over(partition_by=rows.c.station, order_by=order).label("nth"),
    ).subquery()
    stmt = (
        select(*numbered.c[:-1])
        .where(numbered.c.nth == 1, numbered.c.marks_3 > 0)
        .order_by(numbered.c.marks_3.desc(), numbered.c.station)
        .limit(STATIONS_READ)
    )
    return [MarkedStation(*row) for row in await tx.execute(stmt)]


async def mended_stations(tx: Tx, which: Counted) -> list[MendedStation]:
    """The stations of which a report was mended since the start of the period, the most first."""
    reports = func.sum(mended_reports.c.times)
    stmt = (
        select(
            mended_reports.c.station,
            cast(reports, BigInteger),
            func.max(mended_reports.c.last_time, type_=mended_reports.c.last_time.type),
        )
        .join(stations, stations.c.id == mended_reports.c.station)
        .where(
            stations.c.tenant == which.tenant,
            begins_with(stations.c.id, which.groups),
            mended_reports.c.last_time >= which.start,
        )
        .group_by(mended_reports.c.station)
        .order_by(reports.desc(), mended_reports.c.station)
        .limit(STATIONS_READ)
    )
    if which.stations:
        stmt = stmt.where(stations.c.id.in_(list(which.stations)))
    return [MendedStation(*row) for row in await tx.execute(stmt)]


def _slower(rows: CTE, slow_after: Mapping[str, timedelta]) -> list[ColumnElement[bool]]:
    return [
        and_(rows.c.kind == kind, rows.c.took > limit // _MICROSECOND)
        for kind, limit in slow_after.items()
    ]


def _span(microseconds: int) -> timedelta:
    return max(timedelta(microseconds=microseconds), timedelta(0))
