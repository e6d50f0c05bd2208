"""The session that a stop names: whether it ended, runs, or runs under another id."""

from collections.abc import Sequence
from datetime import datetime

from domain.evidence.facts import Act, Decision, Facts, told_at
from domain.evidence.plugs import ends, goes_on_as
from domain.evidence.sessions import SentFrame, Session
from domain.limits import UNREPORTED_END_SETTLING
from domain.model.command import Outcome
from domain.ocpp_words import IN_USE


def is_target(session: Session, facts: Facts) -> bool:
    """Whether a stop named this session, by any id that was tried."""
    return session.ocpp_transaction_id in facts.tried


def ended_target(facts: Facts) -> Session | None:
    """The session that was to be stopped, by any id that was tried, when it has ended.

    One whose end nobody reported may as well run, where the station may have told it again, or has
    shown its plug in use since.
    """
    ended = (s for s in facts.sessions if is_target(s, facts) and not s.active)
    return next((s for s in ended if not (_goes_on(s, facts) or _is_in_use(s, facts))), None)


def when_settled(ended: Session, outcome: Outcome, now: datetime) -> Decision:
    """The outcome, as soon as the end stands: one that nobody reported may be taken back."""
    due = settling_time(ended)
    return Decision(Act.CONCLUDE, outcome=outcome) if due is None else told_at(due, outcome, now)


def settling_time(session: Session) -> datetime | None:
    """From when an end that nobody reported stands; None: it was reported, or the session runs."""
    inferred = session.stop_received_time
    if session.active or session.end_reported or inferred is None:
        return None
    return inferred + UNREPORTED_END_SETTLING


def has_settled(session: Session, now: datetime) -> bool:
    """Whether the session has ended, and its end may be told: it was reported, or it stands."""
    due = settling_time(session)
    return not session.active and (due is None or now >= due)


def stands_in(ended: Session, others: Sequence[Session], fitting: Sequence[Session]) -> bool:
    """Whether a target means a session whose end has not settled, as if it still ran.

    It gives way to a session on its plug that runs and fits the target, or that began later.
    others: the station's sessions that run or may run. fitting: running ones that fit the target.
    """
    on_plug = any(ended.evse_id and one.evse_id == ended.evse_id for one in fitting)
    return not (on_plug or any(ends(one, ended, None) for one in others))


def running_target(facts: Facts, ocpp_transaction_id: str) -> Session | None:
    """The session of that id, when it is known to be running."""
    return next(
        (s for s in facts.sessions if s.ocpp_transaction_id == ocpp_transaction_id and s.active),
        None,
    )


def real_id(facts: Facts, frame: SentFrame) -> str | None:
    """The one id, never heard of before, under which the station meters on the same EVSE."""
    target = next((s for s in facts.sessions if is_target(s, facts)), None)
    evse_id = target.evse_id if target else frame.evse_id
    others = {
        s.ocpp_transaction_id
        for s in facts.sessions
        if s.active and s.observed_only and s.evse_id == evse_id and not is_target(s, facts)
    }
    return others.pop() if evse_id is not None and len(others) == 1 else None


def runs_as_another(facts: Facts) -> bool:
    """Whether the session that was to be stopped may run under an id that was not tried."""
    return any(is_target(s, facts) and not s.active and _goes_on(s, facts) for s in facts.sessions)


def _goes_on(ended: Session, facts: Facts) -> bool:
    running = [s for s in facts.sessions if s.active and not is_target(s, facts)]
    return goes_on_as(ended, running) is not None


def _is_in_use(ended: Session, facts: Facts) -> bool:
    """Whether its plug was shown in use after its end was inferred, and for no later session."""
    inferred = ended.stop_received_time
    if ended.end_reported or inferred is None:
        return False
    later = any(
        s.evse_id == ended.evse_id and s is not ended and s.received_time >= inferred
        for s in facts.sessions
    )
    return not later and any(
        each.evse_id == ended.evse_id and each.status in IN_USE and each.status_time >= inferred
        for each in facts.connectors
    )
