"""What a gateway passed on and did not live to record.

A back end answers a station at once, so the station forgets what it told, and never tells it again.
A gateway process that is killed in that moment takes the copy with it, and so does one that has to
stop while the database is slow. Its socket is never released then: a release comes after the last
copy. Whoever holds the station next keeps a doubt.
"""

from datetime import datetime

from domain.evidence.proof import RELAY_GAP
from fleet import connections
from fleet.engine.statements import Tx
from station_gateway.facts.reports import keep_untaken
from station_gateway.session.events import Untaken
from station_gateway.stations.peer import Peer


async def doubt_if_lost(tx: Tx, peer: Peer, process: str, now: datetime) -> bool:
    """Keep a doubt if another process may have lost copies. Call it before the station's claim.

    process: with what the connection ids of this process begin; its copies are not lost.

    Returns whether somebody is to be woken.
    """
    last = await connections.latest(tx, peer.id)
    if last is None or not last.gateway or last.connection_id.startswith(process):
        return False
    detail = "the gateway before may have ended without recording all that it passed on"
    told = Untaken(f"relay:{peer.connection_id}:0", "", RELAY_GAP, detail)
    return await keep_untaken(tx, peer, told, now)
