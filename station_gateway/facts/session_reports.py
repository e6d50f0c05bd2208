"""Writes what a station reports about its sessions, each report in one transaction.

As in `recording.py`, the wake-up of the commands that a report concerns is written with it.
"""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from domain.evidence.reused_ids import Told
from domain.evidence.sessions import Session
from domain.ocpp_words import StationMessage, TransactionPhase
from fleet import transactions
from fleet.engine.statements import Tx
from fleet.transactions import judged
from fleet.transactions.rows import Transaction
from journal.commands import plugs
from journal.commands.requested import with_requested_token
from journal.commands.waking import StationEvent, wake_concerned
from station_gateway.dialects.messages import (
    CallRefused,
    MeterRead,
    SessionEvent,
    SessionStarted,
    SessionStopped,
    StationTime,
)
from station_gateway.facts import booked, lasting, unknown_ids
from station_gateway.facts.authorizer import Authorizer, Judgement
from station_gateway.facts.late_holds import judge_late
from station_gateway.facts.ownership import own_reservation, owns_session
from station_gateway.facts.reports import keep_untaken, words_of
from station_gateway.facts.told import digest_told, time_by_its_clock, written_time
from station_gateway.stations.peer import Peer


async def session_started(
    tx: Tx, peer: Peer, call: SessionStarted, authorizer: Authorizer, now: datetime
) -> tuple[Transaction, Judgement, bool]:
    """A 1.6 session began: mint its id, unless given; once for all repeats of the message."""
    token = await authorizer.judge(
        tx, station=peer.id, tenant=peer.tenant, token=call.token, now=now
    )
    token = await lasting.begun_anew(tx, peer.id, call.evse_id, token, now)
    token = await judge_late(tx, peer.id, token, call.time)
    token = await booked.judge_start(tx, peer, call, token, known=None, now=now)
    digest = digest_told(token, call.token)
    session, is_new = await transactions.start_v16(
        tx,
        station=peer.id,
        tenant=peer.tenant,
        evse_id=call.evse_id,
        token_digest=digest,
        token_masked=token.masked,
        group_digest=token.group_digest,
        meter_start_wh=call.meter_start_wh,
        start_time=call.time.time,
        clock_suspect=call.time.suspect,
        start_slack_s=call.time.slack_s,
        authorized=token.accepted,
        reservation_id=await own_reservation(tx, peer, call.reservation_id),
        now=now,
        station_time=written_time(call.time),
        judged=lasting.entries(token, lasting.START),
        token_unknown=not token.known,
        epoch=peer.epoch,
        given_id=call.given_id,
        given_late=call.given_late,
        same_as=await plugs.told_before(tx, peer.id, _as_session(call, token, digest, now)),
    )
    session, token, is_news = await lasting.begun(tx, session, token, is_new, call.given_late)
    told = {
        "event": TransactionPhase.STARTED,
        "meter_start_wh": call.meter_start_wh,
        "mended": words_of(call.mended),
    }
    message, time = StationMessage.START_TRANSACTION, call.time
    named = bool(call.given_id) and not (is_new or peer.knows(session.ocpp_transaction_id))
    wake = await _wake_for(
        *(tx, session, now), changed=is_news, named=named, message=message, time=time, told=told
    )
    ended = is_new and forget(peer, await plugs.session_began(tx, session, now))
    return session, token, wake or ended or token.booking_woken


def _as_session(
    call: SessionStarted, token: Judgement, digest: str | None, now: datetime
) -> Session:
    """A 1.6 session as its start tells it; it has no id yet."""
    return Session(
        name="",
        ocpp_transaction_id="",
        start_time=call.time.time,
        received_time=now,
        evse_id=call.evse_id,
        token_digest=digest,
        group_digest=token.group_digest,
        clock_suspect=call.time.suspect,
        meter_start_wh=call.meter_start_wh,
    )


async def session_stopped(
    tx: Tx, peer: Peer, call: SessionStopped, token: Judgement | None, now: datetime
) -> tuple[Judgement | None, bool]:
    """A 1.6 session ended. A station without our id sends 0 or -1, and means its open session.

    An id that we never gave ends the one session that it can only be, or is kept as untaken.

    Returns the verdict on the token within the session, too.
    """
    digest = token.digest if token else None
    known = await unknown_ids.named_by_end(tx, peer, call, now) if call.id_known else None
    meant = (
        known.ocpp_transaction_id if known else await unknown_ids.meant(tx, peer, call, digest, now)
    )
    session = meant and await transactions.stop_v16(
        tx,
        station=peer.id,
        ocpp_transaction_id=meant,
        meter_stop_wh=call.meter_stop_wh,
        stop_time=call.time.time,
        reason=call.reason,
        now=now,
        guessed=not known,
        written=time_by_its_clock(call.time),
    )
    if not session:
        return token, await keep_untaken(tx, peer, unknown_ids.of_no_session(call), now)
    if session.end_unreported:
        peer.forget(session.ocpp_transaction_id)
    forget(peer, await plugs.session_ended(tx, session, now))
    if token is not None:
        token = await lasting.judge_within(tx, session, token, lasting.STOP)
        session = await judged.keep(tx, session, lasting.entries(token, lasting.STOP))
    told = {
        "event": TransactionPhase.ENDED,
        "stop_reason": call.reason,
        "meter_stop_wh": call.meter_stop_wh,
        "mended": words_of(call.mended),
    }
    return token, await _wake_for(
        *(tx, session, now),
        changed=session.stop_received_time == now,  # the first end stands
        message=StationMessage.STOP_TRANSACTION,
        time=call.time,
        told=told,
    )


