"""What a station answers, in its own words, and what that means."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a station's answer means, whatever the OCPP version's word for it was."""

    ACCEPTED = "ACCEPTED"
    SCHEDULED = "SCHEDULED"
    REJECTED = "REJECTED"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    FAILED = "FAILED"
    UNREADABLE = "UNREADABLE"


@dataclass(frozen=True)
class CallError:
    """A CALLERROR in the station's own words, bounded in length."""

    code: str
    description: str = ""


@dataclass(frozen=True)
class StationAnswer:
    """What the station said, in its own words, and what that means to us.

    transaction_id: 2.x only, when a session was already running (cable first).
    """

    verdict: Verdict
    status: str = ""
    reason_code: str = ""
    additional_info: str = ""
    call_error: CallError | None = None
    transaction_id: str | None = None
