"""The steps that the frames of a command give, and how a frame is shown. Pure."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from contract.renamed import with_present_names
from domain.model.answers import StationAnswer
from domain.model.ways import told
from fleet.sends import Send
from journal.explain.notes import way
from journal.explain.step import Actor, ExplainStep, StepKind
from journal.explain.words import human, texts


def steps_of_sends(sends: Sequence[Send], noted: set[str]) -> Iterator[ExplainStep]:
    """The steps of a command's frames. sends: by attempt.

    noted: the keys of the command's notes. An attempt that was never sent gives a step only where
    no note says it already.
    """
    for send in sends:
        if send.state != "VOID":
            yield from _of_frame(send)
        elif f"settled:{send.attempt}" not in noted:
            summary = f"Attempt {send.attempt} was not sent and never will be."
            yield ExplainStep(StepKind.RETRY, send.send_time, Actor.WORKER, summary, _named(send))


def shown_frame(send: Send) -> str | None:
    """The frame as the explanation shows it: the JSON of its payload. None: it was not kept.

    No token can be in it: the gateway masks the frame before it stores it
    (`station_gateway/dialects/masking.py`).
    """
    return None if send.frame is None else json.dumps(send.frame, ensure_ascii=False)


def _of_frame(send: Send) -> Iterator[ExplainStep]:
    what = send.action or f"the frame of {send.kind}"
    why = ", to undo what nobody wants" if send.undo else ""
    by = f", {told(send.line)}" if send.line else ""
    shown = {"frame": shown_frame(send), "epoch": send.epoch, **way(send.line)}
    facts = {**_named(send), **texts(shown)}
    summary = f"{what} was written to {send.station} (frame {send.attempt}{why}{by})."
    yield ExplainStep(StepKind.FRAME_SENT, send.send_time, Actor.GATEWAY, summary, facts)
    if send.lost_time is not None:
        waited = human(send.lost_time - send.send_time)
        summary = f"No answer to frame {send.attempt} after {waited}: {send.cause}."
        facts = {**_named(send), "cause": send.cause}
        yield ExplainStep(StepKind.NO_ANSWER, send.lost_time, Actor.GATEWAY, summary, facts)
    if send.answer is not None and send.answer_time is not None:
        summary, facts = _answer(send, send.answer, send.answer_time)
        yield ExplainStep(StepKind.ANSWERED, send.answer_time, Actor.STATION, summary, facts)


def _answer(send: Send, answer: dict[str, Any], at: datetime) -> tuple[str, dict[str, str]]:
    answer = dict(with_present_names(StationAnswer, answer))
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
        "transaction_id": answer.get("ocpp_transaction_id"),
    }
    return f"{summary} ({more})." if more else f"{summary}.", {**_named(send), **texts(facts)}


def _named(send: Send) -> dict[str, str]:
    """The ids by which the frame is found in logs and traces."""
    return texts(
        {"message_id": send.message_id, "attempt": send.attempt, "send_id": send.id}
        | {"action": send.action, "undo": "true" if send.undo else None}
    )
