"""The events of a session, one small frozen class each, and the errors of its methods.

The classes are msgspec structs: making one takes a quarter of the time of a frozen dataclass, and
at least one is made for every message of every station.
"""

from enum import StrEnum

import msgspec

from domain.model.answers import CallError
from station_gateway.dialects.mending.mends import NO_MENDS, Mends
from station_gateway.dialects.messages import Answer, Payload
from station_gateway.session.frames import MessageId


class CallInFlight(Exception):
    """A CALL of ours is outstanding already."""


class SessionOver(Exception):
    """The connection is gone; nothing was sent."""


class Missing(StrEnum):
    """Why there is no answer. In both cases the frame was sent and may have had its effect."""

    TIMEOUT = "TIMEOUT"
    CONNECTION_LOST = "CONNECTION_LOST"


class CallReceived(msgspec.Struct, frozen=True):
    """The station's CALL is now in hand: exactly one `reply` or `reply_error` must follow.

    mends: what was mended in it.
    """

    message_id: MessageId
    action: str
    payload: Payload
    mends: Mends = NO_MENDS


class AnswerReceived(msgspec.Struct, frozen=True):
    """The answer to our CALL. `late`: an AnswerMissing came before. `mends`: what was mended."""

    message_id: str
    action: str
    answer: Answer
    late: bool = False
    mends: Mends = NO_MENDS


class AnswerMissing(msgspec.Struct, frozen=True):
    """Our CALL was sent and has no answer. A late answer may still follow."""

    message_id: str
    action: str
    cause: Missing


class SendReceived(msgspec.Struct, frozen=True):
    """A SEND (2.1, type 6), which gets no answer."""

    message_id: MessageId
    action: str
    payload: Payload


class AnswerRefused(msgspec.Struct, frozen=True):
    """A CALLRESULTERROR (2.1, type 5): the station could not use our answer."""

    message_id: MessageId
    error: CallError


class Untaken(msgspec.Struct, frozen=True):
    """A report that had no effect, though it may have told a fact.

    key: the same for repeats of one message. action: "" when it could not be read.
    reason: a word of `REFUSALS`, or of who refused it. detail: never a value of the station.
    evse_id, ocpp_transaction_id: None and "" where they could not be read.
    """

    key: str
    action: str
    reason: str
    detail: str = ""
    evse_id: int | None = None
    ocpp_transaction_id: str = ""


class FrameRefused(msgspec.Struct, frozen=True):
    """A frame had no effect. For the log and the metric.

    reason: a stable word of `REFUSALS`. detail: for humans, without any value of the frame.
    untaken: the fact that it may have told; None when it told none.
    """

    reason: str
    detail: str = ""
    untaken: Untaken | None = None


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
"""Every word of `FrameRefused.reason`, and of the metric that counts them."""

GOING_AWAY = 1001
POLICY_VIOLATION = 1008
MESSAGE_TOO_BIG = 1009
SERVICE_RESTART = 1012
"""Websocket close codes (RFC 6455 section 7.4.1). The last one tells a station to connect again."""


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
