"""Which request of ours a session is the effect of, and the token that it carries therefore (2.x).

A station may begin a session before it knows its token, and may never tell it. A session that names
our request (remoteStartId), or that the station named in its answer to our request, carries the
token of that request. The session's row gets it, so that a stop by token finds the session. That is
no verdict: nobody has told or judged a token.
"""

from datetime import datetime

from domain.commands.table import COMMANDS
from domain.model.answers import StationAnswer, Verdict
from domain.model.numbers import is_of_an_earlier_round
from fleet import remote_starts, sends, transactions
from fleet.engine.statements import Tx
from fleet.sends import Send
from fleet.transactions.rows import Transaction
from journal.commands.answers import answer_from_row

_STARTS = {kind.value for kind, rules in COMMANDS.items() if rules.admits_token}


async def request_of(tx: Tx, session: Transaction, number: int) -> Send | None:
    """Our start with this number; None when there is none, or another session is its effect."""
    send = await remote_starts.by_number(tx, session.station, number)
    if send is None or not _is_start(send):
        return None
    if is_of_an_earlier_round(session.stop_received_time, send.send_time):
        return None
    first = await transactions.for_remote_start(tx, session.station, number, sent=send.send_time)
    return send if first is None or first.id == session.id else None


async def with_requested_token(tx: Tx, session: Transaction, now: datetime) -> Transaction:
    """The session, with the token of our request when it tells no token of its own.

    The answer to the request may have named a session of which we hear now for the first time.
    """
    if session.token_digest is not None:
        return session
    send = None
    if session.remote_start_id is not None:
        send = await request_of(tx, session, session.remote_start_id)
    elif session.received_time == now:
        send = await _answered_with(tx, session)
    return session if send is None else await _named(tx, session, send, now)


async def name_by_answer(tx: Tx, send: Send, answer: StationAnswer, now: datetime) -> None:
    """Give the session that the answer to our start names the token of that start."""
    if not _is_start(send) or not _names(answer):
        return
    session = await transactions.by_ocpp_transaction_id(
        tx, send.station, answer.ocpp_transaction_id or ""
    )
    if session is not None and session.token_digest is None and session.remote_start_id is None:
        await _named(tx, session, send, now)


async def _answered_with(tx: Tx, session: Transaction) -> Send | None:
    for send in await sends.open_for_station(tx, session.station):
        if not _is_start(send) or send.answer is None:
            continue
        answer = answer_from_row(send.answer)
        if _names(answer) and answer.ocpp_transaction_id == session.ocpp_transaction_id:
            return send
    return None


def _names(answer: StationAnswer) -> bool:
    return answer.verdict is Verdict.ACCEPTED and bool(answer.ocpp_transaction_id)


def _is_start(send: Send) -> bool:
    return send.kind in _STARTS and not send.undo and send.state != "VOID"


async def _named(tx: Tx, session: Transaction, send: Send, now: datetime) -> Transaction:
    if send.token_digest is None:
        return session
    return await transactions.name_requested(
        tx,
        session,
        token_digest=send.token_digest,
        token_masked=send.token_masked,
        group_digest=send.group_digest,
        now=now,
    )
