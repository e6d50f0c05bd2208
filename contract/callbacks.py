"""Inputs and results of the workflows that post news and events, and of their activities.

The rules for payloads are those of `contract/commands.py`.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.callbacks import NewsKind


@dataclass(frozen=True)
class CallbackInput:
    """Input of the callback workflow: the command whose changes are posted."""

    tenant: str
    command: str
    station: str = ""


@dataclass(frozen=True)
class CallbackResult:
    """Result of the callback workflow. deliveries: how many were delivered or parked."""

    deliveries: int


@dataclass(frozen=True)
class NextCallbackInput:
    """Input of `next_callback`.

    tried: the revision whose delivery failed and waits for its next try; 0 for none.
    """

    tenant: str
    command: str
    now: datetime
    tried: int = 0


@dataclass(frozen=True)
class NextCallbackResult:
    """Result of `next_callback`: the delivery to try next.

    revision: the command's revision that is posted; 0: nothing is due.
    resent: a caller asked for it again since its last try. resend_time: when that last happened.
    gone: the command's own receiver answered 410 before: the delivery is parked without a try.
    """

    revision: int = 0
    id: str = ""
    news: NewsKind = NewsKind.OUTCOME
    resent: bool = False
    gone: bool = False
    resend_time: datetime | None = None


@dataclass(frozen=True)
class PostCallbackInput:
    """Input of `post_callback`, which a broker runs: one try of one delivery."""

    tenant: str
    command: str
    revision: int
    id: str
    news: NewsKind


class PostStatus(StrEnum):
    """What became of a try: delivered, worth another try, or not worth one."""

    DELIVERED = "DELIVERED"
    RETRY = "RETRY"
    PARK = "PARK"


@dataclass(frozen=True)
class PostCallbackResult:
    """Result of `post_callback`.

    cause: a word of `domain/callbacks.py`, empty when DELIVERED. reason: the same as a sentence.
    http_status: 0 when there was no HTTP answer.
    retry_after_s: how long the receiver asked us to wait; None when it did not say.
    url: where it was posted; empty when it was not posted.
    """

    status: PostStatus
    cause: str = ""
    reason: str = ""
    http_status: int = 0
    retry_after_s: float | None = None
    url: str = ""


@dataclass(frozen=True)
class SettleCallbackInput:
    """Input of `settle_callback`: what became of a try.

    tries: how many were made so far. next_time: of the next try; None: there is none.
    """

    tenant: str
    command: str
    due: NextCallbackResult
    result: PostCallbackResult
    tries: int
    now: datetime
    next_time: datetime | None = None


@dataclass(frozen=True)
class SettleCallbackResult:
    """Result of `settle_callback`. state: of the delivery, a word of `domain/callbacks.py`."""

    state: str


@dataclass(frozen=True)
class EventPostsInput:
    """Input of the workflow that posts the events of one resource to one credential.

    thread: the id of these posts (`domain.callback_events.thread_id`). subject, resource, station,
    caller: what it is about and for whom, for whoever reads it.
    """

    tenant: str
    thread: str
    caller: str = ""
    subject: str = ""
    resource: str = ""
    station: str = ""


@dataclass(frozen=True)
class NextEventInput:
    """Input of `next_event`.

    tried: the number of the event whose post failed and waits for its next try; 0 for none.
    """

    tenant: str
    thread: str
    now: datetime
    tried: int = 0


@dataclass(frozen=True)
class NextEventResult:
    """Result of `next_event`: the event to post next.

    revision: its number; 0: nothing is due. news: its type. The rest as in `NextCallbackResult`.
    """

    revision: int = 0
    id: str = ""
    news: str = ""
    resent: bool = False
    gone: bool = False
    resend_time: datetime | None = None


@dataclass(frozen=True)
class PostEventInput:
    """Input of `post_event`, which a broker runs: one try of one event. id: of its delivery."""

    tenant: str
    id: str


@dataclass(frozen=True)
class SettleEventInput:
    """Input of `settle_event`, as `SettleCallbackInput`."""

    tenant: str
    due: NextEventResult
    result: PostCallbackResult
    tries: int
    now: datetime
    next_time: datetime | None = None
