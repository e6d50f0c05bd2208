"""Reads the truth report: what the database counts, and what the domain makes of it."""

from dataclasses import replace
from datetime import timedelta

from broker.access.caller import Caller
from broker.commands.lookups import known_station
from broker.errors import Refusal
from domain.back_end.commands import PUT_OFF, rules_of_theirs, undecided_outcome
from domain.model.command import Code
from domain.model.specs import Kind
from domain.model.truth_report import (
    TheirCountedEnds,
    TruthReport,
    in_order,
    slow_after,
    standing_out,
    theirs_in_order,
    with_theirs,
)
from fleet.back_end.counting import CallCounts, CountedCalls, count_calls, explained_by
from fleet.engine.statements import Tx
from fleet.log.counting import (
    Counted,
    count_ends,
    marked_stations,
    measure_times,
    mended_stations,
    oldest_counted,
)


async def check_stations(tx: Tx, caller: Caller, which: Counted) -> None:
    """Refuse a station that the caller does not know, and of which nothing is counted.

    The commands of a deleted station are counted. Raises: Refusal (STATION_NOT_FOUND).
    """
    for id in which.stations:
        try:
            await known_station(tx, caller, id)
        except Refusal:
            if not await count_ends(tx, replace(which, stations=[id])):
                raise


async def read_report(tx: Tx, which: Counted) -> TruthReport:
    """The report of these commands, or of the newest of them when they are too many."""
    cuts = [await oldest_counted(tx, which), (await _count_theirs(tx, which)).oldest]
    cut = max((each for each in cuts if each is not None), default=None)
    if cut is not None:
        which = replace(which, start=cut)
    times = await measure_times(tx, which)
    theirs = await _count_theirs(tx, which)
    marked = await marked_stations(tx, which, slow_after(times))
    return TruthReport(
        start=which.start,
        end=which.end,
        complete=cut is None,
        ends=in_order(await count_ends(tx, which)),
        times=tuple(times),
        stations=standing_out(
            with_theirs(marked, theirs.stations), await mended_stations(tx, which)
        ),
        theirs=tuple(
            [
                replace(each, command=await explained_by(tx, which, each.station, each.time))
                for each in theirs_in_order(_told(each) for each in theirs.ends)
            ]
        ),
    )


async def _count_theirs(tx: Tx, which: Counted) -> CallCounts:
    """What the back end itself asked for. What nothing has decided in its time is UNKNOWN."""
    latest = {kind.value: which.end - rules_of_theirs(kind).latest for kind in Kind}
    return await count_calls(tx, which, latest=latest, put_off=which.end - PUT_OFF)


def _told(ends: CountedCalls) -> TheirCountedEnds:
    cause = ends.cause
    if ends.code == Code.UNKNOWN and not cause:
        unknown = undecided_outcome(
            Kind(ends.kind), answered=ends.answered, put_off=False, age=timedelta.max
        )
        cause = unknown.cause if unknown is not None else ""
    return TheirCountedEnds(ends.kind, ends.code, cause, ends.count, ends.station, ends.time)
