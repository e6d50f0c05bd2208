"""A ReserveNow that was asked, and what is decided about it. T0 is when its first frame left."""

from dataclasses import replace

from domain.commands import transitions as changes
from domain.commands.judging import apply, judge
from domain.evidence.facts import Decision, Facts
from domain.model.answers import CallError, StationAnswer, Verdict
from domain.model.command import Command, ReservationFacts
from tests.unit.domain.situations import (
    RESERVATION,
    TIMING,
    asks,
    at,
    lost,
    reserve,
    session,
)

MADE = ReservationFacts(RESERVATION, 42, 1, at(3_600))
ERROR = StationAnswer(Verdict.FAILED, call_error=CallError("InternalError"))
USER = session(reservation_id=42)


def known(*answers: StationAnswer | None, **changed: object) -> Facts:
    facts = Facts(frames=len(answers), asks=asks(*answers), connected_since=at(-100))
    return replace(facts, **changed)  # type: ignore[arg-type]


def decided(command: Command, facts: Facts, now_s: float) -> Decision:
    return judge(command, facts, TIMING, at(now_s))


def said(command: Command, facts: Facts, now_s: float) -> str:
    decision = decided(command, facts, now_s)
    return decision.outcome.cause if decision.outcome else decision.act.value


def given_up(now_s: float = 40) -> Command:
    """Asked for thrice without an answer; it is being undone."""
    facts = known(None, None, None)
    return apply(lost(reserve()), decided(lost(reserve()), facts, now_s), at(now_s))


def taken_back() -> Command:
    return changes.cancelled(changes.cancel_asked(lost(reserve()), "no more"), at(20))
