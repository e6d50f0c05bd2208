"""The session that a stop names: whether it ended, runs, or runs under another id."""

from domain.evidence.facts import Facts
from domain.evidence.plugs import goes_on_as
from domain.evidence.sessions import Session


def is_target(session: Session, facts: Facts) -> bool:
    """Whether a stop named this session, by any id that was tried."""
    return session.ocpp_transaction_id in facts.tried


def ended_target(facts: Facts) -> Session | None:
    """The session that was to be stopped, by any id that was tried, when it has ended.

    One whose end nobody reported, and that the station may have told again, may as well run.
    """
    ended = (s for s in facts.sessions if is_target(s, facts) and not s.active)
    return next((s for s in ended if not _goes_on(s, facts)), None)


def running_target(facts: Facts, ocpp_transaction_id: str) -> Session | None:
    """The session of that id, when it is known to be running."""
    return next(
        (s for s in facts.sessions if s.ocpp_transaction_id == ocpp_transaction_id and s.active),
        None,
    )


def runs_as_another(facts: Facts) -> bool:
    """Whether the session that was to be stopped may run under an id that was not tried."""
    return any(is_target(s, facts) and not s.active and _goes_on(s, facts) for s in facts.sessions)


def _goes_on(ended: Session, facts: Facts) -> bool:
    running = [s for s in facts.sessions if s.active and not is_target(s, facts)]
    return goes_on_as(ended, running) is not None
