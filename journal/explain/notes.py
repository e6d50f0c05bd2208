"""What is noted while a command runs: decisions, questions, retries, routes and evidence. Pure.

The event log has a command's changes and the sends have its frames. Everything else that explains a
command is noted: each function here makes one note, and `writing.add_note` writes it.

A note has a key. The same thing gets the same key each time, so an activity that runs twice, or a
decision that stays the same, leaves one note.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from contract.commands import UnsentAttempt
from domain.evidence.facts import Act, Asked, Decision, Facts
from domain.evidence.proof import Proof
from domain.model.command import Command
from domain.model.ways import told, way_of
from domain.ocpp_words import told_id
from journal.explain.words import known


class NoteKind(StrEnum):
    """What a note is about. The values are stored."""

    EVIDENCE = "EVIDENCE"
    DECISION = "DECISION"
    RETRY = "RETRY"
    QUESTION = "QUESTION"
    ROUTE = "ROUTE"


@dataclass(frozen=True)
class ExplainNote:
    """One note. key: unique for its command. at: None: the time at which it is written."""

    what: NoteKind
    key: str
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None


_DID = {
    Act.CONCLUDE: "The facts decide",
    Act.ASK: "The facts do not decide: the station is asked",
    Act.SEND_AGAIN: "The frame is sent again: it can do no harm twice",
    Act.UNDO: "Nobody wants what came of it: it is undone",
    Act.UNDONE: "It is undone",
    Act.UNDO_FAILED: "It could not be undone; somebody has to look",
    Act.SETTLE: "Nothing is left to undo",
}


def decision(command: Command, decided: Decision, facts: Facts) -> ExplainNote | None:
    """What was decided, why, and from which facts. None for a decision to wait.

    command: as it was before the decision.
    """
    if decided.act is Act.WAIT:
        return None
    outcome = decided.outcome
    cause = outcome.cause if outcome else ""
    asked = facts.asked.times if facts.asked else 0
    frames = f"{facts.frames}-{len(facts.undos)}"
    key = f"decision:{decided.act.value}:{cause}:{command.revision}:{frames}:{asked}"
    why = decided.reason or cause
    text = _DID[decided.act]
    seen = _seen(facts)
    seen |= {"act": decided.act.value, "cause": cause}
    seen |= {"stops": told_id(decided.ocpp_transaction_id)}
    if decided.proof is not None:
        seen |= _weighed(decided.proof)
    if decided.session is not None:
        seen |= {"transaction": decided.session.name}
        seen |= {"stops": told_id(decided.session.ocpp_transaction_id)}
    return ExplainNote(
        NoteKind.DECISION, key, f"{text}: {why.rstrip('.')}." if why else f"{text}.", known(seen)
    )


def _weighed(proof: Proof) -> dict[str, Any]:
    """The proof of a negative, sign by sign."""
    return {
        "speaks_for": ", ".join(proof.speaks_for),
        "speaks_against": ", ".join(proof.speaks_against),
        "not_known": ", ".join(proof.not_known),
    }


def _seen(facts: Facts) -> dict[str, Any]:
    """The facts behind a decision, in short."""
    frame = facts.frame
    return {
        "frames": facts.frames or None,
        "last_frame": None if frame is None else ("answered" if frame.answer_time else "no answer"),
        "undo_frames": len(facts.undos) or None,
        "sessions": ", ".join(
            f"{told_id(each.ocpp_transaction_id) or each.name} "
            f"({'running' if each.active else 'ended'})"
            for each in facts.sessions
        ),
        "connectors": ", ".join(f"EVSE {each.evse_id}: {each.status}" for each in facts.connectors),
        "connected": facts.connected_since is not None,
        "times_asked": facts.asked.times if facts.asked else None,
        "reports_not_taken": ", ".join(each.action or "unreadable" for each in facts.untaken),
    }


def stop_first(ocpp_transaction_id: str, frames: int) -> ExplainNote:
    """Why an unlock stops a session before it is sent."""
    again = " again, as it is still running" if frames else ""
    text = f"A session keeps the connector locked: it is told to stop first{again}."
    facts = {"frames": frames or None, "stops": told_id(ocpp_transaction_id)}
    return ExplainNote(
        NoteKind.DECISION, f"stop-first:{ocpp_transaction_id}:{frames}", text, known(facts)
    )


def question(station: str, asked: Asked) -> ExplainNote:
    """That the station was asked, and what it said."""
    if not asked.replied:
        said = f"no reply: {asked.detail}" if asked.detail else "no reply"
    elif asked.ongoing is not None:
        said = "the session is running" if asked.ongoing else "the session is not running"
        if asked.messages_in_queue:
            said += ", and it still has messages to deliver"
    elif asked.messages_in_queue is not None:
        queue = "has messages to deliver" if asked.messages_in_queue else "has nothing to deliver"
        said = f"it {queue}"
    else:
        said = asked.detail or "it replied, and that told nothing new"
    facts = {
        "replied": asked.replied,
        "ongoing": asked.ongoing,
        "messages_in_queue": asked.messages_in_queue,
        "detail": asked.detail,
    }
    text = f"{station} was asked what became of it: {said}."
    return ExplainNote(NoteKind.QUESTION, f"asked:{asked.times}", text, known(facts), asked.at)


def route(
    station: str, gateway: str, ocpp_version: str, tried: UnsentAttempt | None, line: str = ""
) -> ExplainNote:
    """Through which gateway a command goes to its station, and by which way to the gateway.

    line: what became of the offer over the direct line, as far as it is known.
    """
    key = f"route:{gateway}:{tried.attempt if tried else 0}"
    handed = f"handed to it {told(line)}".rstrip()
    text = f"{station} is connected to gateway {gateway} with OCPP {ocpp_version}: {handed}."
    facts = {"gateway": gateway, "ocpp_version": ocpp_version, **way(line)}
    return ExplainNote(NoteKind.ROUTE, key, text, facts)


def without_result(gateway: str, attempt: int, line: str, at: datetime) -> ExplainNote:
    """That the direct line gave no result of a frame, which its gateway may have. at: when."""
    text = f"Frame {attempt} was offered to gateway {gateway}: its result comes {told(line)}."
    facts = {"gateway": gateway, "attempt": attempt, **way(line)}
    return ExplainNote(NoteKind.ROUTE, f"line:{attempt}", text, facts, at)


def way(line: str) -> dict[str, Any]:
    """The way that a frame took, as facts; none where nothing is known of it."""
    return known({"way": way_of(line), "line": line})


def retry(tried: UnsentAttempt) -> ExplainNote:
    """That an attempt sent nothing, and that another attempt follows."""
    by = f", {told(tried.line)}," if tried.line else ""
    why = f"{tried.cause}, {tried.why}" if tried.why else tried.cause
    text = f"Attempt {tried.attempt}{by} sent nothing ({why}): the way is looked up again."
    facts = {"attempt": tried.attempt, "cause": tried.cause}
    facts |= known({"why": tried.why, **way(tried.line)})
    return ExplainNote(NoteKind.RETRY, f"tried:{tried.attempt}", text, facts, tried.at)


def settled(attempt: int, *, sent: bool, cancelled: bool) -> ExplainNote:
    """Whether an attempt counts as sent, when its gateway did not say so."""
    why = "A cancel came first" if cancelled else f"The gateway of attempt {attempt} fell silent"
    held = (
        "its intent is written down, so the frame was perhaps sent and is not sent blindly again"
        if sent
        else f"no intent is written down, so attempt {attempt} was not sent and never will be"
    )
    facts = {"attempt": attempt, "perhaps_sent": sent}
    return ExplainNote(NoteKind.RETRY, f"settled:{attempt}", f"{why}: {held}.", facts)
