"""Is this session the one that our frame asked for?

Three answers, never two. MATCH: the station named our request (2.x: remoteStartId, or the
transaction in its answer), or token and EVSE fit and it began after our frame left. NO_MATCH: it
cannot be ours. DOUBTFUL: it may be ours and it may not, because the station's clock cannot be
trusted, because it does not say whose token it was, or because another request for the same token
may be the cause. A doubtful session never makes a command SUCCEEDED and is never stopped by it; it
only forbids to say that nothing happened.

Stations replay old transactions after they were offline, some with a clock that stands in 1970. So
a session must begin after our frame left by the station's clock, and be reported after it by ours.
A clock that contradicts itself or ours (an end before its own start, a start that is still to come,
1970) is wrong, and proves nothing either way. Then the order of the messages decides, which no
clock can change: a session that was reported after our frame, on the socket of our frame, by a
station that had answered it, is ours unless another request may be its cause.

Whatever may be ours is DOUBTFUL: an unreadable or masked token, a connector that is not told, a
session whose cable was in before our frame, one of our token on another plug than we asked for, one
that names a request that we never sent, or one whose time was over when a later one was sent, one
whose start may be an ended session's told again. A session of another token that is known is not
ours.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.evidence.sessions import WHOLE_STATION, Match, Rival, SentFrame, Session
from domain.limits import (
    CAUSE_AGE,
    CLOCK_SLIP,
    CLOCK_TOLERANCE,
    FOREIGN_CAUSE_AGE,
    LATE_START_WINDOW,
)


def classify(
    session: Session,
    frame: SentFrame,
    *,
    named: str | None,
    rivals: tuple[Rival, ...],
    late_after: datetime,
    more_rivals: bool = False,
) -> Match:
    """Whether `session` is the effect of `frame`.

    named: the transaction id that the station's yes carried (2.x, cable first). A session that the
        station names and that tells another driver's token contradicts it: it is DOUBTFUL.
    rivals: the other starts that were sent to this station and may be the cause, or have claimed
        the session. A session that another one has claimed is never ours; where the station names
        our frame, it contradicts itself or us.
    late_after: when the command's own time is over.
    more_rivals: there are more of them than could be looked at.
    """
    number = session.remote_start_id
    names_another = number is not None and number != frame.number
    if names_another and not (session.names_nothing or session.passed_on):
        return Match.NO_MATCH
    if session.names_theirs and frame.refused:
        return Match.NO_MATCH
    if number == frame.number or (named and session.ocpp_transaction_id == named):
        repeated = session.may_repeat and number != frame.number
        contradicted = is_claimed(session, rivals) or _is_anothers(session, frame) or repeated
        contradicted = contradicted or session.passed_on or _had_ended(session, frame.send_time)
        if number is None:
            contradicted = contradicted or more_rivals or _may_be_theirs(session, frame, rivals)
        return Match.DOUBTFUL if contradicted or names_another else Match.MATCH
    if _cannot_be(session, frame, rivals, late_after):
        return Match.NO_MATCH
    doubtful = more_rivals or names_another or _may_be_other(session, frame, rivals)
    return Match.DOUBTFUL if doubtful else Match.MATCH


def may_have_been_ours(
    session: Session, frame: SentFrame, rivals: tuple[Rival, ...], late_after: datetime
) -> bool:
    """Whether a session that another start has claimed may be the effect of our frame all the same.

    Both fit, and the station does not say whose it is.
    """
    if frame.refused or not is_claimed(session, rivals):
        return False
    if not _fits(session.evse_id, frame.evse_id):
        return False
    open_to_all = tuple(replace(rival, claimed=None) for rival in rivals)
    match = classify(session, frame, named=None, rivals=open_to_all, late_after=late_after)
    return match is not Match.NO_MATCH


def may_be_unasked(session: Session, frame: SentFrame) -> bool:
    """Whether a session may be its driver's own, begun before a frame that the station refused.

    A report may come late. After a yes the frame is the likelier cause; after a no it is not.
    """
    if not frame.refused or session.remote_start_id == frame.number:
        return False
    return clock_is_wrong(session) or session.start_time < frame.send_time


def is_claimed(session: Session, rivals: tuple[Rival, ...]) -> bool:
    """Whether another start has the session as its effect."""
    return any(rival.claimed == session.name for rival in rivals)


def causes_sent(session: Session, frame: SentFrame) -> tuple[datetime, datetime]:
    """Between which times another start was sent that may be the cause as well as our frame.

    A later one is the likelier cause. An earlier one counts where the session began before our
    frame left, by the station's clock, and where the station has refused our frame or nobody waits
    for its session any longer. A clock that is wrong tells nothing: then each one counts that was
    sent before we heard of the session.

    A session whose cable was in first has its cause when its token is told, or later still.
    """
    told = session.token_time if session.token_digest else frame.send_time
    by_token = told + CLOCK_TOLERANCE if told is not None else session.received_time
    if clock_is_wrong(session):
        return session.received_time - CAUSE_AGE, max(session.received_time, by_token)
    earlier = frame.refused or frame.unwanted or session.start_time < frame.send_time
    first = session.start_time - CAUSE_AGE if earlier else frame.send_time
    last = session.start_time + CLOCK_TOLERANCE
    return first, last if told is None else max(last, by_token)


def foreign_since(session: Session, frame: SentFrame) -> datetime:
    """Since when a start of another back end may be the cause as well as our frame.

    Whether an earlier one of theirs has had its session nobody tells us. So it counts for as long
    as a station may wait for the cable, also where a start of ours came later.
    """
    first, _ = causes_sent(session, frame)
    return min(first, begun(session) - FOREIGN_CAUSE_AGE)


def may_hide_a_start(session: Session, gaps: tuple[datetime, ...]) -> bool:
    """Whether a start of another back end (CSMS) that nobody kept may be the cause of a session.

    gaps: when something was passed on that was not kept. It is noted late where the database is
    slow, so a gap that was noted after the session may hide what came before it.
    """
    return any(gap >= begun(session) - FOREIGN_CAUSE_AGE for gap in gaps)


def _cannot_be(
    session: Session, frame: SentFrame, rivals: tuple[Rival, ...], late_after: datetime
) -> bool:
    """Whether the session cannot be ours. One certain contradiction is enough."""
    left = frame.send_time
    return (
        not (_fits(session.evse_id, frame.evse_id) or _may_be_elsewhere(session, frame))
        or _is_anothers(session, frame)
        or _was_told_before(session, left)
        or (ended_long_before(session, left) and not _may_look_old(session, frame))
        or begun(session) > late_after + LATE_START_WINDOW
        or is_claimed(session, rivals)
    )


def _may_be_elsewhere(session: Session, frame: SentFrame) -> bool:
    """Whether the station may have begun it on another plug than it was asked for.

    It carries our very token, and began after a frame that the station did not refuse. It may as
    well be the driver's own.
    """
    return (
        not frame.refused
        and session.token_digest is not None
        and session.token_digest == frame.token_digest
        and session.received_time >= frame.send_time
        and (_may_look_old(session, frame) or not _began_before(session, frame))
    )


def begun(session: Session) -> datetime:
    """When it began at the latest; by our clock alone when the station's is wrong."""
    if clock_is_wrong(session):
        return session.received_time
    return min(session.start_time, session.received_time)


