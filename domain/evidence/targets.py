"""The session that a stop names: whether it ended, runs, or runs under another id."""

from datetime import datetime

from domain.evidence.facts import Act, Decision, Facts, told_at
from domain.evidence.plugs import goes_on_as
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
    if ended.end_reported or ended.stop_received_time is None:
        return Decision(Act.CONCLUDE, outcome=outcome)
    return told_at(ended.stop_received_time + UNREPORTED_END_SETTLING, outcome, now)


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
