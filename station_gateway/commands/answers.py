"""Station answers: as they stand in the fleet's `sends` rows and back, and when one is an alarm."""

from typing import Any

import msgspec
import structlog

from contract.commands import SendFrameResult, SendStatus
from domain.model.answers import CallError, StationAnswer
from domain.model.outcomes import Cause
from fleet.sends import Send
from station_gateway.dialects.interface import Answer
from station_gateway.dialects.verdicts import OUR_BUG_CODES
from telemetry import metrics

log = structlog.get_logger(__name__)


def take_blame(answer: Answer, action: str, station: str, command: str = "") -> None:
    """When the station says that our frame was wrong: our bug, until somebody shows another.

    command: whose frame it was; "" for a question of our own.
    """
    if not isinstance(answer, CallError) or answer.code not in OUR_BUG_CODES:
        return
    metrics.BLAMED_FRAMES.labels(action=action, code=answer.code).inc()
    log.warning("frame_blamed", command=command, station=station, action=action, code=answer.code)


def to_row(answer: StationAnswer) -> dict[str, Any]:
    """The JSON that `fleet.sends.answered` keeps."""
    row: dict[str, Any] = msgspec.to_builtins(answer)
    return row


def from_row(row: dict[str, Any]) -> StationAnswer:
    """What `to_row` made."""
    return msgspec.convert(row, StationAnswer)


def stored(send: Send) -> SendFrameResult:
    """The result of an attempt that was decided before, as its row tells."""
    if send.state == "VOID":
        return SendFrameResult(SendStatus.NOT_SENT, Cause.GATEWAY_UNREACHABLE.value, retry=True)
    if send.state == "ANSWERED" and send.answer is not None:
        return SendFrameResult(
            SendStatus.ANSWERED,
            answer=from_row(send.answer),
            send_time=send.send_time,
            answer_time=send.answer_time,
            message_id=send.message_id,
        )
    cause = send.cause or Cause.GATEWAY_LOST_AFTER_SEND.value
    return SendFrameResult(
        SendStatus.NO_ANSWER, cause, send_time=send.send_time, message_id=send.message_id
    )
