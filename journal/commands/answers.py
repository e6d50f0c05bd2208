"""Answers of stations as the JSON of their rows in `sends`, and the frames that those rows keep."""

from datetime import datetime
from typing import Any

import msgspec

from contract.renamed import with_present_names
from domain.evidence.frames import ReservationFrame
from domain.evidence.sessions import SentFrame
from domain.limits import ANSWER_IS_LOST
from domain.model.answers import StationAnswer
from domain.model.specs import Kind
from fleet.sends import Send


def answer_to_row(answer: StationAnswer) -> dict[str, Any]:
    """The answer as the JSON that its row keeps."""
    row: dict[str, Any] = msgspec.to_builtins(answer)
    return row


def answer_from_row(row: dict[str, Any]) -> StationAnswer:
    """The answer that a row keeps, also one that was written under old field names."""
    return msgspec.convert(with_present_names(StationAnswer, row), StationAnswer)


def said_no(row: dict[str, Any] | None) -> bool:
    """Whether a kept answer is a no that the station would say again. No answer is none."""
    return row is not None and answer_from_row(row).verdict.is_lasting_no


def frame_of(row: Send) -> SentFrame:
    """The row as the rules see a frame."""
    return SentFrame(
        id=row.id,
        attempt=row.attempt,
        send_time=row.send_time,
        answer_time=row.answer_time if row.state == "ANSWERED" else None,
        evse_id=row.evse_id,
        token_digest=row.token_digest,
        group_digest=row.group_digest,
        ocpp_transaction_id=row.named_id or "",
        epoch=row.epoch,
        refused=said_no(row.answer),
        token_refused_time=row.token_refused_time,
        token_unclear_time=row.token_unclear_time,
    )


def reservation_frames(
    rows: list[Send], kind: Kind, now: datetime | None = None
) -> tuple[ReservationFrame, ...]:
    """The frames of one kind with what the station said to them, in order.

    One that left long ago is over, also when its gateway could not write down what became of it.
    now: None where it does not matter which are over.
    """
    return tuple(
        ReservationFrame(
            attempt=row.attempt,
            send_time=row.send_time,
            over=row.state != "INTENT"
            or (now is not None and now >= row.send_time + ANSWER_IS_LOST),
            answer=answer_from_row(row.answer) if row.answer else None,
            answer_time=row.answer_time,
        )
        for row in rows
        if row.state != "VOID" and row.kind == kind.value
    )
