"""Ends of sessions under ids that nobody knows: whose they are, and what is kept of them.

Such an end proves little: the session may be one that we never heard of. It ends the one session
that it can only be of. Else it is kept as a report that nobody could take, so that nobody says that
nothing has ended.
"""

from datetime import datetime

from domain.commands.rules import no_reservation
from domain.commands.table import COMMANDS
from domain.evidence.plugs import ToldEnd
from domain.ocpp_words import StationMessage, StopReason
from fleet import sends, transactions
from fleet.engine.statements import Tx
from fleet.engine.values import ID_LIMIT
from fleet.transactions.rows import Transaction
from journal.commands import plugs
from journal.commands.requested import request_of
from station_gateway.dialects.messages import SessionEvent, SessionStopped
from station_gateway.facts.ownership import owns_session
from station_gateway.facts.reports import keep_untaken
from station_gateway.session.events import Untaken
from station_gateway.stations.peer import Peer

_OF_SESSIONS = {
    kind.value for kind, rules in COMMANDS.items() if rules.reservation_update is no_reservation
}
"""The kinds of frames that name no reservation's number, so that a number is a transaction's id."""


async def named_by_end(
    tx: Tx, peer: Peer, call: SessionStopped, now: datetime
) -> Transaction | None:
    """The session whose id a 1.6 end names. One that a stop of ours has named is known, too."""
    id = transactions.canonical_id_v16(call.ocpp_transaction_id)
    found = await transactions.by_ocpp_transaction_id(tx, peer.id, id)
    if found is not None or id not in await _told_to_stop(tx, peer):
        return found
    if not await owns_session(tx, peer, id):
        return None
    await transactions.observe(
        tx,
        station=peer.id,
        tenant=peer.tenant,
        ocpp_transaction_id=id,
        evse_id=None,
        meter_wh=None,
        now=now,
    )
    return await transactions.by_ocpp_transaction_id(tx, peer.id, id)


async def _told_to_stop(tx: Tx, peer: Peer) -> set[str]:
    """The transaction ids that open frames of ours name."""
    frames = await sends.open_for_station(tx, peer.id)
    return {send.named_id for send in frames if send.named_id and send.kind in _OF_SESSIONS}


async def meant(
    tx: Tx, peer: Peer, call: SessionStopped, digest: str | None, now: datetime
) -> str | None:
    """The transaction id of the session that an end under no id of ours is about, if that is clear.

    An id that we never gave may be of a session that we never heard of: then nothing is guessed.
    Where a remote stop was the reason, the session that we told to stop is meant.
    """
    told = ToldEnd(call.time.time, call.time.suspect, digest, call.meter_stop_wh)
    if not call.id_known:
        known = peer.clock.is_known(zoned=call.time.zoned)
        found = await plugs.meant_by_stop(tx, peer.id, told, clock_known=known, now=now)
        if found is not None or call.reason != StopReason.REMOTE:
            return found
        return await plugs.ended_remotely(tx, peer.id, told, await _told_to_stop(tx, peer))
    if not await owns_session(tx, peer, call.ocpp_transaction_id):
        return None
    return await plugs.ended_under_another_id(tx, peer.id, told)


async def ended_unheard_of(
    tx: Tx, peer: Peer, call: SessionEvent, digest: str | None, now: datetime
) -> bool:
    """An end is all that we ever heard of this session: perhaps it is the end of another one.

    Returns whether somebody is to be woken.
    """
    told = ToldEnd(call.time.time, call.time.suspect, digest, call.meter_wh, call.evse_id)
    ended = await plugs.end_under_another_id(tx, peer.id, told, now)
    detail = "transactionInfo.transactionId: names none of the sessions that run"
    untaken = Untaken(
        f"{StationMessage.TRANSACTION_EVENT}:{call.ocpp_transaction_id}"[:ID_LIMIT],
        StationMessage.TRANSACTION_EVENT,
        "no_session",
        detail,
        call.evse_id,
    )
    return await keep_untaken(tx, peer, untaken, now) or bool(ended)


async def named_another_request(
    tx: Tx, peer: Peer, call: SessionEvent, session: Transaction, now: datetime
) -> bool:
    """A 2.x event names another request of ours than its session did before: whose is it?

    The session stays that of the first one. Nobody may say of the other one that nothing began.
    Returns whether somebody is to be woken.
    """
    number = call.remote_start_id
    if number is None or session.remote_start_id in {None, number}:
        return False
    if await request_of(tx, session, number) is None:
        return False
    untaken = Untaken(
        f"{StationMessage.TRANSACTION_EVENT}:{session.name}:{number}",
        StationMessage.TRANSACTION_EVENT,
        "two_requests",
        "transactionInfo.remoteStartId: names another request than before",
        session.evse_id,
        call.ocpp_transaction_id[:ID_LIMIT],
    )
    return await keep_untaken(tx, peer, untaken, now)


def of_no_session(call: SessionStopped) -> Untaken:
    """The report of a 1.6 end that names no session."""
    key = f"{call.ocpp_transaction_id}:{call.meter_stop_wh}:{call.reason}"
    if not call.time.suspect:
        key += f":{call.time.time.isoformat()}"
    detail = "transactionId: names none of the sessions that run"
    return Untaken(
        f"{StationMessage.STOP_TRANSACTION}:{key}",
        StationMessage.STOP_TRANSACTION,
        "no_session",
        detail,
    )
