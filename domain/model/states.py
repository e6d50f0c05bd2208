"""Where a command can go from where it stands.

A command moves forward only: QUEUED until its frame may be on the wire, SENT until the station's
answer came or can no longer be waited for, AWAITING_EFFECT until facts decide, COMPENSATING while
something that its caller no longer wants may still happen and would be undone, DONE for ever. The
outcome is a second, smaller machine: none, then perhaps UNKNOWN, then definite; a definite outcome
never changes. The compensation is a third one, because what is undone is a fact of its own and may
happen long after the command was DONE. A step that is not in a table does not happen: evidence
comes late, twice and in any order, and a command must not care.
"""

from enum import StrEnum

from domain.model.command import Code, CompensationState, Outcome, State


class CommandStep(StrEnum):
    """What can happen to a command.

    SEND: its frame may be on the wire. ANSWER: the station answered, the effect is still to come.
    LOSE: the frame was sent and no answer can be waited for any longer. CANCEL: its caller took it
    back although it was sent. CONCLUDE: nothing will change any more.
    """

    SEND = "SEND"
    ANSWER = "ANSWER"
    LOSE = "LOSE"
    CANCEL = "CANCEL"
    CONCLUDE = "CONCLUDE"


STATES: dict[State, dict[CommandStep, State]] = {
    State.QUEUED: {
        CommandStep.SEND: State.SENT,
        CommandStep.CONCLUDE: State.DONE,
    },
    State.SENT: {
        CommandStep.ANSWER: State.AWAITING_EFFECT,
        CommandStep.LOSE: State.AWAITING_EFFECT,
        CommandStep.CANCEL: State.COMPENSATING,
        CommandStep.CONCLUDE: State.DONE,
    },
    State.AWAITING_EFFECT: {
        CommandStep.CANCEL: State.COMPENSATING,
        CommandStep.CONCLUDE: State.DONE,
    },
    State.COMPENSATING: {
        CommandStep.CONCLUDE: State.DONE,
    },
    State.DONE: {},
}

COMPENSATIONS: dict[CompensationState, tuple[CompensationState, ...]] = {
    CompensationState.NONE: (
        CompensationState.PENDING,
        CompensationState.FAILED,  # left alone: it may be somebody else's
    ),
    CompensationState.PENDING: (CompensationState.DONE, CompensationState.FAILED),
    CompensationState.DONE: (CompensationState.PENDING,),  # a second late session
    CompensationState.FAILED: (CompensationState.PENDING, CompensationState.DONE),
}


def after(state: State, step: CommandStep) -> State | None:
    """The state that `step` leads to, None when it cannot happen in `state`."""
    return STATES[state].get(step)


def may_become(now: CompensationState, then: CompensationState) -> bool:
    """Whether a compensation may move from `now` to `then`."""
    return then in COMPENSATIONS[now]


def is_definite(outcome: Outcome | None) -> bool:
    """Whether an outcome can never change again: there is one, and it is not UNKNOWN."""
    return outcome is not None and outcome.code is not Code.UNKNOWN


def ended_as(state: State, outcome: Outcome | None) -> Outcome | None:
    """How a command ended; None while that is looked for, as it is of an UNKNOWN before DONE."""
    return outcome if state is State.DONE or is_definite(outcome) else None


def stands_out(outcome: Outcome) -> bool:
    """Whether somebody may have to look at a command that ended so.

    Not where it did what it was asked for, and not where the station itself said no.
    """
    return outcome.code not in {Code.SUCCEEDED, Code.REJECTED, Code.NOT_SUPPORTED}
