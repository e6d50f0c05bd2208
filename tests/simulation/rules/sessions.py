"""Starts and stops, and what a start undoes, are true. The theory stands in `lies.py`."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from domain.limits import CLOCK_TOLERANCE
from domain.model.command import Code, CompensationState
from domain.model.outcomes import Cause
from domain.model.specs import Kind
from tests.simulation.back_end.back_end import Pair
from tests.simulation.rules.reading import (
    OF_HOLDS,
    OF_SERVICE,
    ROUGHLY,
    arrived,
    claimed,
    claimed_by_another,
    ended_as,
    is_its_driver,
    last_deadline,
    meant,
    message_ids,
    true_session,
    was_reported,
)
from tests.simulation.station.truth import TrueSession
from tests.simulation.world.callers import Told
from tests.simulation.world.world import Ran

DEFINITE_WITHOUT_SESSION = {Code.REJECTED, Code.NOT_SUPPORTED, Code.NO_EFFECT, Code.CANCELLED}


TOKEN_TOLD = timedelta(seconds=10)
"""The latest that a station that names tokens late has named one."""


# --- starts


def _start_succeeded(ran: Ran, told: Told) -> Iterator[str]:
    command = told.last
    if command.start is None or not ended_as(command, Code.SUCCEEDED):
        return
    session = claimed(ran, command)
    if session is None:
        yield "true: SUCCEEDED without a session that ever was"
        return
    if not is_its_driver(command, session):
        yield f"true: SUCCEEDED with the session of {session.token}"
    if command.start.evse_id not in (None, session.evse):
        yield f"true: SUCCEEDED with a session on EVSE {session.evse}"
    earliest = (command.send_time or session.begun) - CLOCK_TOLERANCE - ROUGHLY
    if session.begun < earliest:
        yield "true: SUCCEEDED with a session that ran before its frame left"
    if session.begun > last_deadline(ran, told) + ROUGHLY:
        yield "true: SUCCEEDED with a session that began after its time"


def _start_not_sent(ran: Ran, told: Told) -> Iterator[str]:
    if ended_as(told.last, Code.NOT_SENT) and arrived(ran, told):
        yield "true: NOT_SENT, and the station got its frame"


def _start_refused(ran: Ran, told: Told) -> Iterator[str]:
    command = told.last
    if command.start is None or not ended_as(command, Code.REJECTED, Code.NOT_SUPPORTED):
        return
    said = [frame.said for frame in arrived(ran, told)]
    if not said or said[0] in {"", "Accepted", "nonsense"}:
        yield f"true: {command.outcome.code.value if command.outcome else ''}, and it said {said}"


def _start_without_session(ran: Ran, told: Told) -> Iterator[str]:
    command = told.last
    if command.start is None or command.outcome is None:
        return
    if command.outcome.code not in DEFINITE_WITHOUT_SESSION:
        return
    for session in ran.truth.caused_by(message_ids(told)):
        if not session.running or not was_reported(ran, session):
            continue
        if claimed_by_another(ran, told, session) and not session.names_its_start:
            continue
        if command.compensation.state is not CompensationState.FAILED:
            yield (
                f"true: {command.outcome.code.value} ({command.outcome.cause}), compensation "
                f"{command.compensation.state.value}, and its session {session.number} runs on"
            )


def _compensated(ran: Ran, told: Told) -> Iterator[str]:
    known = told.last.compensation
    if told.command.start is None:
        return
    unread = known.state is CompensationState.FAILED and not known.transaction
    if unread:
        yield from _nobody_could_read(ran)
    elif known.state is not CompensationState.NONE and not true_session(ran, known.transaction):
        yield f"true: compensation {known.state.value} of a session that never was"
    if known.state is CompensationState.PENDING:
        yield "true: its compensation is PENDING for ever"
    if known.state is not CompensationState.DONE:
        return
    session = true_session(ran, known.transaction)
    if session is None or session.running:
        yield f"true: compensation DONE, and session {session and session.number} runs"


def _nobody_could_read(ran: Ran) -> Iterator[str]:
    """A compensation that failed and names no session: the station was not understood.

    An end that comes before its start, and names no session, is not understood either.
    """
    field, behind = ran.temper.field, ran.back_end
    if behind is not None and (ran.disturbed_s or not behind.temper.is_reliable):
        return  # what no back end has answered is as good as unread
    if behind is not None and _may_be_lost_at_a_gateway(behind.pairs):
        return
    if not (field.odd_text or field.odd_fields or field.ends_early):
        yield "true: compensation FAILED without a session, and every report was in order"


def _may_be_lost_at_a_gateway(pairs: list[Pair]) -> bool:
    """Whether the station went on at another gateway while its last one had not let go of it.

    Nobody there knows whether the first one lives, and records what it has passed on.
    """
    return any(
        one.station.unseen and one.station.gateway is not then.station.gateway
        for one, then in pairwise(pairs)
    )


def one_claim_per_session(ran: Ran) -> Iterator[str]:
    """No session is the success of two starts."""
    claims: dict[int, str] = {}
    for told in ran.told:
        command = told.last
        if command.start is None or not ended_as(command, Code.SUCCEEDED):
            continue
        session = claimed(ran, command)
        if session is None or session.named_late:
            continue
        if session.number in claims:
            yield f"true: {command.name} and {claims[session.number]} claim one session"
        claims[session.number] = command.name


# --- stops


def _stop_succeeded(ran: Ran, told: Told) -> Iterator[str]:
    command = told.last
    if command.stop is None or not ended_as(command, Code.SUCCEEDED):
        return
    session = meant(ran, told)
    if session is None:
        yield "true: SUCCEEDED with a session that never was"
    elif session.ended is None:
        yield f"true: SUCCEEDED, and session {session.number} runs on"


def _stop_not_sent(ran: Ran, told: Told) -> Iterator[str]:
    command = told.last
    if command.stop is None or not ended_as(command, Code.NOT_SENT, Code.CANCELLED):
        return
    if arrived(ran, told):
        yield f"true: {command.outcome and command.outcome.code.value}, and the station got it"


def _stop_without_effect(ran: Ran, told: Told) -> Iterator[str]:
    command = told.last
    if command.stop is None or not ended_as(command, Code.REJECTED, Code.NO_EFFECT):
        return
    ours = message_ids(told)
    for session in ran.truth.sessions:
        if session.end_cause not in ours or session.ended is None:
            continue
        if command.outcome_time is not None and session.ended < command.outcome_time:
            code = command.outcome.code.value if command.outcome else ""
            yield f"true: {code}, and it has ended session {session.number}"


def _hits_only_its_own(ran: Ran, told: Told) -> Iterator[str]:
    ours = message_ids(told)
    for session in ran.truth.sessions:
        if session.end_cause in ours:
            if told.command.kind is Kind.STOP_SESSION:
                target = meant(ran, told)
                if target is not None and target is not session and target.evse != session.evse:
                    yield f"it stopped session {session.number} instead of {target.number}"
            elif told.command.kind is Kind.START_SESSION:
                yield from _undo_hits(ran, told, session)


def _undo_hits(ran: Ran, told: Told, session: TrueSession) -> Iterator[str]:
    mine = message_ids(told)
    other = claimed_by_another(ran, told, session)
    if other is not None and not session.named_late:
        yield f"it undid session {session.number}, the success of {other.command.name}"
    if session.cause in mine:
        return
    command = told.command
    left = [send.send_time for send in told.sends if not send.undo and send.state != "VOID"]
    alike = (
        command.start is not None
        and is_its_driver(command, session)
        and command.start.evse_id in (None, session.evse)
        and bool(left)
        and session.begun >= left[0] - ROUGHLY - _reported_late(ran, session, left[0])
        and not (session.cause and session.names_its_start and not session.named_late)
    )
    if not alike:
        yield f"it undid session {session.number}, which was not its own"


def _reported_late(ran: Ran, session: TrueSession, left: datetime) -> timedelta:
    """How late a report that came after the frame may be: no clock is known better by such reports.

    A station that is slow to say anything tells by its times only that much of its clock.
    """
    later = session.begin_told is None or session.begin_told > left
    return timedelta(seconds=ran.temper.lag_s) if later else timedelta(0)


# --- a calm world


def _never_judged(ran: Ran, began: list[TrueSession]) -> bool:
    """Whether a back end was not told whose sessions these were, before somebody ended them."""
    untold = ran.back_end is not None and ran.temper.field.token != "at_once"
    return untold and bool(began) and all(one.ended is not None for one in began)


def _calm_is_exact(ran: Ran, told: Told) -> Iterator[str]:
    if not ran.calm or told.last.outcome is None or _has_a_twin(ran, told):
        return
    if ran.truth.restarts:
        return  # somebody has asked for it: that is no calm
    began = ran.truth.caused_by(message_ids(told))
    if any(_was_cut_short(session) for session in began) or _never_judged(ran, began):
        return
    code, cause = told.last.outcome.code, told.last.outcome.cause
    # Holds, locks and restarts have rules of their own.
    its_own_rule = told.command.kind in OF_HOLDS | OF_SERVICE
    if code is Code.UNKNOWN and not its_own_rule and not _a_hold_left_a_car(ran, told):
        yield f"nothing failed, and it is UNKNOWN ({cause})"
    is_start = told.command.kind is Kind.START_SESSION
    if is_start and (code is Code.SUCCEEDED) != bool(began) and code is not Code.NO_EFFECT:
        yield f"nothing failed, and it is {code.value} with sessions {began}"


def _was_cut_short(session: TrueSession) -> bool:
    """Whether it was stopped before its station had said whose it is; who is to know then?"""
    if session.opened is None or session.ended is None:
        return False
    return session.ended - session.begun < TOKEN_TOLD


def _a_hold_left_a_car(ran: Ran, told: Told) -> bool:
    """Whether a plug that the start might have taken went from Reserved to Preparing meanwhile.

    A car stood there when the hold ended, and nobody says whether it waits for the start.
    """
    command = told.last
    if command.start is None or command.start.evse_id is not None or command.outcome is None:
        return False
    since, until = command.send_time, command.outcome_time
    return (
        command.outcome.cause == Cause.START_NOT_EXCLUDED
        and since is not None
        and until is not None
        and any(
            hold.left_car and hold.ended is not None and since <= hold.ended <= until
            for hold in ran.truth.holds
        )
    )


def _has_a_twin(ran: Ran, told: Told) -> bool:
    """Whether another start for the same token makes it hard to tell whose a session is."""
    start = told.command.start
    others = (one.command.start for one in ran.told if one is not told)
    return start is not None and any(
        other is not None and other.id_token.digest == start.id_token.digest for other in others
    )


RULES = (
    _start_succeeded,
    _start_not_sent,
    _start_refused,
    _start_without_session,
    _compensated,
    _stop_succeeded,
    _stop_not_sent,
    _stop_without_effect,
    _hits_only_its_own,
    _calm_is_exact,
)