def clock_is_wrong(session: Session) -> bool:
    """Whether the session's times contradict each other or ours. Then they prove nothing."""
    ended, told = session.stop_time, session.stop_received_time
    return (
        session.clock_suspect
        or session.start_time > session.received_time + CLOCK_TOLERANCE
        or (ended is not None and not session.observed_only and ended <= session.start_time)
        or (ended is not None and told is not None and ended > told + CLOCK_TOLERANCE)
    )


def _was_told_before(session: Session, left: datetime) -> bool:
    """Whether its start and its token, or its end, were reported before our frame left.

    OCPP 2.x: when the cable is in first, the session begins without a token, and our frame may
    bring it.
    """
    told = session.stop_received_time
    if session.received_time >= left:
        return False
    if session.observed_only or (told is not None and told < left):
        return True
    since = session.token_time or session.received_time
    return session.token_digest is not None and since < left


def _had_ended(session: Session, left: datetime) -> bool:
    """Whether its end was reported before our frame left, by our clock."""
    told = session.stop_received_time
    return session.end_reported and told is not None and told < left


def ended_long_before(session: Session, left: datetime) -> bool:
    """Whether it was over before our frame left, by the station's clock, and nobody saw it run."""
    return _ended_before(session, left) and not _seen_running(session)


def _ended_before(session: Session, left: datetime) -> bool:
    """Whether the session was over before our frame left, by the station's clock."""
    ended = session.stop_time
    return ended is not None and not clock_is_wrong(session) and ended < left - CLOCK_TOLERANCE


