"""The ordered story of one command, from what three tables remember of it. Pure.

The event log says how the command changed, the sends say what was on the wire, the notes say what
was seen and decided in between. Nothing is told twice: a change that only follows a frame is told
by the frame. Times come from several clocks, so the order is kept where it is known for certain (a
command's own changes follow their revisions), and what happened at the same time stands in the
order in which one leads to the other (`_RANKS`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.commands import wording
from domain.evidence.facts import Act
from domain.model.command import Command, CompensationState, Outcome, State
from fleet.log.notes import MORE_KEY, Note
from fleet.sends import Send
from journal.explain.notes import What, human


class StepKind(StrEnum):
    """What happened in a step."""

    ASKED = "ASKED"
    CANCEL_ASKED = "CANCEL_ASKED"
    RETRY = "RETRY"
    ROUTE = "ROUTE"
    QUEUED = "QUEUED"
    FRAME_SENT = "FRAME_SENT"
    ANSWERED = "ANSWERED"
    NO_ANSWER = "NO_ANSWER"
    EVIDENCE = "EVIDENCE"
    QUESTION = "QUESTION"
    DECIDED = "DECIDED"
    OUTCOME = "OUTCOME"
    COMPENSATION = "COMPENSATION"


class Who(StrEnum):
    """Who did it. `worker`: the broker's own rules, run by a worker."""

    CALLER = "caller"
    WORKER = "worker"
    GATEWAY = "gateway"
    STATION = "station"


