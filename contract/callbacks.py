"""What crosses Temporal about callbacks: one frozen dataclass in, one out."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.callbacks import NewsKind


@dataclass(frozen=True)
class CallbackInput:
    """Input of the callback workflow: the command whose news are posted. The log has the rest."""

    tenant: str
    command: str
    station: str = ""


@dataclass(frozen=True)
class CallbackResult:
    """Result of the callback workflow: how many deliveries it settled."""

    deliveries: int


@dataclass(frozen=True)
class NextCallbackInput:
    """Input of `next_callback`. tried: the revision whose try failed and that waits; 0 for none."""

    tenant: str
    command: str
    now: datetime
    tried: int = 0


@dataclass(frozen=True)
class NextCallbackResult:
    """The delivery to try next. revision 0: nothing is due.

    resent: somebody asked for it again since its last try. resend_time: when that last happened.
    gone: the command's own receiver said 410: it is parked untried.
    """

    revision: int = 0
    id: str = ""
    news: NewsKind = NewsKind.OUTCOME
    resent: bool = False
    gone: bool = False
    resend_time: datetime | None = None


@dataclass(frozen=True)
class PostCallbackInput:
    """Input of `post_callback`, run by a broker."""

    tenant: str
    command: str
    revision: int
    id: str
    news: NewsKind


class PostStatus(StrEnum):
    """What became of a try: delivered, worth another try, or not."""

    DELIVERED = "DELIVERED"
    RETRY = "RETRY"
    PARK = "PARK"


@dataclass(frozen=True)
class PostCallbackResult:
    """Result of `post_callback`.

    cause: a word of `domain/callbacks.py` unless DELIVERED; reason: the same as a sentence.
    retry_after_s: what the receiver asked for. url: where it was posted.
    """

    status: PostStatus
    cause: str = ""
    reason: str = ""
    http_status: int = 0
    retry_after_s: float | None = None
    url: str = ""


@dataclass(frozen=True)
class SettleCallbackInput:
    """Input of `settle_callback`: what became of a try. next_time None: there is no next one."""

    tenant: str
    command: str
    due: NextCallbackResult
    result: PostCallbackResult
    tries: int
    now: datetime
    next_time: datetime | None = None


@dataclass(frozen=True)
class SettleCallbackResult:
    """Result of `settle_callback`."""

    state: str
