"""Station answers as they stand in the fleet's `sends` rows, and back."""

from typing import Any

import msgspec

from fleet.sends import Send
from workflows.contract import SendResult, SendStatus
from workflows.domain.model import StationAnswer
from workflows.domain.outcomes import Cause


def to_row(answer: StationAnswer) -> dict[str, Any]:
    """The JSON that `fleet.sends.answered` keeps."""
    row: dict[str, Any] = msgspec.to_builtins(answer)
    return row


def from_row(row: dict[str, Any]) -> StationAnswer:
    """What `to_row` made."""
    return msgspec.convert(row, StationAnswer)


def stored(send: Send) -> SendResult:
    """The result of an attempt that was decided before, as its row tells."""
    if send.state == "VOID":
        return SendResult(SendStatus.NOT_SENT, Cause.GATEWAY_UNREACHABLE.value, retry=True)
    if send.state == "ANSWERED" and send.answer is not None:
        return SendResult(
            SendStatus.ANSWERED,
            answer=from_row(send.answer),
            send_time=send.send_time,
            answer_time=send.answer_time,
        )
    cause = send.cause or Cause.GATEWAY_LOST_AFTER_SEND.value
    return SendResult(SendStatus.NO_ANSWER, cause, send_time=send.send_time)
