"""The steps that a command's changes in the event log give. Pure.

A change that only follows a frame gives no step of its own: the frame gives it (`frames.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.commands import wording
from domain.model.command import Command, CompensationState, Outcome, State
from journal.explain.step import Actor, ExplainStep, StepKind
from journal.explain.words import fields_of, texts


@dataclass(frozen=True)
class LoggedChange:
    """One change of the command in the event log, and the command as it was after it."""

    key: str
    time: datetime
    command: Command


_EXPLAINED_BY_FRAMES = ("sent:", "answered:", "lost:", "heard:", "step_heard:")
"""Keys of changes whose progress only repeats what the steps of a frame say."""


def steps_of_changes(changes: Sequence[LoggedChange]) -> Iterator[ExplainStep]:
    """The steps of a command's changes. changes: by revision.

    Several processes write changes, each by its own clock: no step is earlier than the one before.
    """
    before: Command | None = None
    latest: datetime | None = None
    for change in changes:
        at = change.time if latest is None else max(latest, change.time)
        yield from _asked(change, at) if before is None else _changed(before, change, at)
        before, latest = change.command, at


def _asked(change: LoggedChange, at: datetime) -> Iterator[ExplainStep]:
    command = change.command
    caller = command.caller or "A caller without credentials"
    facts = {
        "command": command.name,
        "kind": command.kind.value,
        "station": command.station,
        "workflow_id": command.workflow_id,
        "trace_id": command.trace_id,
        "tenant": command.tenant,
        "caller": command.caller,
        "not_after": command.not_after,
        "offline_policy": command.offline_policy.value,
        **{f"label.{name}": value for name, value in command.labels.items()},
    }
    summary = f"{caller} asked: {wording.title(command)}."
    yield ExplainStep(
        StepKind.ASKED, min(at, command.create_time), Actor.CALLER, summary, texts(facts)
    )
    nothing_yet = _without_news(command)
    yield from _changed(nothing_yet, change, at)


def _without_news(command: Command) -> Command:
    return Command(
        name=command.name,
        tenant=command.tenant,
        kind=command.kind,
        station=command.station,
        state=State.QUEUED,
        create_time=command.create_time,
        not_after=command.not_after,
        workflow_id=command.workflow_id,
    )


def _changed(before: Command, change: LoggedChange, at: datetime) -> Iterator[ExplainStep]:
    after = change.command
    news = list(_news(before, after, at))
    yield from news
    by_frame = change.key.startswith(_EXPLAINED_BY_FRAMES)
    if not news and not by_frame and after.progress not in {"", before.progress}:
        yield ExplainStep(StepKind.QUEUED, at, Actor.WORKER, after.progress)


def _news(before: Command, after: Command, at: datetime) -> Iterator[ExplainStep]:
    if after.cancel_reason is not None and before.cancel_reason is None:
        reason = after.cancel_reason or "no reason given"
        yield ExplainStep(
            StepKind.CANCEL_ASKED, at, Actor.CALLER, f"It is to be taken back: {reason}."
        )
    outcome = after.outcome
    ended = after.state is State.DONE and before.state is not State.DONE
    if outcome is not None and (ended or outcome != before.outcome):
        yield ExplainStep(
            StepKind.OUTCOME, at, Actor.WORKER, _ending(after, outcome), _outcome(outcome)
        )
    undo = after.compensation
    if undo.state is not CompensationState.NONE and undo != before.compensation:
        facts = texts({"state": undo.state.value, **fields_of(undo, "state", "reason")})
        summary = f"{_UNDOING[undo.state]}: {undo.reason}"
        yield ExplainStep(StepKind.COMPENSATION, at, Actor.WORKER, summary, facts)


_UNDOING = {
    CompensationState.PENDING: "Being undone",
    CompensationState.DONE: "Undone",
    CompensationState.FAILED: "Not undone, somebody has to look",
}


def _ending(command: Command, outcome: Outcome) -> str:
    so_far = "" if command.state is State.DONE else " so far"
    return f"{outcome.code.value}{so_far}, {outcome.cause}: {outcome.message}"


def _outcome(outcome: Outcome) -> Mapping[str, str]:
    about = outcome.session or outcome.reset or outcome.reservation
    facts = {"code": outcome.code.value, "cause": outcome.cause}
    return texts(facts if about is None else {**facts, **fields_of(about)})
