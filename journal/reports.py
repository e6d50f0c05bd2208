"""What a station reported and nobody could take, as the domain sees it."""

from datetime import datetime

from domain.evidence.proof import CONTRADICTING_ANSWER, RELAY_GAP, UntakenReport
from fleet import reports
from fleet.engine.statements import Tx


async def untaken_since(tx: Tx, station: str, since: datetime) -> tuple[UntakenReport, ...]:
    """The reports since then that could not be used, the oldest first.

    Where there are more than are read, one about nothing certain stands for the rest.
    """
    rows = await reports.untaken_since(tx, station, since)
    found = tuple(
        UntakenReport(
            row.action, row.received_time, row.evse_id, row.reason == CONTRADICTING_ANSWER
        )
        for row in rows
    )
    if len(rows) < reports.READ_LIMIT:
        return found
    return (*found, UntakenReport("", rows[-1].received_time))


async def gaps_since(tx: Tx, station: str, since: datetime) -> tuple[datetime, ...]:
    """When something was passed on between a station and its back end that was not kept."""
    return tuple(await reports.times_of(tx, station, RELAY_GAP, since))
