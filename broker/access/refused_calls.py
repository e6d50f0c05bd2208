"""The log lines of calls that end with their headers: so many a second, whoever makes them.

Whoever reaches the port can have calls refused, without a key and without an end. A line for each
would fill the disk. Metrics count all of them, and the audit log has those that were denied.
"""

import time
from collections.abc import Callable

import structlog

from broker.access.caller import Caller
from broker.errors import Reason, Refusal
from domain.token_bucket import TokenBucket

LINES_AT_ONCE = 100
LINES_PER_S = 1.0
"""How many lines of strangers are written, and as many of callers with a credential."""

_logger = structlog.get_logger(__name__)


class RefusedCallLines:
    """Writes the lines. Those of strangers leave places to those of callers with a credential.

    now: seconds of a clock that does not go back.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._places = {known: _Places(now()) for known in (False, True)}

    def write(self, caller: Caller, method: str, refusal: Refusal) -> None:
        """Write that a call was refused, unless there were too many."""
        if refusal.reason is Reason.RATE_LIMIT_EXCEEDED:  # told once a pause, by CallRates
            return
        places = self._places[bool(caller.name)]
        if not places.take(self._now()):
            places.left_out += 1
            return
        left_out, places.left_out = places.left_out, 0
        facts: dict[str, object] = {"caller": caller.name} if caller.name else {}
        facts |= {"not_logged_before": left_out} if left_out else {}
        _logger.warning(
            "call_refused", method=method.lstrip("/"), reason=refusal.reason.value, **facts
        )


class _Places:
    def __init__(self, now_s: float) -> None:
        self.left_out = 0
        self._bucket = TokenBucket(LINES_PER_S, LINES_AT_ONCE, now_s)

    def take(self, now_s: float) -> bool:
        return self._bucket.try_take(now_s) == 0.0
