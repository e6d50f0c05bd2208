"""What a receiver's answer means for a post: delivered, to be tried again, or parked. Pure.

Only 2xx is a yes. A receiver that refuses a post is believed at once: the post is parked. A
receiver that gives no answer, or says that it is in trouble, gets all the tries.
"""

from datetime import datetime
from email.utils import parsedate_to_datetime

from contract.callbacks import PostCallbackResult, PostStatus
from domain.callbacks import DeliveryCause

_CAUSE = DeliveryCause


def judge(status: int, retry_after: str | None, now: datetime) -> PostCallbackResult:
    """The meaning of an HTTP status, with the value of Retry-After if there was one."""
    if 200 <= status < 300:
        return PostCallbackResult(PostStatus.DELIVERED, http_status=status)
    if 300 <= status < 400:
        return park(_CAUSE.REDIRECTED, f"It answered {status}: redirects are not followed.", status)
    if status == 410:
        return park(_CAUSE.GONE, "It answered 410 Gone: it wants no more posts.", status)
    wait_s = read_retry_after(retry_after, now)
    if status in (408, 429):
        return again(_CAUSE.RECEIVER_BUSY, f"It answered {status}.", status, wait_s)
    if 400 <= status < 500:
        return park(_CAUSE.REFUSED, f"It answered {status}: it does not take this post.", status)
    return again(_CAUSE.RECEIVER_FAILED, f"It answered {status}.", status, wait_s)


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds of a Retry-After (RFC 9110, 10.2.3): a number or a date; None when it is neither."""
    text = (value or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:12])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return None
    if at.tzinfo is None:
        return None
    return max(0.0, (at - now).total_seconds())


def park(cause: DeliveryCause, reason: str, http_status: int = 0) -> PostCallbackResult:
    """The post is given up at once."""
    return PostCallbackResult(PostStatus.PARK, cause.value, reason, http_status)


def again(
    cause: DeliveryCause, reason: str, http_status: int = 0, retry_after_s: float | None = None
) -> PostCallbackResult:
    """The post is tried again."""
    return PostCallbackResult(PostStatus.RETRY, cause.value, reason, http_status, retry_after_s)
