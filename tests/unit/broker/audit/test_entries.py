"""A call that made a command is shown with how the command ended, once that is known."""

import pytest
from evcommand.v1.remote_command_pb2 import Outcome as OutcomeMessage

from broker.audit.entries import entry_of_command
from domain.model.command import Code, Outcome, State
from tests.unit.broker.things import command

UNKNOWN = Outcome(Code.UNKNOWN, "ANSWER_TIMEOUT", "Nobody knows.")
SUCCEEDED = Outcome(Code.SUCCEEDED, "SESSION_STARTED", "It runs.")


@pytest.mark.parametrize(
    ("state", "outcome", "shown"),
    [
        (State.QUEUED, None, OutcomeMessage.CODE_UNSPECIFIED),
        (State.AWAITING_EFFECT, UNKNOWN, OutcomeMessage.CODE_UNSPECIFIED),
        (State.DONE, UNKNOWN, OutcomeMessage.CODE_UNKNOWN),
        (State.DONE, SUCCEEDED, OutcomeMessage.CODE_SUCCEEDED),
    ],
)
def test_an_entry_tells_how_its_command_ended_and_never_what_is_still_looked_for(
    state: State, outcome: Outcome | None, shown: OutcomeMessage.Code.ValueType
) -> None:
    entry = entry_of_command(command(state=state, outcome=outcome))
    assert (entry.outcome_code, entry.code, entry.times) == (shown, "OK", 1)
