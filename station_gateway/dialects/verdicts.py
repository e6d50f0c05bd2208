"""What an answer of a station means: tables, and the one function that reads them.

The status words stand in the dialects (`COMMANDS`), except those that commands share. The CALLERROR
codes are the same in all versions but for their spelling, and stations mix the spellings. The
documentation is printed from both.

A code that says "I do not know this message" is NOT_SUPPORTED. A code that says "I do not take the
message like this" is REJECTED. Neither is repeated. A code that says "something went wrong in me"
is FAILED, and so is every code that is in no standard.
"""

from collections.abc import Mapping

from domain.model.answers import CallError, StationAnswer, Verdict
from station_gateway.dialects.mending.mends import LONGEST_ID
from station_gateway.dialects.messages import Answer, Unreadable
from station_gateway.dialects.printable import printable

STATUS_CHARS = 50
REASON_CODE_CHARS = 20
ADDITIONAL_INFO_CHARS = 512
TRANSACTION_ID_CHARS = 36
"""The longest transaction id of the standard; stations use longer ones, which are kept whole."""

YES_OR_NO: Mapping[str, Verdict] = {"Accepted": Verdict.ACCEPTED, "Rejected": Verdict.REJECTED}
RESERVE_NOW: Mapping[str, Verdict] = {
    "Accepted": Verdict.ACCEPTED,
    "Faulted": Verdict.REJECTED,
    "Occupied": Verdict.REJECTED,
    "Rejected": Verdict.REJECTED,
    "Unavailable": Verdict.REJECTED,
}
"""The status words that commands share in all versions."""

CALL_ERROR_VERDICTS: Mapping[str, Verdict] = {
    "NotImplemented": Verdict.NOT_SUPPORTED,
    "NotSupported": Verdict.NOT_SUPPORTED,
    "MessageTypeNotSupported": Verdict.NOT_SUPPORTED,
    "ProtocolError": Verdict.REJECTED,
    "FormationViolation": Verdict.REJECTED,
    "FormatViolation": Verdict.REJECTED,
    "PropertyConstraintViolation": Verdict.REJECTED,
    "OccurenceConstraintViolation": Verdict.REJECTED,
    "OccurrenceConstraintViolation": Verdict.REJECTED,
    "TypeConstraintViolation": Verdict.REJECTED,
    "SecurityError": Verdict.REJECTED,
    "InternalError": Verdict.FAILED,
    "GenericError": Verdict.FAILED,
    "RpcFrameworkError": Verdict.FAILED,
}

OUR_BUG_CODES = frozenset(
    {
        "ProtocolError",
        "FormationViolation",
        "FormatViolation",
        "PropertyConstraintViolation",
        "OccurenceConstraintViolation",
        "OccurrenceConstraintViolation",
        "TypeConstraintViolation",
        "RpcFrameworkError",
    }
)
"""The station says that our frame was wrong: worth an alarm."""


def verdict_of_error(code: str) -> Verdict:
    """What a CALLERROR code means, in either spelling; unknown codes are FAILED."""
    return CALL_ERROR_VERDICTS.get(code, Verdict.FAILED)


def read_status(words: Mapping[str, Verdict], answer: Answer) -> StationAnswer:
    """The answer to a command whose status words are `words`. Never raises.

    A word that is in no table is UNREADABLE, and kept.
    """
    if isinstance(answer, CallError):
        return StationAnswer(verdict=verdict_of_error(answer.code), call_error=answer)
    if isinstance(answer, Unreadable):
        return StationAnswer(
            verdict=Verdict.UNREADABLE,
            additional_info=printable(answer.reason, ADDITIONAL_INFO_CHARS),
        )
    status = _word(answer.get("status"), STATUS_CHARS)
    info = answer.get("statusInfo")
    if not isinstance(info, dict):
        info = {}
    return StationAnswer(
        verdict=words.get(status, Verdict.UNREADABLE),
        status=status,
        reason_code=_word(info.get("reasonCode"), REASON_CODE_CHARS),
        additional_info=_word(info.get("additionalInfo"), ADDITIONAL_INFO_CHARS),
        ocpp_transaction_id=_word(answer.get("transactionId"), LONGEST_ID) or None,
    )


def _word(value: object, limit: int) -> str:
    return printable(value, limit) if isinstance(value, str) else ""
