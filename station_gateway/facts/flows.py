"""Energy that flows where no session is known: a session may have begun that was not reported.

OCPP 1.6 names the session in MeterValues, 2.x tells the meter of a session in its events. What
comes without a session is mostly the clock's: an idle plug that shows nothing.
"""

from datetime import datetime, timedelta

from domain.limits import CLOCK_TOLERANCE
from domain.ocpp_words import StationMessage
from fleet import transactions
from fleet.engine.statements import Tx
from station_gateway.dialects.messages import MeterRead, StationTime
from station_gateway.facts.reports import keep_untaken
from station_gateway.session.events import Untaken
from station_gateway.stations.peer import KNOWN_SESSIONS, Peer

FLOW_W = 200.0
"""A charging car draws more, an idle plug less."""

FLOW_WH = 10
"""By how much a register has to rise between two readings."""

FRESH = timedelta(minutes=1)
"""How old a reading may be: one that a station has held back tells of a session that is over."""


def flows(peer: Peer, call: MeterRead, now: datetime) -> bool:
    """Whether a place shows power, or more energy than at its last reading on this connection."""
    evse_id = call.evse_id
    if not evse_id or evse_id < 0 or not _may_be_fresh(call.time, now):
        return False
    last = peer.registers.get(evse_id)
    if call.meter_wh is not None and (last is not None or len(peer.registers) < KNOWN_SESSIONS):
        peer.registers[evse_id] = call.meter_wh
    rises = last is not None and call.meter_wh is not None and call.meter_wh >= last + FLOW_WH
    return rises or (call.power_w is not None and call.power_w >= FLOW_W)


def _may_be_fresh(told: StationTime, now: datetime) -> bool:
    """Whether it may tell of now. It only raises a doubt, so a clock may be a little ahead."""
    return not told.suspect and now - FRESH <= told.time <= now + CLOCK_TOLERANCE


async def keep_flow(tx: Tx, peer: Peer, evse_id: int, now: datetime) -> bool:
    """Keep it as a report that nobody could take, unless a session runs there.

    Returns whether somebody is to be woken.
    """
    running = await transactions.active(tx, peer.id)
    if any(row.evse_id in {None, evse_id} for row in running):
        return False
    told = Untaken(
        f"{StationMessage.METER_VALUES}:flows:{evse_id}",
        StationMessage.METER_VALUES,
        "no_session",
        "energy flows, and no session is known to run there",
        evse_id,
    )
    return await keep_untaken(tx, peer, told, now)
