"""Whether an answer of a station may be the end of its command, by what else the station said.

A station may say no to a start and begin a session all the same, in either order. What it has
reported since the frame left is looked at before its no is believed; then all facts decide. So
they do after the yes to a cancel of a reservation that a session has used, and after every no to
what cannot be undone.
"""

from datetime import datetime

from domain.commands.table import COMMANDS
from domain.commands.transitions import may_decide
from domain.model.answers import StationAnswer
from domain.model.specs import Kind
from fleet import reports, stations, transactions
from fleet.engine.statements import Tx


async def decides(
    tx: Tx,
    kind: Kind,
    station: str,
    answer: StationAnswer,
    send_time: datetime,
    *,
    named_id: str | None,
) -> bool:
    """Whether this answer to a frame that left at `send_time` may be the end of its command.

    named_id: OCPP's id of what the frame was about.
    """
    if not may_decide(answer):
        return False
    if answer.verdict.is_yes and COMMANDS[kind].yes_is_weighed and named_id:
        return not await transactions.for_reservation(tx, station, int(named_id))
    if answer.verdict.is_no and COMMANDS[kind].no_settles:
        return False
    if not (answer.verdict.is_no and COMMANDS[kind].no_is_weighed):
        return True
    return not await _reported_since(tx, station, send_time)


async def _reported_since(tx: Tx, station_id: str, since: datetime) -> bool:
    """Whether the station reported a session or a boot, or something that could not be used."""
    if await transactions.heard_since(tx, station_id, received_after=since):
        return True
    if await reports.untaken_since(tx, station_id, since):
        return True
    station = await stations.get(tx, station_id)
    return station is not None and station.boot_time is not None and station.boot_time > since
