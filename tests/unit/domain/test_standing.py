"""Where a command stands, as operators filter for it, and when that costs a write."""

from dataclasses import replace

import pytest

from domain.commands import transitions as changes
from domain.commands.standing import (
    Attention,
    Standing,
    attention_for,
    goes_as_most,
    standing_of,
    transaction_of,
)
from domain.model.command import Command, Compensation, CompensationState, SessionFacts
from domain.model.outcomes import Cause, ending
from domain.model.specs import StopSpec
from tests.unit.domain.situations import T0, answered, at, start, stop

FACTS = SessionFacts("tx", "7", 1, T0)


def ended(cause: Cause) -> Command:
    """A start that was answered and ended so."""
    session = FACTS if cause is Cause.SESSION_STARTED else None
    return changes.concluded(answered(start()), ending(cause, session=session), at(9))


STARTED = ended(Cause.SESSION_STARTED)
UNKNOWN = ended(Cause.ANSWER_TIMEOUT)


def failed(command: Command) -> Command:
    """The same, and its undoing failed."""
    return replace(command, compensation=Compensation(CompensationState.FAILED, "no", "late"))


@pytest.mark.parametrize(
    ("command", "waits", "over", "standing"),
    [
        (start(), False, False, Standing.WORKING),
        (start(), True, False, Standing.WAITING_FOR_STATION),
        (answered(start()), False, False, Standing.WORKING),
        (STARTED, False, False, Standing.DONE),
        (UNKNOWN, False, False, Standing.ON_GUARD),
        (UNKNOWN, False, True, Standing.DONE),
    ],
)
def test_a_command_stands(command: Command, waits: bool, over: bool, standing: Standing) -> None:
    assert standing_of(command, waits=waits, guard_is_over=over) is standing


@pytest.mark.parametrize(
    ("command", "standing", "reasons"),
    [
        (start(), Standing.WORKING, []),
        (STARTED, Standing.DONE, []),
        (UNKNOWN, Standing.ON_GUARD, []),
        (UNKNOWN, Standing.DONE, [Attention.STILL_UNKNOWN]),
        (failed(STARTED), Standing.DONE, [Attention.COMPENSATION_FAILED]),
        (
            failed(UNKNOWN),
            Standing.DONE,
            [Attention.COMPENSATION_FAILED, Attention.STILL_UNKNOWN],
        ),
    ],
)
def test_a_person_should_look(
    command: Command, standing: Standing, reasons: list[Attention]
) -> None:
    assert attention_for(command, standing) == reasons


@pytest.mark.parametrize(
    ("command", "before", "standing", "most"),
    [
        (STARTED, Standing.WORKING, Standing.DONE, True),
        (STARTED, Standing.ON_GUARD, Standing.DONE, False),
        (STARTED, Standing.WORKING, Standing.ON_GUARD, False),
        (UNKNOWN, Standing.WORKING, Standing.DONE, False),
        (failed(STARTED), Standing.WORKING, Standing.DONE, False),
        (start(), Standing.WORKING, Standing.DONE, False),
    ],
)
def test_only_an_ordinary_end_is_not_written(
    command: Command, before: Standing, standing: Standing, most: bool
) -> None:
    assert goes_as_most(command, before, standing) is most


@pytest.mark.parametrize(
    ("command", "transaction"),
    [
        (start(), ""),
        (STARTED, "tx"),
        (failed(UNKNOWN), "late"),
        (stop(), ""),
        (replace(stop(), stop=StopSpec(transaction="asked")), "asked"),
        (replace(stop(), stop=StopSpec(transaction="asked", found_transaction="found")), "found"),
    ],
)
def test_the_transaction_is_ours_where_it_is_known(command: Command, transaction: str) -> None:
    assert transaction_of(command) == transaction