async def session_event(
    tx: Tx, peer: Peer, call: SessionEvent, authorizer: Authorizer, now: datetime
) -> tuple[Judgement | None, bool]:
    """A 2.x session reports an event. Events come in any order, any number of times.

    Raises: CallRefused for an event that names no session, where not exactly one can be meant.
    """
    if not call.ocpp_transaction_id:
        call = replace(call, ocpp_transaction_id=await _running_at(tx, peer, call.evse_id))
    token = await _judged(tx, peer, call, authorizer, now)
    digest = digest_told(token, call.token) if token and call.token else None
    stored_id, may_repeat = await _stored_id(tx, peer, call, digest)
    call = replace(call, ocpp_transaction_id=stored_id)
    token = token and await _judged_within(tx, peer, call, token, now)
    session, changed = await _stored(
        *(tx, peer, call, token), digest=digest, now=now, may_repeat=may_repeat
    )
    session = await with_requested_token(tx, session, now)
    new = lasting.entries_of_event(token, _question(call), elsewhere=peer.relayed)
    session, is_news = await lasting.keep(tx, session, token, new)
    wake = await _wake_for(
        *(tx, session, now),
        changed=changed or is_news,
        message=StationMessage.TRANSACTION_EVENT,
        time=call.time,
        told=_words_of_event(call),
    )
    wake = await _other_sessions(tx, peer, call, session, now) or wake
    wake = await unknown_ids.named_another_request(tx, peer, call, session, now) or wake
    return token, wake or (token is not None and token.booking_woken)


async def _stored(
    tx: Tx,
    peer: Peer,
    call: SessionEvent,
    token: Judgement | None,
    *,
    digest: str | None,
    now: datetime,
    may_repeat: bool,
) -> tuple[Transaction, bool]:
    """The session with this event in it, and whether the event changed it."""
    return await transactions.event_v2(
        tx,
        station=peer.id,
        tenant=peer.tenant,
        ocpp_transaction_id=call.ocpp_transaction_id,
        event_type=call.event_type,
        seq_no=call.seq_no,
        evse_id=call.evse_id,
        connector_id=call.connector_id,
        token_digest=digest,
        token_masked=token.masked if token else "",
        group_digest=token.group_digest if token else None,
        remote_start_id=call.remote_start_id,
        reservation_id=await own_reservation(tx, peer, call.reservation_id),
        event_time=call.time.time,
        clock_suspect=call.time.suspect,
        slack_s=call.time.slack_s,
        lead_s=call.time.lead_s,
        written=time_by_its_clock(call.time),
        may_repeat=may_repeat,
        offline=call.offline,
        authorized=token.may_charge if token else False,
        meter_wh=call.meter_wh,
        stop_reason=call.stop_reason,
        charging_state=call.charging_state,
        now=now,
        token_unknown=token is not None and not token.known,
        epoch=peer.epoch,
    )


async def _other_sessions(
    tx: Tx, peer: Peer, call: SessionEvent, session: Transaction, now: datetime
) -> bool:
    """What a 2.x event tells of other sessions, with its token. Returns whether to wake anyone."""
    if call.event_type == TransactionPhase.STARTED:
        return forget(peer, await plugs.session_began(tx, session, now))
    is_over = call.event_type == TransactionPhase.ENDED and not call.token_follows
    if is_over and session.received_time == now:
        return await unknown_ids.ended_unheard_of(tx, peer, call, session.token_digest, now)
    return False


async def _stored_id(
    tx: Tx, peer: Peer, call: SessionEvent, digest: str | None
) -> tuple[str, bool]:
    """The id of the session that the event is of, and whether it may be a repeat that begins it.

    A station may use one id for several sessions.
    """
    told = Told(
        call.event_type == TransactionPhase.STARTED,
        *(call.seq_no, call.time.time, call.time.suspect, call.remote_start_id, digest),
    )
    return await transactions.stored_id(tx, peer.id, call.ocpp_transaction_id, told)


def _words_of_event(call: SessionEvent) -> dict[str, Any]:
    return {
        "event": call.event_type,
        "seq_no": call.seq_no,
        "trigger": call.trigger,
        "charging_state": call.charging_state,
        "stop_reason": call.stop_reason,
        "offline": call.offline or None,
        "remote_start_id": call.remote_start_id,
        "mended": words_of(call.mended),
    }


