"""An authorisation lasts as long as its session, not as long as the command that brought it.

A station repeats a message until it hears our answer: on the next socket, minutes or days later.
By then the command may be DONE, the reservation over, or the token changed in the table. The same
question gets the verdict that was given first. A token (or its group) that a command or a
reservation brought is good for its session to its end, and no longer. What was said stands in the
session's row, so any gateway process gives the same answer.
"""

from dataclasses import replace
from datetime import datetime

from domain.limits import BEGUN_ANEW
from fleet import transactions
from fleet.engine.statements import Tx
from fleet.transactions import judged
from fleet.transactions.rows import Transaction
from journal.commands.requested import request_of
from station_gateway.dialects.messages import Authorization, TokenVerdict
from station_gateway.facts.authorizer import Judgement

START = "start"
STOP = "stop"
"""The questions about a token that OCPP 1.6 asks once per session."""


def event_question(event_type: str, seq_no: int) -> str:
    """The question about a token that a 2.x event asks. A repeated event asks the same one."""
    return f"{event_type}:{seq_no}"


async def judge_within(
    tx: Tx,
    session: Transaction | None,
    token: Judgement,
    question: str,
    remote_start_id: int | None = None,
) -> Judgement:
    """The verdict on a token within its session.

    token: as it would be judged without the session. session: None while nobody heard of it.
    remote_start_id: of our request, as the message that asks names it (2.x).
    """
    if session is None:
        return token
    earlier = judged.earlier_verdict(session, token.digest, question)
    if earlier is not None:
        return _with_verdict(token, TokenVerdict(earlier))
    if token.by_back_end:
        return token
    if judged.is_brought(session, token.digest, token.group_digest):
        return replace(_with_verdict(token, TokenVerdict.ACCEPTED), brought=(token.digest,))
    if session.judged is None and session.token_digest == token.digest:
        return _as_recorded(session, token)
    if token.accepted:
        return token
    number = session.remote_start_id if remote_start_id is None else remote_start_id
    send = None if number is None else await request_of(tx, session, number)
    if send is not None:
        digests = tuple(digest for digest in (send.token_digest, send.group_digest) if digest)
        if {token.digest, token.group_digest} & set(digests):
            return replace(_with_verdict(token, TokenVerdict.ACCEPTED), brought=digests)
    return token


async def begun_anew(
    tx: Tx, station: str, evse_id: int | None, token: Judgement, now: datetime
) -> Judgement:
    """The verdict on the token of a session that nobody has heard of.

    Some stations begin a session anew, under another id, and say nothing of the end of the first.
    To its driver it is one session. So a token that was brought for a session keeps its right on
    the same plug, while that session stands as running and began only just now.
    """
    if token.accepted or token.by_back_end or not evse_id:
        return token
    for session in await transactions.active(tx, station, evse_id=evse_id):
        recent = session.received_time >= now - BEGUN_ANEW
        if recent and judged.is_brought(session, token.digest, token.group_digest):
            return replace(_with_verdict(token, TokenVerdict.ACCEPTED), brought=(token.digest,))
    return token


async def in_running_session(tx: Tx, station: str, token: Judgement) -> Judgement:
    """The verdict on a token that names no session: one of a running session may end it."""
    if token.accepted or token.by_back_end:
        return token
    for session in await transactions.active(tx, station):
        if judged.is_brought(session, token.digest, token.group_digest):
            return _with_verdict(token, TokenVerdict.ACCEPTED)
    return token


def entries(token: Judgement, question: str) -> dict[str, str]:
    """What a session keeps of a verdict; without one only that it is owed."""
    if not token.is_judged:
        return {} if question == STOP else {token.digest: judged.UNJUDGED}
    verdict = token.authorization.verdict.value
    return judged.entries(
        *(token.digest, question, verdict, token.brought),
        listed=token.listed,
        by_back_end=token.by_back_end,
    )


async def keep(
    tx: Tx, session: Transaction, token: Judgement | None, new: dict[str, str]
) -> tuple[Transaction, bool]:
    """Add entries to those of the session. Whether its token got the verdict that was owed."""
    owed = judged.is_unjudged(session)
    accepted = token is not None and token.accepted
    session = await judged.keep(tx, session, new, accepted=accepted)
    return session, owed and not judged.is_unjudged(session)


async def begun(
    tx: Tx, session: Transaction, token: Judgement, is_new: bool, late: bool
) -> tuple[Transaction, Judgement, bool]:
    """The start of a session (1.6). Of one that is known only a verdict that was owed counts.

    late: it comes so late that it judges nothing. Returns whether it tells news, too.
    """
    if is_new:
        return session, token, True
    token = await judge_within(tx, session, token, START)
    if late or not judged.is_unjudged(session):
        return session, token, False
    session, is_judged = await keep(tx, session, token, entries(token, START))
    return session, token, is_judged


def entries_of_event(token: Judgement | None, question: str, *, elsewhere: bool) -> dict[str, str]:
    """The same for an event of 2.x. elsewhere: another back end judges the tokens."""
    new = {} if token is None else entries(token, question)
    return {**judged.ELSEWHERE, **new} if elsewhere else new


def _as_recorded(session: Transaction, token: Judgement) -> Judgement:
    """The verdict that the row of an older version of this program still tells."""
    if session.authorized:
        return _with_verdict(token, TokenVerdict.ACCEPTED)
    return _with_verdict(token, TokenVerdict.INVALID) if token.accepted else token


def _with_verdict(token: Judgement, verdict: TokenVerdict) -> Judgement:
    """The same token with this verdict. It says no time to which it may be trusted."""
    if token.authorization.verdict is verdict:
        return token
    told = Authorization(verdict, group=token.authorization.group)
    kept = token.brought if verdict is TokenVerdict.ACCEPTED else ()
    return replace(token, authorization=told, brought=kept)
