"""Whether a session began before its reservation ended, though it may be reported only afterwards.

A report takes time to come: a second on the way, days in the queue of a station without a network.
So a session counts by its start, by the station's clock as far as that is known.
"""

from datetime import datetime, timedelta

from domain.evidence.sessions import Session
from domain.limits import CLOCK_SLIP, CLOCK_TOLERANCE
from domain.reservations.reservation import Reservation, ReservationState


def began_before(session: Session, end: datetime) -> bool:
    """Whether the session began before `end`: it was reported by then, or is dated so."""
    if session.received_time < end:
        return True
    return not session.clock_suspect and not session.observed_only and _begun(session) < end


def began_since(session: Session, begin: datetime) -> bool:
    """Whether the session began at `begin` or later, as far as the station's clock tells.

    A start that looks old by a clock that is not known is believed: it may be old.
    """
    slack = session.start_slack_s
    if slack is not None:
        return session.start_time + timedelta(seconds=slack) >= begin
    looks_old = session.received_time - session.start_time > CLOCK_TOLERANCE
    return session.start_time + (CLOCK_SLIP if looks_old else CLOCK_TOLERANCE) >= begin


def may_have_begun_between(session: Session, begin: datetime, end: datetime) -> bool:
    """Whether the session began from `begin` to `end`, or so near that clocks cannot tell."""
    if session.clock_suspect:
        return session.received_time < end + CLOCK_TOLERANCE
    slack = session.start_slack_s
    if slack is None:
        return began_before(session, end) or session.start_time < end + CLOCK_TOLERANCE
    latest = session.start_time + timedelta(seconds=slack)
    return latest >= begin and (began_before(session, end) or _begun(session) < end + CLOCK_SLIP)


def was_held_at(known: Reservation, time: datetime) -> bool:
    """Whether it held its place for its driver at that time, whatever ended it since.

    One that a session has used is over for every other session.
    """
    if known.start_time is None or known.state is ReservationState.USED:
        return False
    until = min(known.expire_time, known.end_time or known.expire_time)
    return known.start_time <= time < until


def began_at(told: datetime, slack_s: float | None) -> datetime:
    """When something happened by our clock: the told time, less what its clock is known to be off.

    slack_s: by how much later than told it was at most; None: the clock is not known.
    """
    return told if slack_s is None else told + timedelta(seconds=slack_s) - CLOCK_SLIP


def _begun(session: Session) -> datetime:
    """When the session began by our clock.

    `start_slack_s` tells the latest start that the station's clock allows, the slip included.
    """
    return began_at(session.start_time, session.start_slack_s)