async def _judged(
    tx: Tx, peer: Peer, call: SessionEvent, authorizer: Authorizer, now: datetime
) -> Judgement | None:
    """The verdict on the token of a 2.x event; None when it carries none."""
    if call.token is None:
        return None
    return await authorizer.judge(
        tx, station=peer.id, tenant=peer.tenant, token=call.token, now=now
    )


async def _judged_within(
    tx: Tx, peer: Peer, call: SessionEvent, token: Judgement, now: datetime
) -> Judgement:
    """The verdict on the token of a 2.x event within its session."""
    known = await transactions.by_ocpp_transaction_id(tx, peer.id, call.ocpp_transaction_id)
    if known is None:
        token = await lasting.begun_anew(tx, peer.id, call.evse_id, token, now)
    if call.event_type != TransactionPhase.ENDED:
        token = await judge_late(tx, peer.id, token, call.time)
    token = await booked.judge_start(tx, peer, call, token, known=known, now=now)
    return await lasting.judge_within(tx, known, token, _question(call), call.remote_start_id)


def _question(call: SessionEvent) -> str:
    return lasting.event_question(call.event_type, call.seq_no)


async def session_observed(
    tx: Tx,
    peer: Peer,
    ocpp_transaction_id: str,
    call: MeterRead,
    now: datetime,
    *,
    alive_time: datetime | None,
) -> tuple[bool, bool]:
    """Meter values name a session: record it when the station never told us that it began.

    They also show that a session runs, also one whose end was never reported, and on which
    connector, when its start told none.
    alive_time: when; None: they do not show it, or it was noted lately.

    Returns whether somebody is to be woken, and whether the next meter values are no news.
    """
    known = await transactions.by_ocpp_transaction_id(tx, peer.id, ocpp_transaction_id)
    if known is not None:
        placed = await transactions.place(tx, known, call.evse_id, now)
        resumed = await plugs.session_metered(
            tx, known, call.time.time, suspect=call.time.suspect, now=now
        )
        if not (placed or resumed):
            await _note_life(tx, peer, ocpp_transaction_id, alive_time)
            return False, not known.end_unreported
    elif not await owns_session(tx, peer, ocpp_transaction_id):
        return False, True
    else:
        await transactions.observe(
            tx,
            station=peer.id,
            tenant=peer.tenant,
            ocpp_transaction_id=ocpp_transaction_id,
            evse_id=call.evse_id,
            meter_wh=call.meter_wh,
            now=now,
        )
    await _note_life(tx, peer, ocpp_transaction_id, alive_time)
    event = StationEvent(
        peer.id,
        "transaction",
        evse_id=call.evse_id,
        ocpp_transaction_id=ocpp_transaction_id,
        message=StationMessage.METER_VALUES,
        told={"mended": words_of(call.mended)},
    )
    return await wake_concerned(tx, event, now), True


async def _note_life(tx: Tx, peer: Peer, session: str, alive_time: datetime | None) -> None:
    if alive_time is not None:
        await transactions.show_alive(tx, peer.id, session, alive_time)


async def _wake_for(
    tx: Tx,
    session: Transaction,
    now: datetime,
    *,
    changed: bool,
    message: str,
    time: StationTime,
    told: dict[str, Any],
    named: bool = False,
) -> bool:
    event = StationEvent(
        session.station,
        "transaction",
        evse_id=session.evse_id,
        connector_id=session.connector_id,
        token_digest=session.token_digest,
        group_digest=session.group_digest,
        remote_start_id=session.remote_start_id,
        ocpp_transaction_id=session.ocpp_transaction_id,
        reservation_id=session.reservation_id,
        message=message,
        station_time=None if time.suspect else time.time,
        names_session=named,
        changes_nothing=not (changed or named),
        told={
            **told,
            "transaction": session.name,
            "began": (session.start_time or session.received_time).isoformat(),
            "id_token": session.token_masked,
            "clock_suspect": time.suspect or None,
            "clock_offset_s": round(time.offset_s) or None,
        },
    )
    over = changed and await booked.session_over(tx, session, now)
    return await wake_concerned(tx, event, now) or over


def forget(peer: Peer, ended: list[Transaction]) -> bool:
    """Look at the next meter values of these sessions: they may run after all."""
    for session in ended:
        peer.forget(session.ocpp_transaction_id)
    return bool(ended)


async def _running_at(tx: Tx, peer: Peer, evse_id: int | None) -> str:
    """The id of the only session that runs at the EVSE. Raises: CallRefused."""
    found = await transactions.active(tx, peer.id, evse_id=evse_id)
    if len(found) != 1:
        what = "transactionInfo.transactionId: no session"
        raise CallRefused("PropertyConstraintViolation", what)
    return found[0].ocpp_transaction_id
