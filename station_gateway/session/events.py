"""What a session tells its shell: one small frozen class per kind of news, and why it cannot send.

msgspec's structs are frozen dataclasses that cost a quarter of the time to make; one or more of
these is made for every message of every station.
"""

from enum import StrEnum

import msgspec

from domain.model.answers import CallError
from station_gateway.dialects.messages import Answer, Payload
from station_gateway.session.frames import MessageId


class CallInFlight(Exception):
    """A CALL of ours is outstanding already."""


class SessionOver(Exception):
    """The connection is gone; nothing was sent."""


class Missing(StrEnum):
    """Why there is no answer. Either way the frame was sent and may have had its effect."""

    TIMEOUT = "TIMEOUT"
    CONNECTION_LOST = "CONNECTION_LOST"


class CallReceived(msgspec.Struct, frozen=True):
    """The station's CALL is now in hand: exactly one `reply` or `reply_error` must follow."""

    message_id: MessageId
    action: str
    payload: Payload


class AnswerReceived(msgspec.Struct, frozen=True):
    """The answer to our CALL. `late`: an AnswerMissing was told before."""

    message_id: str
    action: str
    answer: Answer
    late: bool = False


class AnswerMissing(msgspec.Struct, frozen=True):
    """Our CALL was sent and is not answered. In time a late answer may still follow."""

    message_id: str
    action: str
    cause: Missing


class SendReceived(msgspec.Struct, frozen=True):
    """A SEND (2.1, type 6): takes no answer."""

    message_id: MessageId
    action: str
    payload: Payload


class AnswerRefused(msgspec.Struct, frozen=True):
    """A CALLRESULTERROR (2.1, type 5): the station could not use our answer."""

    message_id: MessageId
    error: CallError


class FrameRefused(msgspec.Struct, frozen=True):
    """A frame that had no effect; for the log and the metric.

    reason: a stable word of `REFUSALS`. detail: for humans, without any of the frame's values.
    """

    reason: str
    detail: str = ""


REFUSALS = (
    "unreadable",
    "unknown_type",
    "oversize",
    "unknown_action",
    "invalid_payload",
    "duplicate_call",
    "unexpected_answer",
    "queue_overflow",
    "unencodable_reply",
    "answer_refused",
)


POLICY_VIOLATION = 1008
MESSAGE_TOO_BIG = 1009
"""Websocket close codes (RFC 6455 section 7.4.1)."""


class Closing(msgspec.Struct, frozen=True):
    """Close the socket with this websocket code and reason; the session is over."""

    code: int
    reason: str


Event = (
    CallReceived
    | AnswerReceived
    | AnswerMissing
    | SendReceived
    | AnswerRefused
    | FrameRefused
    | Closing
)
