"""Whether a frame may still be written: decided at the time of writing, and not when it was queued.

A frame may wait for its turn, or for the database, while its time runs out, or while its
reservation comes to an end, or its station gets into quarantine.
"""

from datetime import datetime

from contract.commands import SendFrameInput
from domain.commands.table import COMMANDS
from domain.model.twins import in_quarantine
from domain.reservations.admission import may_still_be_asked_for, sent_until
from fleet import connections
from fleet.engine.statements import Tx
from fleet.log import reservations
from journal.reservations.record import from_snapshot


def last_moment(request: SendFrameInput) -> datetime:
    """Until when a frame may be written, whatever else happens."""
    spec = request.reserve
    return request.not_after if spec is None else sent_until(request.not_after, spec.expire_time)


async def is_in_time(tx: Tx, request: SendFrameInput, now: datetime) -> bool:
    """Whether neither the frame's time is over, nor that of the reservation that it asks for."""
    if now >= request.not_after:
        return False
    spec = request.reserve
    if spec is None:
        return True
    entry = await reservations.get(tx, tenant=request.tenant, name=spec.reservation)
    known = None if entry is None else from_snapshot(entry.snapshot)
    return may_still_be_asked_for(known, spec.expire_time, now)


async def is_barred(tx: Tx, request: SendFrameInput, now: datetime) -> bool:
    """Whether the station's quarantine keeps this frame from it."""
    if not COMMANDS[request.kind].barred_by_quarantine:
        return False
    return in_quarantine(await connections.quarantine_end(tx, request.station), now)
