"""Refuses tokens in places that are booked for other drivers, and lets in those of bookings.

What is asked is whether a session may begin. Who charges already is never refused for a booking: a
card has to end the session that it began. A start that was asked for by a command stands, too: the
command was checked when it was made. Where another back end (CSMS) judges the tokens, it judges.

A token that nobody else knows is good by its booking: in the booking's time, in its pool. A hold at
the station is not needed for that: it may be refused, be used already, or stand at another station.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.bookings.booking import Booking
from domain.bookings.enforcement import PlaceEntry
from domain.ocpp_words import TransactionPhase
from fleet import transactions
from fleet.engine.statements import Tx
from fleet.transactions import judged
from fleet.transactions.rows import ENDED, Transaction
from journal.bookings.arrivals import awaits_card
from journal.bookings.entries import (
    LONGEST_EARLY,
    StationEntry,
    entry,
    missed_at,
    missed_by,
    own_booking,
)
from journal.bookings.sessions import freed
from journal.bookings.waking import wake_booking
from station_gateway.dialects.messages import (
    Authorization,
    SessionEvent,
    SessionStarted,
    StationTime,
    TokenVerdict,
)
from station_gateway.facts.authorizer import Judgement
from station_gateway.stations.peer import Peer

_REPORTED_LATE = timedelta(seconds=2)
"""A session that is reported so long after it began may be of a booking that has ended."""

_WORDS = {
    PlaceEntry.BOOKED: TokenVerdict.NOT_AT_THIS_TIME,
    PlaceEntry.TOO_EARLY: TokenVerdict.NOT_AT_THIS_TIME,
    PlaceEntry.ELSEWHERE: TokenVerdict.NOT_AT_THIS_LOCATION,
}


async def judge_card(tx: Tx, peer: Peer, token: Judgement, now: datetime) -> Judgement:
    """The verdict on a token that is shown to the station, of which nobody knows for which EVSE."""
    token = await _let_in(tx, peer, token, None, now)
    said = await _said(tx, peer, token, None, now)
    return token if said is None else _with_entry(token, said)


async def shown_by(tx: Tx, peer: Peer, token: Judgement, now: datetime) -> Booking | None:
    """The booking whose driver is there, as a card that is shown tells; None: it is no news.

    It is also asked of a card that is refused: its driver came all the same.
    """
    own = await own_booking(tx, peer.tenant, peer.id, None, digests=_digests(token), at=now)
    return own if own is not None and awaits_card(own) else None


async def judge_start(
    tx: Tx,
    peer: Peer,
    call: SessionStarted | SessionEvent,
    token: Judgement,
    *,
    known: Transaction | None,
    now: datetime,
) -> Judgement:
    """The verdict on a token with which a session begins; its booking is woken.

    known: the session, when it began before this token was shown. It has begun when it has a token.
    """
    ends = isinstance(call, SessionEvent) and call.event_type == TransactionPhase.ENDED
    at = _moment(call.time, now)
    if _start_is_unknown(call, known):
        since = at - LONGEST_EARLY
        await _wake_missed(tx, peer, token, (since, at), now)
    if ends or (known is not None and known.token_digest):
        return token
    evse_id = call.evse_id or (known.evse_id if known else None)
    late = now - at > _REPORTED_LATE
    token = await _let_in(tx, peer, token, evse_id, at, late=late)
    said = await _said(tx, peer, token, evse_id, at)
    if late and (token.accepted or not token.is_judged):
        await _wake_missed(tx, peer, token, (at, at), now)
    if said is None:
        return token
    if said.may_charge and said.booking is not None:
        await wake_booking(tx, said.booking, "its driver has come", now)
        return replace(token, booking_woken=True)
    return await _refused(tx, token, said, now)


async def session_over(tx: Tx, session: Transaction, now: datetime) -> bool:
    """Wakes whom the end of a session concerns. Returns whether it has ended, and there are any."""
    return session.state == ENDED and await freed.session_ended(tx, session, now)


async def _let_in(
    tx: Tx, peer: Peer, token: Judgement, evse_id: int | None, at: datetime, *, late: bool = False
) -> Judgement:
    """The verdict on a token that only its booking knows. at: when the session began.

    late: it is reported late, and may be of a booking of which was told that nobody came.
    """
    if token.accepted or token.known or token.by_back_end:
        return token
    digests = _digests(token)
    where = peer.tenant, peer.id, evse_id
    own = await own_booking(tx, *where, digests=digests, at=at)
    if own is None and evse_id and late:
        own = await missed_at(tx, peer.tenant, peer.id, evse_id, digests=digests, at=at)
    if own is None:
        return token
    told = Authorization(TokenVerdict.ACCEPTED, group=token.authorization.group)
    return replace(token, authorization=told, known=True, brought=tuple(sorted(own.digests)))


async def _refused(tx: Tx, token: Judgement, said: StationEntry, now: datetime) -> Judgement:
    """The refusal. The booking is woken: a station may let the session run all the same."""
    told = _with_entry(token, said)
    if told is token or said.booking is None:
        return told
    await wake_booking(tx, said.booking, "somebody else has come to its EVSE", now)
    return replace(told, booking_woken=True)


def _start_is_unknown(call: SessionStarted | SessionEvent, known: Transaction | None) -> bool:
    """Whether a session is told whose start was never reported."""
    if isinstance(call, SessionStarted) or call.event_type == TransactionPhase.STARTED:
        return False
    return known is None or known.observed_only


async def _wake_missed(
    tx: Tx, peer: Peer, token: Judgement, began: tuple[datetime, datetime], now: datetime
) -> None:
    """Has bookings looked at anew that may have ended wrongly. began: since and until when."""
    since, at = began
    digests = _digests(token)
    for missed in await missed_by(tx, peer.tenant, peer.id, digests, at, no_earlier=since):
        await wake_booking(tx, missed, "a session of its time is reported", now)


async def _said(
    tx: Tx, peer: Peer, token: Judgement, evse_id: int | None, at: datetime
) -> StationEntry | None:
    """What the bookings say of a token; None when they are not asked."""
    if not token.accepted or token.by_back_end or token.by_command:
        return None
    digests = _digests(token)
    said = await entry(tx, peer.tenant, peer.id, evse_id, digests=digests, at=at)
    if said is None or said.may_charge:
        return said
    running = await transactions.active(tx, peer.id, evse_id=evse_id or None)
    charging = any(
        judged.may_charge(one) and {one.token_digest, one.group_digest} & digests for one in running
    )
    return None if charging else said


def _digests(token: Judgement) -> set[str]:
    return {digest for digest in (token.digest, token.group_digest) if digest}


def _with_entry(token: Judgement, said: StationEntry) -> Judgement:
    word = _WORDS.get(said.verdict.entry)
    if word is None:
        return token
    told = Authorization(word, group=token.authorization.group)
    return replace(token, authorization=told, brought=())


def _moment(time: StationTime, now: datetime) -> datetime:
    """When the session began: its station may have been offline then."""
    return now if time.suspect else min(time.time, now)
