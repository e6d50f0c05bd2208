"""What a station answers, in its own words, and what that means.

`Verdict` is the one place that says what counts as a yes and what counts as a no. The dialects read
OCPP's words into a verdict, and every rule asks the verdict's properties.
"""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a station's answer means, whatever the OCPP version's word for it was.

    ACCEPTED: yes. SCHEDULED: yes, but later. REJECTED: no. NOT_SUPPORTED: the station does not know
    this message. FAILED: the station tried, or reported an error of its own. UNREADABLE: the answer
    means neither yes nor no.
    """

    ACCEPTED = "ACCEPTED"
    SCHEDULED = "SCHEDULED"
    REJECTED = "REJECTED"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    FAILED = "FAILED"
    UNREADABLE = "UNREADABLE"

    @property
    def is_yes(self) -> bool:
        """Whether the station agreed. Its effect may still be to come."""
        return self in {Verdict.ACCEPTED, Verdict.SCHEDULED}

    @property
    def is_no(self) -> bool:
        """Whether this frame did nothing, for whatever reason the station gave."""
        return self in {Verdict.REJECTED, Verdict.FAILED, Verdict.NOT_SUPPORTED}

    @property
    def is_lasting_no(self) -> bool:
        """Whether the same frame would get the same no. A failure is none: it may pass."""
        return self in {Verdict.REJECTED, Verdict.NOT_SUPPORTED}


@dataclass(frozen=True)
class CallError:
    """A CALLERROR in the station's own words, bounded in length."""

    code: str
    description: str = ""


@dataclass(frozen=True)
class StationAnswer:
    """What the station said, in its own words, and what that means to us.

    ocpp_transaction_id: 2.x only, when a session was already running (cable first).
    """

    verdict: Verdict
    status: str = ""
    reason_code: str = ""
    additional_info: str = ""
    call_error: CallError | None = None
    ocpp_transaction_id: str | None = None

    @property
    def is_error(self) -> bool:
        """Whether the station reported an error of its own: it may have acted all the same."""
        return self.verdict is Verdict.FAILED and self.call_error is not None

    @property
    def said_no_such(self) -> bool:
        """Whether the station said, in the standard's own word, that it has no such thing.

        A CALLERROR is no such word: the station could not look.
        """
        return self.verdict is Verdict.REJECTED and self.call_error is None
