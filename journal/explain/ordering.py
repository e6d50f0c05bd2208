"""Puts what three tables remember of one command into one order. Pure.

The event log has how the command changed, the sends have what was on the wire, the notes have what
was seen and decided in between. Nothing appears twice. Times come from several clocks, so the order
is kept where it is certain: a command's own changes follow their revisions. Steps of the same time
stand in the order in which one leads to the next (`_RANKS`).
"""

from collections.abc import Sequence
from datetime import datetime

from domain.evidence.facts import Act
from fleet.back_end.calls import KeptCall
from fleet.log.notes import MORE_KEY, Note
from fleet.sends import Send
from journal.explain.back_end import steps_of_calls
from journal.explain.changes import LoggedChange, steps_of_changes
from journal.explain.frames import steps_of_sends
from journal.explain.notes import NoteKind
from journal.explain.step import Actor, ExplainStep, StepKind
from journal.explain.words import texts

_RANKS = {
    StepKind.ASKED: 0,
    StepKind.CANCEL_ASKED: 1,
    StepKind.RETRY: 2,
    StepKind.BACK_END: 3,
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


def explain(
    changes: Sequence[LoggedChange],
    sends: Sequence[Send],
    notes: Sequence[Note],
    theirs: Sequence[KeptCall] = (),
) -> tuple[ExplainStep, ...]:
    """Every step of one command, in order. Each of the sequences may come in any order.

    theirs: what the station's back end asked for. What it did before stands behind the first step,
    which is always that the command was asked for.
    """
    noted = {note.key for note in notes}
    steps = [
        *steps_of_changes(sorted(changes, key=lambda change: change.command.revision)),
        *steps_of_sends(sorted(sends, key=lambda send: send.attempt), noted),
        *(_of_note(note) for note in sorted(notes, key=lambda note: (note.time, note.id))),
    ]
    asked, *others = sorted(steps, key=_place)
    return (asked, *sorted([*steps_of_calls(theirs), *others], key=_place))


def _place(step: ExplainStep) -> tuple[datetime, int]:
    rank = _RANKS[step.kind]
    if step.kind is StepKind.DECIDED and step.facts.get("act") in _LEADS_TO_A_FRAME:
        rank = _BEFORE_A_FRAME
    return step.time, rank


_NOTED = {
    NoteKind.EVIDENCE.value: (StepKind.EVIDENCE, Actor.STATION),
    NoteKind.DECISION.value: (StepKind.DECIDED, Actor.WORKER),
    NoteKind.RETRY.value: (StepKind.RETRY, Actor.WORKER),
    NoteKind.QUESTION.value: (StepKind.QUESTION, Actor.GATEWAY),
    NoteKind.ROUTE.value: (StepKind.ROUTE, Actor.WORKER),
}


def _of_note(note: Note) -> ExplainStep:
    kind, who = _NOTED.get(note.what, (StepKind.EVIDENCE, Actor.WORKER))
    summary = note.text
    if note.key == MORE_KEY:
        summary = f"{note.times} more notes are not kept; the newest: {summary}"
    return ExplainStep(kind, note.time, who, summary, texts(note.facts))
