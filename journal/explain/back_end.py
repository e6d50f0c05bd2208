"""The steps that another back end (CSMS) gives to a command of ours at the same station. Pure."""

from collections.abc import Iterator, Sequence

from domain.commands.table import COMMANDS
from domain.model.command import Code
from domain.model.specs import Kind
from fleet.back_end.calls import KeptCall
from journal.commands.answers import answer_from_row
from journal.explain.step import Actor, ExplainStep, StepKind
from journal.explain.words import human, texts


def steps_of_calls(calls: Sequence[KeptCall]) -> Iterator[ExplainStep]:
    """What the back end asked for, what the station said, and what is known to have come of it."""
    for call in calls:
        summary = f"The back end asked the station to {_what(call)}: {_said(call)}{_end(call)}."
        yield ExplainStep(StepKind.BACK_END, call.send_time, Actor.BACK_END, summary, _facts(call))


def _what(call: KeptCall) -> str:
    asked = COMMANDS[Kind(call.kind)].verb.lower()
    mode = f" ({call.mode})" if call.mode else ""
    number = f" {call.named_id}" if call.named_id else ""
    place = f" at EVSE {call.evse_id}" if call.evse_id is not None else ""
    return f"{asked}{mode}{number}{place}"


def _said(call: KeptCall) -> str:
    if call.code == Code.NOT_SENT:
        return "it never left for the station"
    if call.answer is None or call.answer_time is None:
        return "no answer is known"
    answer = answer_from_row(call.answer)
    error = answer.call_error.code if answer.call_error else ""
    status = answer.status or error or "what nobody can read"
    return f"{status} after {human(call.answer_time - call.send_time)}"


def _end(call: KeptCall) -> str:
    return f" ({call.code}, {call.cause})" if call.code else ""


def _facts(call: KeptCall) -> dict[str, str]:
    answer = None if call.answer is None else answer_from_row(call.answer)
    return texts(
        {
            "kind": call.kind,
            "message_id": call.message_id,
            "mode": call.mode,
            "evse_id": call.evse_id,
            "transaction_id": call.named_id,
            "number": call.number,
            "expire_time": call.expire_time,
            "status": answer.status if answer else None,
            "answer_time": call.answer_time,
            "code": call.code,
            "cause": call.cause,
            "effect_time": call.effect_time,
        }
    )
