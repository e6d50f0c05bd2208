"""Which session a decision claims, and whether the claim stands."""

import pytest

from domain.commands import transitions as changes
from domain.commands.judging import claim_of, keeps_claim
from domain.evidence.facts import Act, Decision, session_facts
from domain.model.command import Command
from domain.model.outcomes import Cause, ending
from tests.unit.domain.situations import answered, at, reserve, session, start, stop, unlock

STARTED = ending(Cause.SESSION_STARTED, session=session_facts(session()))


@pytest.mark.parametrize(
    ("decision", "claimed"),
    [
        (Decision(Act.CONCLUDE, outcome=STARTED), "tx"),
        (
            Decision(
                Act.CONCLUDE,
                outcome=ending(Cause.AUTHORIZATION_REFUSED, session=session_facts(session())),
            ),
            "tx",
        ),
        (Decision(Act.UNDO, session=session()), "tx"),
        (Decision(Act.UNDO), None),
        (Decision(Act.CONCLUDE, outcome=ending(Cause.SESSION_DOUBTFUL)), None),
        (Decision(Act.UNDO_FAILED, session=session()), None),
        (Decision(Act.WAIT), None),
    ],
    ids=["told", "refused", "stopped", "cancelled", "doubtful", "left alone", "nothing yet"],
)
def test_a_start_claims_the_session_that_it_tells_or_stops(
    decision: Decision, claimed: str | None
) -> None:
    assert claim_of(answered(start()), decision) == claimed


@pytest.mark.parametrize("command", [stop(), unlock(), reserve()], ids=["stop", "unlock", "hold"])
def test_other_commands_use_sessions_and_claim_none(command: Command) -> None:
    assert claim_of(command, Decision(Act.CONCLUDE, outcome=STARTED)) is None


def test_a_claim_stands_when_the_command_tells_the_session() -> None:
    told = changes.concluded(answered(start()), STARTED, at(12))
    assert keeps_claim(told, Decision(Act.CONCLUDE, outcome=STARTED))


def test_a_claim_falls_when_the_command_ended_otherwise_meanwhile() -> None:
    taken_back = changes.cancelled(answered(start()), at(11))
    decision = Decision(Act.CONCLUDE, outcome=STARTED)
    assert not keeps_claim(changes.concluded(taken_back, STARTED, at(12)), decision)


def test_a_session_that_is_being_stopped_stays_claimed() -> None:
    ended = changes.concluded(answered(start()), ending(Cause.OFFLINE_AT_DEADLINE), at(76))
    undoing = changes.undoing(ended, "late", "tx", "7", at(80))
    assert keeps_claim(undoing, Decision(Act.UNDO, session=session()))
    assert keeps_claim(undoing, Decision(Act.CONCLUDE, outcome=STARTED))
