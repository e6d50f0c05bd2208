"""Reads the truth report: what the database counts, and what the domain makes of it."""

from dataclasses import replace
from datetime import datetime

from broker.access.caller import Caller
from broker.commands.lookups import known_station
from broker.errors import Refusal
from domain.model.truth_report import TruthReport, in_order, slow_after, standing_out
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
    oldest: datetime | None = await oldest_counted(tx, which)
    if oldest is not None:
        which = replace(which, start=oldest)
    times = await measure_times(tx, which)
    return TruthReport(
        start=which.start,
        end=which.end,
        complete=oldest is None,
        ends=in_order(await count_ends(tx, which)),
        times=tuple(times),
        stations=standing_out(
            await marked_stations(tx, which, slow_after(times)), await mended_stations(tx, which)
        ),
    )