def _may_look_old(session: Session, frame: SentFrame) -> bool:
    """Whether it is old by a clock that nobody knows yet: the clock may as well be behind.

    What happened before the socket of our frame was opened is old by the station's own word.
    """
    is_old = session.received_time - session.start_time > CLOCK_TOLERANCE
    is_before = session.offline and frame.epoch is not None and session.epoch == frame.epoch
    return session.start_slack_s is None and is_old and not is_before


def _seen_running(session: Session) -> bool:
    """Whether its end was reported long after its start. A replay reports both at once."""
    told = session.stop_received_time
    return told is not None and told - session.received_time > CLOCK_TOLERANCE


def _may_be_other(session: Session, frame: SentFrame, rivals: tuple[Rival, ...]) -> bool:
    if _is_vague(session, frame):
        return True
    if clock_is_wrong(session) and not _is_live(session, frame):
        return True
    return _began_before(session, frame) or any(
        _may_be_cause(rival, session, frame) for rival in rivals
    )


def _began_before(session: Session, frame: SentFrame) -> bool:
    """Whether it began before our frame left, by a clock of the station that is not wrong.

    A clock that is not known may be behind: that leaves a doubt, and no certainty.
    """
    slack_s = session.start_slack_s
    slack = CLOCK_SLIP if slack_s is None else timedelta(seconds=slack_s)
    return not clock_is_wrong(session) and session.start_time + slack < frame.send_time


def _is_vague(session: Session, frame: SentFrame) -> bool:
    """Whether the session does not say enough of itself to be ours for certain."""
    return (
        session.observed_only
        or session.may_repeat
        or session.token_digest is None
        or session.received_time < frame.send_time
        or session.evse_id == WHOLE_STATION
        or not _fits(session.evse_id, frame.evse_id)
        or tells_other_token(session, frame)
    )


def _is_live(session: Session, frame: SentFrame) -> bool:
    """Whether the order of the messages says that the session came after our frame."""
    return (
        frame.answer_time is not None
        and frame.epoch is not None
        and session.epoch == frame.epoch
        and not session.offline
    )


def _may_be_theirs(session: Session, frame: SentFrame, rivals: tuple[Rival, ...]) -> bool:
    """Whether a start of another back end explains a session that the yes to our frame named.

    A station names the session whose cable was in first to everybody who asks for that place.
    """
    if session.token_digest is None:
        digest, group = frame.token_digest, frame.group_digest
        session = replace(
            session, token_digest=digest, group_digest=group, token_time=frame.send_time
        )
    return any(each.foreign and _may_be_cause(each, session, frame) for each in rivals)


def _may_be_cause(rival: Rival, session: Session, frame: SentFrame) -> bool:
    """Whether another start explains the session as well as our frame does, or better.

    A start that the station refused explains nothing that another one explains. Nor does one that
    was taken back or given up, where somebody still waits for the session of the other one: whoever
    asked for both wants to charge, and a session that is wanted must not be stopped.
    """
    if rival.unwanted and not frame.unwanted:
        return False
    # Of two that nobody waits for, the later one is the likelier cause.
    unwanted = frame.unwanted and not rival.unwanted
    first, last = causes_sent(session, replace(frame, unwanted=unwanted))
    if rival.foreign:
        first = foreign_since(session, frame)
    return (
        rival.claimed is None
        and first <= rival.send_time <= last
        and (frame.refused or not rival.refused)
        and _fits(session.evse_id, rival.evse_id)
        and bool(_tokens(rival) & _tokens(session))
    )


def _fits(evse_id: int | None, asked: int | None) -> bool:
    return evse_id in {None, WHOLE_STATION} or asked is None or evse_id == asked


def _tokens(of: Session | SentFrame | Rival) -> set[str]:
    return {digest for digest in (of.token_digest, of.group_digest) if digest}


def tells_other_token(session: Session, frame: SentFrame) -> bool:
    """Whether the session's token is known and is neither ours nor of our group."""
    return session.token_digest is not None and not _tokens(session) & _tokens(frame)


def _is_anothers(session: Session, frame: SentFrame) -> bool:
    """Whether it tells the token of another driver whom we know."""
    return session.token_known and tells_other_token(session, frame)