@dataclass(frozen=True)
class Step:
    """One step of a story. facts: what it can be followed by elsewhere, and what it was made from.

    Times in facts are ISO 8601; a frame is the JSON of its payload, tokens masked.
    """

    kind: StepKind
    time: datetime
    who: Who
    summary: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One change of the command in the event log, and the command as it was after it."""

    key: str
    time: datetime
    command: Command


_RANKS = {
    StepKind.ASKED: 0,
    StepKind.CANCEL_ASKED: 1,
    StepKind.RETRY: 2,
    StepKind.ROUTE: 3,
    StepKind.QUEUED: 4,
    StepKind.FRAME_SENT: 6,
    StepKind.ANSWERED: 7,
    StepKind.NO_ANSWER: 7,
    StepKind.EVIDENCE: 8,
    StepKind.QUESTION: 9,
    StepKind.DECIDED: 10,
    StepKind.OUTCOME: 11,
    StepKind.COMPENSATION: 12,
}
_LEADS_TO_A_FRAME = {Act.SEND_AGAIN.value, Act.UNDO.value}
_BEFORE_A_FRAME = 5

_TOLD_BY_FRAMES = ("sent:", "answered:", "lost:", "heard:", "step_heard:")
"""Keys of changes whose progress only repeats what a frame or its answer tells."""


def story(
    changes: Sequence[Change], sends: Sequence[Send], notes: Sequence[Note]
) -> tuple[Step, ...]:
    """Everything that happened with one command, in order. The three may come in any order."""
    noted = {note.key for note in notes}
    steps = [
        *_of_changes(sorted(changes, key=lambda change: change.command.revision)),
        *_of_sends(sorted(sends, key=lambda send: send.attempt), noted),
        *(_of_note(note) for note in sorted(notes, key=lambda note: (note.time, note.id))),
    ]
    return tuple(sorted(steps, key=_place))


def _place(step: Step) -> tuple[datetime, int]:
    rank = _RANKS[step.kind]
    if step.kind is StepKind.DECIDED and step.facts.get("act") in _LEADS_TO_A_FRAME:
        rank = _BEFORE_A_FRAME
    return step.time, rank


# The command's own changes.


def _of_changes(changes: Sequence[Change]) -> Iterator[Step]:
    before: Command | None = None
    latest: datetime | None = None
    for change in changes:
        at = change.time if latest is None else max(latest, change.time)
        yield from _asked(change, at) if before is None else _changed(before, change, at)
        before, latest = change.command, at


def _asked(change: Change, at: datetime) -> Iterator[Step]:
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
    yield Step(StepKind.ASKED, min(at, command.create_time), Who.CALLER, summary, _texts(facts))
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


def _changed(before: Command, change: Change, at: datetime) -> Iterator[Step]:
    after = change.command
    told = list(_news(before, after, at))
    yield from told
    by_frame = change.key.startswith(_TOLD_BY_FRAMES)
    if not told and not by_frame and after.progress not in {"", before.progress}:
        yield Step(StepKind.QUEUED, at, Who.WORKER, after.progress)


def _news(before: Command, after: Command, at: datetime) -> Iterator[Step]:
    if after.cancel_reason is not None and before.cancel_reason is None:
        reason = after.cancel_reason or "no reason given"
        yield Step(StepKind.CANCEL_ASKED, at, Who.CALLER, f"It is to be taken back: {reason}.")
    outcome = after.outcome
    ended = after.state is State.DONE and before.state is not State.DONE
    if outcome is not None and (ended or outcome != before.outcome):
        yield Step(StepKind.OUTCOME, at, Who.WORKER, _ending(after, outcome), _outcome(outcome))
    undo = after.compensation
    if undo.state is not CompensationState.NONE and undo != before.compensation:
        facts = _texts({"state": undo.state.value, **_plain(undo, "state", "reason")})
        summary = f"{_UNDOING[undo.state]}: {undo.reason}"
        yield Step(StepKind.COMPENSATION, at, Who.WORKER, summary, facts)


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
    return _texts(facts if about is None else {**facts, **_plain(about)})


# What was on the wire.


def _of_sends(sends: Sequence[Send], noted: set[str]) -> Iterator[Step]:
    for send in sends:
        if send.state != "VOID":
            yield from _of_frame(send)
        elif f"settled:{send.attempt}" not in noted:
            summary = f"Attempt {send.attempt} was not sent and never will be."
            yield Step(StepKind.RETRY, send.send_time, Who.WORKER, summary, _named(send))


def _of_frame(send: Send) -> Iterator[Step]:
    what = send.action or f"the frame of {send.kind}"
    why = ", to undo what nobody wants" if send.undo else ""
    frame = None if send.frame is None else json.dumps(send.frame, ensure_ascii=False)
    facts = {**_named(send), **_texts({"frame": frame, "epoch": send.epoch})}
    summary = f"{what} was written to {send.station} (frame {send.attempt}{why})."
    yield Step(StepKind.FRAME_SENT, send.send_time, Who.GATEWAY, summary, facts)
    if send.lost_time is not None:
        waited = human(send.lost_time - send.send_time)
        summary = f"No answer to frame {send.attempt} after {waited}: {send.cause}."
        facts = {**_named(send), "cause": send.cause}
        yield Step(StepKind.NO_ANSWER, send.lost_time, Who.GATEWAY, summary, facts)
    if send.answer is not None and send.answer_time is not None:
        summary, facts = _answer(send, send.answer, send.answer_time)
        yield Step(StepKind.ANSWERED, send.answer_time, Who.STATION, summary, facts)


def _answer(send: Send, answer: dict[str, Any], at: datetime) -> tuple[str, dict[str, str]]:
    error = answer.get("call_error") or {}
    said = answer.get("status") or error.get("code") or "what nobody can read"
    more = error.get("description") or answer.get("reason_code")
    took = human(at - send.send_time)
    late = ", when nobody waited for it any longer" if send.lost_time is not None else ""
    summary = f"{send.station} answered frame {send.attempt} after {took}{late}: {said}"
    facts = {
        "verdict": answer.get("verdict"),
        "status": answer.get("status"),
        "reason_code": answer.get("reason_code"),
        "additional_info": answer.get("additional_info"),
        "error_code": error.get("code"),
        "error_description": error.get("description"),
        "transaction_id": answer.get("transaction_id"),
    }
    return f"{summary} ({more})." if more else f"{summary}.", {**_named(send), **_texts(facts)}


def _named(send: Send) -> dict[str, str]:
    """By what the frame is found in logs and traces."""
    return _texts(
        {"message_id": send.message_id, "attempt": send.attempt, "send_id": send.id}
        | {"action": send.action, "undo": "true" if send.undo else None}
    )


# What was noted in between.

_NOTED = {
    What.EVIDENCE.value: (StepKind.EVIDENCE, Who.STATION),
    What.DECISION.value: (StepKind.DECIDED, Who.WORKER),
    What.RETRY.value: (StepKind.RETRY, Who.WORKER),
    What.QUESTION.value: (StepKind.QUESTION, Who.GATEWAY),
    What.ROUTE.value: (StepKind.ROUTE, Who.WORKER),
}


def _of_note(note: Note) -> Step:
    kind, who = _NOTED.get(note.what, (StepKind.EVIDENCE, Who.WORKER))
    summary = note.text
    if note.key == MORE_KEY:
        summary = f"{note.times} more notes are not kept; the newest: {summary}"
    return Step(kind, note.time, who, summary, _texts(note.facts))


def _plain(about: Any, *but: str) -> dict[str, Any]:
    """The fields of one of the domain's small dataclasses."""
    return {each.name: getattr(about, each.name) for each in fields(about) if each.name not in but}


def _texts(facts: Mapping[str, Any]) -> dict[str, str]:
    """Facts as texts, without what is not known."""
    return {name: _text(value) for name, value in facts.items() if value not in (None, "", ())}


def _text(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat()
        case tuple():
            return ", ".join(str(each) for each in value)
    return str(value)
