"""What one step of an explanation is: of a command, or of a booking."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


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
    BACK_END = "BACK_END"
    RULE = "RULE"
    PLAN = "PLAN"
    STATE = "STATE"
    COMMAND = "COMMAND"
    SESSION = "SESSION"


class Actor(StrEnum):
    """Who did it. `worker`: the rules of `domain/`, which a worker applies.

    `back end`: that of the operator (CSMS), to which the station is relayed.
    """

    CALLER = "caller"
    WORKER = "worker"
    GATEWAY = "gateway"
    STATION = "station"
    BACK_END = "back end"


@dataclass(frozen=True)
class ExplainStep:
    """One step of an explanation.

    summary: one sentence. facts: ids by which the step is found in logs and traces, and the facts
    that it was made from. Times among them are ISO 8601. A frame is the JSON of its payload, with
    every token masked.
    """

    kind: StepKind
    time: datetime
    actor: Actor
    summary: str
    facts: Mapping[str, str] = field(default_factory=dict)
