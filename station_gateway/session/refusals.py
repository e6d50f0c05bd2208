"""Which CALLERROR a version asks for when a frame cannot be used, and when none may be sent.

An answer is never answered, and neither are the 2.1 frame types that get no answer. When the
message id cannot be read, 2.x asks for RpcFrameworkError with the id "-1" (2.0.1 part 4, 4.2.3),
and 1.6 has no code.
"""

from station_gateway.dialects.interface import Dialect, ErrorWords, PayloadViolation
from station_gateway.session import frames
from station_gateway.session.frames import Fault, FrameError, MessageId

UNREADABLE_ID = "-1"


_UNANSWERED = (frames.CALL_RESULT_ERROR, frames.SEND)


def answer_to(error: FrameError, dialect: Dialect) -> tuple[MessageId, str] | None:
    """Message id and code of the CALLERROR for an unusable frame. None: send nothing."""
    words = dialect.ERRORS
    if dialect.CAPABILITIES.extended_frames and error.type_number in _UNANSWERED:
        return None
    if error.message_id is None:
        return (UNREADABLE_ID, words.framework) if words.framework else None
    code = _code_for(error, words)
    return (error.message_id, code) if code else None


def _code_for(error: FrameError, words: ErrorWords) -> str | None:
    if error.fault is Fault.TYPE_NUMBER:
        return words.message_type
    if error.type_number != frames.CALL:
        return None
    if error.fault is Fault.SHAPE:
        return words.framework or words.format
    return words.format


def reason_of(violation: PayloadViolation, words: ErrorWords) -> str:
    """The word of `events.REFUSALS` for a payload that its schema refuses."""
    unknown = violation.code in (words.not_implemented, words.not_supported)
    return "unknown_action" if unknown else "invalid_payload"
