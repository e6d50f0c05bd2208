"""What operators filter commands by in Temporal: where a command stands, and whom it needs.

Each change that Temporal indexes costs a write. A command that goes as most do is WORKING from its
start and costs none, not even at its end: its workflow has closed, and that says enough.
"""

from enum import StrEnum

from domain.commands.judging import is_guarded
from domain.model.command import Code, Command, CompensationState, State
from domain.model.states import stands_out


class Standing(StrEnum):
    """What a command's workflow does now.

    WORKING: it sends, or waits for an answer or an effect. WAITING_FOR_STATION: no frame can be
    sent yet. ON_GUARD: the command is DONE, and late evidence is still acted on. DONE: nothing is
    left to do; nor is there in a closed workflow that still says WORKING.
    """

    WORKING = "WORKING"
    WAITING_FOR_STATION = "WAITING_FOR_STATION"
    ON_GUARD = "ON_GUARD"
    DONE = "DONE"


class Attention(StrEnum):
    """Why a person should look.

    COMPENSATION_FAILED: what nobody wants could not be undone. STILL_UNKNOWN: the command ended
    UNKNOWN, and nothing is waited for any longer. CALLBACK_PARKED: a run of its callback workflow
    gave up on a post; of that run alone, never of the command's own workflow.
    """

    COMPENSATION_FAILED = "COMPENSATION_FAILED"
    STILL_UNKNOWN = "STILL_UNKNOWN"
    CALLBACK_PARKED = "CALLBACK_PARKED"


def standing_of(command: Command, *, waits: bool = False, guard_is_over: bool = False) -> Standing:
    """Where a command stands. waits: for a moment at which its frame can be sent."""
    if command.state is not State.DONE:
        return Standing.WAITING_FOR_STATION if waits else Standing.WORKING
    return Standing.ON_GUARD if is_guarded(command) and not guard_is_over else Standing.DONE


def attention_for(command: Command, standing: Standing) -> list[Attention]:
    """Why a person should look at this command; empty for most."""
    reasons = []
    if command.compensation.state is CompensationState.FAILED:
        reasons.append(Attention.COMPENSATION_FAILED)
    outcome = command.outcome
    if standing is Standing.DONE and outcome is not None and outcome.code is Code.UNKNOWN:
        reasons.append(Attention.STILL_UNKNOWN)
    return reasons


def goes_as_most(command: Command, before: Standing, standing: Standing) -> bool:
    """Whether nothing has to be written: it worked, has ended, and nobody has to look at it."""
    ended = before is Standing.WORKING and standing is Standing.DONE
    outcome = command.outcome
    looked_at = outcome is None or stands_out(outcome) or attention_for(command, standing)
    return ended and not looked_at


def transaction_of(command: Command) -> str:
    """Our id of the transaction that a command is about, as far as it is known; else ""."""
    if command.outcome is not None and command.outcome.session is not None:
        return command.outcome.session.transaction
    if command.compensation.transaction:
        return command.compensation.transaction
    asked = command.stop
    return (asked.found_transaction or asked.transaction or "") if asked is not None else ""
