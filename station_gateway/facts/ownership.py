"""Ids in a station's messages that belong to another station (S10, F33).

Whoever knows an id must not be able to do anything with it: a foreign id is as if it had not been
said, and an operator is told of it.
"""

import structlog

from fleet.engine.statements import Tx
from fleet.log import reservations
from fleet.transactions import transactions
from station_gateway.stations.peer import Peer
from telemetry import metrics

log = structlog.get_logger(__name__)


async def own_reservation(tx: Tx, peer: Peer, wire_id: int | None) -> int | None:
    """The reservation's number as the station said it; None when it is another station's.

    A number that nobody here minted stays: another system may have made that hold.
    """
    if wire_id is None:
        return None
    holder = await reservations.station_of(tx, wire_id)
    if holder is None or holder == peer.id:
        return wire_id
    report("foreign_reservation", peer)
    return None


async def owns_session(tx: Tx, peer: Peer, ocpp_id: str) -> bool:
    """Whether a 1.6 transaction id was not minted for another station."""
    if not await transactions.belongs_to_another(tx, peer.id, ocpp_id):
        return True
    report("foreign_transaction", peer)
    return False


def report(event: str, peer: Peer) -> None:
    """Tell an operator what a station did that it had no right to."""
    metrics.SECURITY_EVENTS.labels(event=event).inc()
    log.warning("security_event", station=peer.id, event_type=event)
