"""The tables of states, and the page that is printed from them."""

import subprocess
from pathlib import Path

from domain.model.command import Code, Outcome, State
from domain.model.states import COMPENSATIONS, STATES, CommandStep, ended_as

_ROOT = Path(__file__).parents[4]


def test_the_tables_are_complete_and_done_is_the_end() -> None:
    assert set(STATES) == set(State)
    assert STATES[State.DONE] == {}
    assert all(
        CommandStep.CONCLUDE in steps for state, steps in STATES.items() if state != State.DONE
    )
    assert {after for afters in COMPENSATIONS.values() for after in afters} <= set(COMPENSATIONS)


def test_the_page_of_states_is_what_the_tables_say() -> None:
    subprocess.run([_ROOT / "scripts" / "print_states", "--check"], check=True)


def test_an_unknown_is_an_end_only_of_a_command_that_is_done() -> None:
    unknown, refused = (Outcome(code, "", "") for code in (Code.UNKNOWN, Code.REJECTED))
    for state in State:
        assert ended_as(state, None) is None
        assert ended_as(state, refused) is refused
        assert ended_as(state, unknown) is (unknown if state is State.DONE else None)
