"""Prints docs/states.md from the tables that decide, so that the two cannot differ."""

from collections.abc import Iterator

from domain.commands.table import COMMANDS
from domain.evidence.proof import NEEDS, SIGNS, Sign
from domain.model.command import Code, CompensationState, State
from domain.model.outcomes import ENDINGS
from domain.model.specs import Kind, OfflinePolicy
from domain.model.states import COMPENSATIONS, STATES

_HEAD = """# States, outcomes and causes

Printed from the tables in `domain/` by `scripts/print_states`; do not edit.
"""

_STATE_MEANS = {
    State.QUEUED: "Durable; nothing was sent yet.",
    State.SENT: "The frame may be on the wire; the station's answer is awaited.",
    State.AWAITING_EFFECT: "Answered, or the answer is lost; facts decide.",
    State.COMPENSATING: "Taken back after it was sent; what still happens is undone.",
    State.DONE: "Nothing more is waited for. UNKNOWN may still be raised by late evidence.",
}

_CODE_MEANS = {
    Code.SUCCEEDED: "The effect was seen.",
    Code.REJECTED: "The station said no, and nothing happened.",
    Code.NOT_SUPPORTED: "The station cannot do it; never retried.",
    Code.NOT_SENT: "Nothing was written to any socket; safe to try again.",
    Code.NO_EFFECT: "It was sent, and the effect did not come and cannot come, or was undone.",
    Code.UNKNOWN: "It was sent, and what happened is not known; do not repeat blindly.",
    Code.CANCELLED: "Its caller took it back; see compensation for what had to be undone.",
}

_COMPENSATION_MEANS = {
    CompensationState.NONE: "Nothing had to be undone.",
    CompensationState.PENDING: "An unwanted session is being stopped.",
    CompensationState.DONE: "The unwanted session has ended.",
    CompensationState.FAILED: "It runs on, or may be somebody else's; a human has to look.",
}


def states_page() -> str:
    """The whole page, in Markdown."""
    return "\n".join(
        [_HEAD, *_states(), *_codes(), *_causes(), *_proofs(), *_compensations(), *_kinds()]
    )


def _states() -> Iterator[str]:
    yield "## States of a command\n\n```mermaid\nstateDiagram-v2\n    [*] --> QUEUED"
    for state, steps in STATES.items():
        for step, after in steps.items():
            yield f"    {state.value} --> {after.value}: {step.value}"
    yield "    DONE --> [*]\n```\n\n| State | Means |\n| --- | --- |"
    for state in State:
        yield f"| {state.value} | {_STATE_MEANS[state]} |"
    yield ""


def _codes() -> Iterator[str]:
    yield "## Outcome codes\n\nEvery code but UNKNOWN is definite and never changes.\n"
    yield "| Code | Means |\n| --- | --- |"
    for code in Code:
        yield f"| {code.value} | {_CODE_MEANS[code]} |"
    yield ""


def _causes() -> Iterator[str]:
    yield "## Causes\n\nStable words; each belongs to one code.\n"
    yield "| Cause | Code | What a driver can be told |\n| --- | --- | --- |"
    for cause, ending in ENDINGS.items():
        yield f"| {cause.value} | {ending.code.value} | {ending.sentence} |"
    yield ""


def _proofs() -> Iterator[str]:
    yield "## What a negative needs\n"
    yield (
        "Something must speak against the effect, nothing for it, and nothing that matters may be\n"
        "unknown. Else the outcome is UNKNOWN, and its sentence says what stands in the way.\n"
        "`evcommand explain` shows the proof with the decision.\n"
    )
    yield "| Cause | Needs one of |\n| --- | --- |"
    for cause, needed in NEEDS.items():
        yield f"| {cause.value} | {', '.join(sign.value for sign in Sign if sign in needed)} |"
    yield "\n| Sign | Says |\n| --- | --- |"
    for sign, sentence in SIGNS.items():
        yield f"| {sign.value} | {sentence} |"
    yield ""


def _compensations() -> Iterator[str]:
    yield "## Compensation\n\n```mermaid\nstateDiagram-v2\n    [*] --> NONE"
    for before, afters in COMPENSATIONS.items():
        for after in afters:
            yield f"    {before.value} --> {after.value}"
    yield "```\n\n| Compensation | Means |\n| --- | --- |"
    for state in CompensationState:
        yield f"| {state.value} | {_COMPENSATION_MEANS[state]} |"
    yield ""


def _kinds() -> Iterator[str]:
    yield "## Kinds of command\n"
    yield "| Kind | Sent within | When offline | Priority | Frame repeatable | Final when |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for kind in Kind:
        rules = COMMANDS[kind]
        waits = rules.offline_policy is OfflinePolicy.WAIT
        yield (
            f"| {kind.value} | {rules.not_after.total_seconds():.0f} s "
            f"| {'waits' if waits else 'fails at once'} | {rules.priority} "
            f"| {'yes' if rules.repeatable else 'never'} "
            f"| {'the effect is seen' if rules.awaits_effect else 'the station answers'} |"
        )
    yield ""
