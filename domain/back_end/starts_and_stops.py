"""Starts and stops of another back end (CSMS), and the sessions that they may have begun or ended.

A start has its session where the station names it (OCPP 2.x), or where nothing else explains a
session of its token. An end is what a stop wanted, whoever brought it.
"""

from datetime import timedelta

from domain.back_end.commands import LATEST_START, LATEST_STOP, TheirCommand
from domain.evidence.matching import classify
from domain.evidence.sessions import Match, Rival, SentFrame, Session
from domain.model.command import Outcome
from domain.model.outcomes import Cause, ending


def frame_of(start: TheirCommand) -> SentFrame:
    """A start of the back end as the rules of sessions see a frame. It has no number of ours."""
    return SentFrame(
        id=0,
        attempt=1,
        send_time=start.send_time,
        answer_time=start.answer_time,
        evse_id=start.evse_id,
        token_digest=start.token_digest,
        group_digest=start.group_digest,
        refused=start.is_refused,
    )


def outcome_of_session(
    start: TheirCommand, session: Session, rivals: tuple[Rival, ...]
) -> Outcome | None:
    """The outcome that a session tells of a start of the back end; None: it says nothing of it.

    rivals: the other starts at the station, ours among them.
    """
    match = _match(start, session, rivals)
    if match is Match.NO_MATCH or (match is Match.DOUBTFUL and session.token_digest is None):
        return None
    if match is Match.DOUBTFUL or start.is_refused:
        return ending(Cause.SESSION_DOUBTFUL)
    if session.is_refused:
        return None if session.has_defied else ending(Cause.AUTHORIZATION_REFUSED)
    # One that names the start is the start's, but its token may still come, and be refused.
    return ending(Cause.SESSION_STARTED) if session.is_accepted else None


def _match(start: TheirCommand, session: Session, rivals: tuple[Rival, ...]) -> Match:
    named = session.remote_start_id
    if named is not None:
        later = session.received_time > start.send_time
        return Match.MATCH if named == start.number and later else Match.NO_MATCH
    answer = start.answer
    return classify(
        session,
        frame_of(start),
        named=answer.ocpp_transaction_id if answer is not None and start.agreed else None,
        rivals=rivals,
        late_after=start.send_time + LATEST_START,
    )


def is_certainly_of(start: TheirCommand, session: Session) -> bool:
    """Whether a session can only be the effect of this start of the back end (OCPP 2.x).

    The station agreed to the start, and names it in a session of its token at its place. A number
    alone proves little: a station may name one that nobody gave, and a back end the same each time.
    """
    since = session.received_time - start.send_time
    return (
        start.agreed
        and start.number is not None
        and session.remote_start_id == start.number
        and session.token_digest is not None
        and session.token_digest == start.token_digest
        and start.evse_id in {None, session.evse_id}
        and timedelta(0) < since <= LATEST_START
    )


def outcome_of_end(stop: TheirCommand, session: Session) -> Outcome | None:
    """The outcome that the end of its session tells of a stop of the back end.

    None: the session has not ended, nobody reported its end, or it came much later.
    """
    told = session.stop_received_time
    if session.active or told is None or not session.end_reported:
        return None
    if told < stop.send_time:
        return ending(Cause.ALREADY_ENDED)
    if told - stop.send_time > LATEST_STOP:
        return None
    return ending(Cause.EFFECT_NOT_EXCLUDED if stop.is_refused else Cause.SESSION_STOPPED)
