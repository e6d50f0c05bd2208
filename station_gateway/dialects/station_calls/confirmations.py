"""What another back end (CSMS) answered to a station, put into the message that it answered.

A gateway that relays does not answer a station. It reads what the back end answered, and a few
messages need that: a boot is accepted by the back end, a token is judged by it, and on OCPP 1.6 it
gives a session its id. What it says is as hostile as what a station says, and is read leniently:
whatever cannot be read counts as not said. An answer that says nothing of a token has accepted it;
without an answer that can be read nobody has judged it: it is neither accepted nor refused.
"""

from typing import Any, TypeVar

from msgspec.structs import replace

from domain.ocpp_words import TransactionPhase
from station_gateway.dialects import fields
from station_gateway.dialects.messages import (
    Answer,
    Authorization,
    AuthorizationAsked,
    Booted,
    Payload,
    SessionEvent,
    SessionStarted,
    SessionStopped,
    StationCall,
    TokenSeen,
    TokenVerdict,
)
from station_gateway.dialects.station_calls.replies import BOOT_WORDS, TOKEN_WORDS

T = TypeVar("T")

_BOOT_VERDICTS = {word.casefold(): verdict for verdict, word in BOOT_WORDS.items()}
_NO_WORDS = ("NoCredit", "NotAllowedTypeEVSE", "Unknown")
_TOKEN_VERDICTS = {
    **dict.fromkeys(map(str.casefold, _NO_WORDS), TokenVerdict.INVALID),
    **{word.casefold(): verdict for verdict, word in TOKEN_WORDS.items()},
}
"""By the standard's words. Whoever cannot be read has judged nothing."""

_GROUP_CHARS = 255

_NOT_REFUSED = Authorization(TokenVerdict.ACCEPTED)
_NOT_JUDGED = Authorization(TokenVerdict.NOT_JUDGED)


def needs_answer(message: StationCall) -> bool:
    """Whether what a message tells depends on what the back end answers to it.

    An end of OCPP 1.6 does not: the session is over, whatever is said of the token that ended it.
    """
    match message:
        case Booted() | SessionStarted() | AuthorizationAsked():
            return True
        case SessionEvent():
            return message.token is not None
    return False


def may_follow_start(message: StationCall) -> bool:
    """Whether it may be about a session whose start waits for its answer still (OCPP 1.6).

    An end without an id is that of a session which the station was never given one for.
    """
    return isinstance(message, SessionStopped) and not message.id_known


def told_at_once(message: StationCall) -> StationCall | None:
    """What a message that waits for its answer tells without it; None: nothing.

    A session of OCPP 2.x is over, whatever is said of the token that ended it. That token is told
    with its answer. An end that names no session is not: told once more it could not be understood.
    """
    if not isinstance(message, SessionEvent) or message.event_type != TransactionPhase.ENDED:
        return None
    if message.token is None or not message.ocpp_transaction_id:
        return None
    return replace(message, token=None, token_follows=True)


def confirmed(message: StationCall, answer: Answer | None) -> StationCall | None:
    """The message with what the back end answered to it; None: without an answer it tells nothing.

    answer: None when none came in time.
    """
    payload = answer if isinstance(answer, dict) else None
    match message:
        case Booted():
            verdict = _word(_BOOT_VERDICTS, (payload or {}).get("status"))
            return None if verdict is None else replace(message, answered=verdict)
        case SessionStarted():
            given = _given_id(payload or {})
            return replace(message, token=_judged(message.token, payload), given_id=given)
        case SessionStopped() | SessionEvent() if message.token is not None:
            return replace(message, token=_judged(message.token, payload))
    return message


def confirmed_late(message: StationCall, answer: Answer | None) -> StationCall | None:
    """What an answer tells of a message that was recorded without it; None: nothing.

    The station may have waited for it no longer. So it judges no token: where the station obeyed a
    no, it says so itself. But a boot is accepted by the back end's own word, and a session has the
    id by which the back end knows it.
    """
    told = confirmed(message, answer)
    match told:
        case SessionStarted() if told.given_id:
            return replace(told, given_late=True)
        case Booted():
            return told
    return None


def may_answer(answer: Answer | None, message: StationCall) -> bool:
    """Whether an answer says anything that is asked for by this message, and not by others.

    It matters where a station has two CALLs out under one id.
    """
    payload = answer if isinstance(answer, dict) else {}
    match message:
        case Booted():
            return "status" in payload
        case SessionStarted() if "transactionId" in payload:
            return True
    return _told_of_token(payload) is not None


def refuses_token(answer: Answer | None) -> bool:
    """Whether an answer says no about a token, in a word of the standard. Else nothing is known."""
    told = _told_of_token(answer if isinstance(answer, dict) else {})
    return isinstance(told, dict) and _verdict(told) not in {TokenVerdict.ACCEPTED, None}


def _verdict(told: dict[str, Any]) -> TokenVerdict | None:
    """What a word of the standard says about a token, in whatever case; None: it is none."""
    return _word(_TOKEN_VERDICTS, told.get("status"))


def _told_of_token(payload: Payload) -> object:
    return payload.get("idTagInfo", payload.get("idTokenInfo"))


def _given_id(payload: Payload) -> int:
    """The transaction id of a StartTransaction's answer; 0 where there is none."""
    number = payload.get("transactionId")
    if isinstance(number, str) and number.isdecimal():
        number = int(number[:20])
    return number if type(number) is int and 0 < number <= fields.INT32_MAX else 0


def _judged(token: TokenSeen, payload: Payload | None) -> TokenSeen:
    if payload is None:
        return replace(token, answered=_NOT_JUDGED)
    told = _told_of_token(payload)
    if not isinstance(told, dict) or "status" not in told:
        group = _group(told) if isinstance(told, dict) else None
        return replace(token, answered=replace(_NOT_REFUSED, group=group))
    verdict = _verdict(told) or TokenVerdict.NOT_JUDGED
    return replace(token, answered=Authorization(verdict, group=_group(told)))


def _group(told: dict[str, Any]) -> str | None:
    """The group of a token: a text in 1.6, an object in 2.x."""
    group = told.get("parentIdTag", told.get("groupIdToken"))
    if isinstance(group, dict):
        group = group.get("idToken")
    return group[:_GROUP_CHARS] if isinstance(group, str) and group else None


def _word(words: dict[str, T], word: object) -> T | None:
    """What a word means, in whatever case; None for one that is not of these."""
    return words.get(word.strip().casefold()) if isinstance(word, str) else None
