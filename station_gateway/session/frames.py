"""OCPP-J frames: text to a checked frame, and back. No state.

A frame is a JSON array `[type, id, ...]` (OCPP-J 1.6 section 4.2, OCPP 2.0.1 part 4 section 4.2).
`decode` checks the shape of the frame and nothing of the payload's content. Of a broken frame it
keeps as much of the type and the id as can be read, so that the station can be told which of its
messages was not understood.

orjson refuses NaN, infinities, control characters, lone surrogates, trailing text and a BOM. It
limits nesting to 1024 and turns integers beyond 64 bits into floats. It does not notice duplicate
keys (the last one wins silently) and has no smaller limit of nesting. Both are checked here, and
the checks cost next to nothing (`session.structure`).
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
import orjson

from station_gateway.dialects.mending.mends import NO_MENDS, Mends
from station_gateway.dialects.printable import printable
from station_gateway.session import structure, texts

CALL = 2
CALL_RESULT = 3
CALL_ERROR = 4
CALL_RESULT_ERROR = 5
SEND = 6

MessageId = str | int
"""Stations must send strings; integers are taken and echoed as they came."""


class Fault(StrEnum):
    """What is wrong with a frame; each version has its own CALLERROR for it, or none."""

    TEXT = "text"  # not JSON, too deep, duplicate keys, binary
    SHAPE = "shape"  # not an array, elements missing or of the wrong type
    PAYLOAD = "payload"  # the payload is not an object
    TYPE_NUMBER = "type_number"  # a message type that does not exist
    OVERSIZE = "oversize"


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """The limits of one frame. Sizes are bytes of UTF-8; `nesting` counts arrays and objects.

    values: how many there may be, as the brackets and commas tell; each is looked at.
    mend: a text that is not quite a frame is taken for what it certainly means, up to mend_bytes.
    """

    frame_bytes: int = 262_144
    nesting: int = 32
    values: int = 30_000
    message_id_chars: int = 64
    action_chars: int = 64
    mend: bool = False
    mend_bytes: int = 32_768


class FrameError(Exception):
    """A frame that cannot be used. It carries no text of the frame but the message id.

    type_number, message_id: None when they could not be read. action: "" when it could not.
    """

    def __init__(
        self,
        fault: Fault,
        reason: str,
        type_number: int | None = None,
        message_id: MessageId | None = None,
        action: str = "",
    ) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason
        self.type_number = type_number
        self.message_id = message_id
        self.action = action


class DecodedFrame(msgspec.Struct, frozen=True):
    """A frame of a known type.

    action: CALL and SEND only, else "". body: payload of CALL, CALLRESULT, SEND.
    error: code, description of CALLERROR and CALLRESULTERROR, else None.
    mends: what was mended in its text.
    """

    type_number: int
    message_id: MessageId
    action: str
    body: dict[str, Any]
    error: tuple[str, str] | None = None
    mends: Mends = NO_MENDS


_HEAD = re.compile(
    r'\s*\[\s*([2-6])\s*,\s*"([^"\\\x00-\x1f\ud800-\udfff]{1,64})"'
    r'(?:\s*,\s*"([A-Za-z0-9]{1,64})")?'
)
_HEAD_CHARS = 240
_ERROR_CODE_CHARS = 64
_ERROR_TEXT_CHARS = 255


def decode(data: str | bytes, limits: FrameLimits) -> DecodedFrame:
    """Parse one websocket message. `str` is a text frame, `bytes` a binary one (always refused).

    Raises:
        FrameError: and nothing else, whatever the data is.
    """
    try:
        return _decode(data, limits)
    except FrameError as error:
        if not limits.mend or error.fault is Fault.OVERSIZE or isinstance(data, bytes):
            raise
        if len(data) > limits.mend_bytes:
            raise  # mending is the most expensive thing that can be done with a text
        mended = texts.mended(data)
        if mended is None or structure.is_deeper(_bones_of(mended[0]), limits.nesting):
            raise
        return _shape(*mended, limits)


def _decode(data: str | bytes, limits: FrameLimits) -> DecodedFrame:
    if len(data) > limits.frame_bytes:
        raise _oversize(data)
    if isinstance(data, bytes):
        raise _broken(data.decode("latin-1"), "binary frame")
    raw = data.encode("utf-8", "surrogatepass")
    if len(raw) > limits.frame_bytes:
        raise _oversize(data)
    bones = _bones(data, raw, limits)
    try:
        message = orjson.loads(data)
    except ValueError:
        raise _broken(data, "not JSON") from None
    if structure.is_deeper(bones, limits.nesting):
        raise _broken(data, "nested too deep")
    if structure.loses_pairs(raw, orjson.dumps(message)):
        raise _broken(data, "duplicate keys")
    return _shape(message, NO_MENDS, limits)


def _bones(data: str, raw: bytes, limits: FrameLimits) -> bytes:
    """The skeleton of a text; b"" for a usual one, which is too small to be deep or to cost long.

    Raises: FrameError: it has too many values.
    """
    opened = raw.count(b"[") + raw.count(b"{")
    if opened <= limits.nesting and opened + raw.count(b",") <= limits.values:
        return b""
    bones = structure.skeleton(raw)
    if bones.count(b"[") + bones.count(b",") > limits.values:
        raise _broken(data, "too many values")
    return bones


def _bones_of(message: object) -> bytes:
    return structure.skeleton(orjson.dumps(message))


def _oversize(data: str | bytes) -> FrameError:
    head = data[:_HEAD_CHARS]
    head = head.decode("latin-1") if isinstance(head, bytes) else head
    return FrameError(Fault.OVERSIZE, "frame is too large", action=_broken(head, "").action)


def _broken(text: str, reason: str) -> FrameError:
    """The error of unreadable text, with type and id when the text begins like a frame."""
    head = _HEAD.match(text[:_HEAD_CHARS])
    if head is None:
        return FrameError(Fault.TEXT, reason)
    return FrameError(Fault.TEXT, reason, int(head[1]), head[2], head[3] or "")


def _shape(message: object, mends: Mends, limits: FrameLimits) -> DecodedFrame:
    if type(message) is not list or not message:
        raise FrameError(Fault.SHAPE, "not an array with elements")
    type_number = message[0]
    if type(type_number) is not int:
        type_number = None
    message_id = _message_id(message, limits)
    if type_number is None or not CALL <= type_number <= SEND:
        raise FrameError(Fault.TYPE_NUMBER, "unknown message type", None, message_id)
    if message_id is None:
        raise FrameError(Fault.SHAPE, "message id cannot be read", type_number)
    if type_number in (CALL, SEND):
        return _call(message, type_number, message_id, mends, limits)
    if type_number == CALL_RESULT:
        if len(message) < 3 or type(message[2]) is not dict:
            raise FrameError(Fault.PAYLOAD, "payload is not an object", type_number, message_id)
        return DecodedFrame(CALL_RESULT, message_id, "", message[2], mends=mends)
    return DecodedFrame(type_number, message_id, "", {}, _error_words(message))


def _message_id(message: list[Any], limits: FrameLimits) -> MessageId | None:
    message_id = message[1] if len(message) > 1 else None
    if type(message_id) is str:
        return message_id if 0 < len(message_id) <= limits.message_id_chars else None
    return message_id if type(message_id) is int else None


def _call(
    message: list[Any],
    type_number: int,
    message_id: MessageId,
    mends: Mends,
    limits: FrameLimits,
) -> DecodedFrame:
    action = message[2] if len(message) > 2 else None
    if type(action) is not str:
        raise FrameError(Fault.SHAPE, "not [type, id, action, payload]", type_number, message_id)
    if len(action) > limits.action_chars:
        raise FrameError(Fault.SHAPE, "action name is too long", type_number, message_id)
    if len(message) != 4:
        raise FrameError(
            Fault.SHAPE, "not [type, id, action, payload]", type_number, message_id, action
        )
    if type(message[3]) is not dict:
        raise FrameError(Fault.PAYLOAD, "payload is not an object", type_number, message_id, action)
    return DecodedFrame(type_number, message_id, action, message[3], mends=mends)


def _error_words(message: list[Any]) -> tuple[str, str]:
    """Code and description; "" for what the station left out or sent in another type."""
    code = message[2] if len(message) > 2 and isinstance(message[2], str) else ""
    text = message[3] if len(message) > 3 and isinstance(message[3], str) else ""
    return printable(code, _ERROR_CODE_CHARS), printable(text, _ERROR_TEXT_CHARS)


def encode_call(message_id: str, action: str, payload: dict[str, Any]) -> str:
    """A CALL of ours. Raises: TypeError when the payload is not JSON (a bug of ours)."""
    return orjson.dumps([CALL, message_id, action, payload]).decode()


def encode_result(message_id: MessageId, payload: dict[str, Any]) -> str:
    """A CALLRESULT. Raises: TypeError when the payload is not JSON (a bug of ours)."""
    return orjson.dumps([CALL_RESULT, message_id, payload]).decode()


def encode_result_error(message_id: str, code: str, description: str) -> str:
    """A CALLRESULTERROR: what is wrong with the station's answer (OCPP 2.1 part 4)."""
    text = printable(description, _ERROR_TEXT_CHARS)
    return orjson.dumps([CALL_RESULT_ERROR, message_id, code, text, {}]).decode()


def encode_error(
    message_id: MessageId,
    code: str,
    description: str = "",
    details: dict[str, Any] | None = None,
) -> str:
    """A CALLERROR. Cannot raise: details that are not JSON are left out."""
    text = printable(description, _ERROR_TEXT_CHARS)
    try:
        return orjson.dumps([CALL_ERROR, message_id, code, text, details or {}]).decode()
    except TypeError:
        return orjson.dumps([CALL_ERROR, message_id, code, text, {}]).decode()
