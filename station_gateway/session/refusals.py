"""Which CALLERROR a version asks for when a frame cannot be used, and when none may be sent.

An answer is never answered, and neither are the 2.1 frame types that get no answer. When the
message id cannot be read, 2.x asks for RpcFrameworkError with the id "-1" (2.0.1 part 4, 4.2.3),
and 1.6 has no code.
"""

from hashlib import blake2b

import orjson

from domain.evidence.proof import CONTRADICTING_ANSWER
from station_gateway.dialects.interface import Dialect, ErrorWords, PayloadViolation
from station_gateway.dialects.mending.mends import NO_MENDS, Mends
from station_gateway.dialects.messages import Payload
from station_gateway.session import frames
from station_gateway.session.events import FrameRefused, Untaken
from station_gateway.session.frames import DecodedFrame, Fault, FrameError, MessageId
from station_gateway.session.repeats import HeardAnswers

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


def checked_answer(
    dialect: Dialect, action: str, payload: Payload, *, mend: bool
) -> Mends | PayloadViolation:
    """Judge a CALLRESULT. What was mended in it, in place; or why it is refused."""
    if not mend:
        return dialect.check_answer(action, payload) or NO_MENDS
    return dialect.take_answer(action, payload)


def checked(dialect: Dialect, frame: DecodedFrame, *, mend: bool) -> Mends | PayloadViolation:
    """Judge a CALL. What was mended in it, its payload in place; or why it is refused."""
    if not mend:
        return dialect.check_call(frame.action, frame.body) or frame.mends
    mends = dialect.take_call(frame.action, frame.body)
    if frame.mends and not isinstance(mends, PayloadViolation):
        return {**mends, **frame.mends}
    return mends


def refused_call(
    violation: PayloadViolation, frame: DecodedFrame, dialect: Dialect
) -> FrameRefused:
    """The event of a CALL that its schema refuses."""
    reason, detail = reason_of(violation, dialect.ERRORS), violation.description
    return FrameRefused(reason, detail, untaken(dialect, frame.action, frame.body, reason, detail))


def unexpected_answer(frame: DecodedFrame, heard: HeardAnswers | None) -> FrameRefused:
    """The event of an answer that no CALL of ours waits for.

    One that says something else than the CALL's first answer is a fact: one per CALL, however often
    the station changes its mind.
    """
    action = heard.contradicted(frame) if heard is not None else None
    if action is None:
        return FrameRefused("unexpected_answer")
    detail = "the station had given another answer to this message"
    key = _key(action, str(frame.message_id).encode("utf-8", "surrogatepass"))
    told = Untaken(key, action, CONTRADICTING_ANSWER, detail)
    return FrameRefused("unexpected_answer", detail, told)


def refused_text(
    error: FrameError, data: str | bytes, dialect: Dialect, reason: str
) -> FrameRefused:
    """The event of a frame that cannot be read. Whose action is not known may have told a fact."""
    if error.action and not carries_fact(dialect, error.action):
        return FrameRefused(reason, error.reason)
    text = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    told = Untaken(_key(error.action, text), error.action, reason, error.reason)
    return FrameRefused(reason, error.reason, told)


def untaken(
    dialect: Dialect, action: str, payload: Payload, reason: str, detail: str
) -> Untaken | None:
    """A refused CALL as a fact; None when its action never tells one."""
    if not carries_fact(dialect, action):
        return None
    evse_id, transaction_id = dialect.subject_of(payload)
    key = _key(action, orjson.dumps(payload, default=str))
    return Untaken(key, action, reason, detail, evse_id, transaction_id)


def carries_fact(dialect: Dialect, action: str) -> bool:
    """Whether messages of this action tell facts. Also in another spelling, which is refused."""
    word = action.strip().casefold()
    return any(word == known.casefold() for known in dialect.REPORTS)


def _key(action: str, content: bytes) -> str:
    return f"{action}:{blake2b(content, digest_size=16).hexdigest()}"
