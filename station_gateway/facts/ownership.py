"""Checks that the ids in a station's messages are its own.

A station that knows the id of another station's transaction or reservation must not be able to do
anything with it. A foreign id is ignored, and an operator is told about it.
"""

import structlog

from fleet import transactions
from fleet.engine.statements import Tx
from fleet.log import reservations
from station_gateway.stations.peer import Peer
from telemetry import metrics

log = structlog.get_logger(__name__)


async def own_reservation(tx: Tx, peer: Peer, wire_id: int | None) -> int | None:
    """The reservation's id as the station said it; None when it belongs to another station.

    An id that we never minted stays: another system may have made that reservation. So does each id
    of a station behind another back end, which gives the same ids as we do.
    """
    if wire_id is None or peer.relayed:
        return wire_id
    if not await reservations.belongs_to_another(tx, peer.id, wire_id):
        return wire_id
    report("foreign_reservation", peer)
    return None


async def owns_session(tx: Tx, peer: Peer, ocpp_transaction_id: str) -> bool:
    """Whether a 1.6 transaction id, unknown here, may be this station's: no other one runs it.

    Behind another back end each id is: that one gives them.
    """
    if peer.relayed or not await transactions.belongs_to_another(tx, peer.id, ocpp_transaction_id):
        return True
    report("foreign_transaction", peer)
    return False


def report(event: str, peer: Peer) -> None:
    """Tell an operator that a station used what is not its own."""
    metrics.SECURITY_EVENTS.labels(event=event).inc()
    log.warning("security_event", station=peer.id, event_type=event)
