"""How fast each credential may call, and the refusal of whoever calls faster.

A credential has one rate for calls that read and as much again for calls that change something. So
a program that asks for states in a loop cannot keep its own credential from stopping a session.
Each broker process counts for itself.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

import structlog

from broker.access.call_bucket import CallBucket, CallRate, TooSoon
from broker.access.caller import Caller
from broker.access.rights import changes_something
from broker.errors import Reason, Refusal
from telemetry import metrics

_logger = structlog.get_logger(__name__)

MOST_BUCKETS = 20_000
"""How many buckets are kept, of some hundred bytes each. Beyond them the one that was used longest
ago is forgotten, as if its credential had been silent. Only an issuer of tokens has so many names.
"""


class CallRates:
    """The buckets of all credentials.

    per_s: the calls a second of a credential that has no rate of its own. 0: no limit. burst_s: so
    many seconds of its rate may come at once. now: seconds of a clock that does not go back.
    """

    def __init__(self, per_s: float, burst_s: float, now: Callable[[], float]) -> None:
        self._per_s = per_s
        self._burst_s = burst_s
        self._now = now
        self._buckets: OrderedDict[tuple[str, str, str], CallBucket] = OrderedDict()

    @property
    def count(self) -> int:
        """How many buckets are kept."""
        return len(self._buckets)

    def check(self, caller: Caller, method: str) -> None:
        """Count a call of this caller. A caller without a name has no limit.

        Raises: Refusal (RATE_LIMIT_EXCEEDED).
        """
        per_s = self._per_s if caller.call_rate is None else caller.call_rate
        if not caller.name or per_s <= 0:
            return
        calls = "changes" if changes_something(method) else "reads"
        told = self._bucket((caller.tenant, caller.name, calls), per_s).take(self._now())
        if told is not None:
            raise _refused(caller, calls, per_s, told)

    def _bucket(self, key: tuple[str, str, str], per_s: float) -> CallBucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = CallBucket(CallRate.of(per_s, self._burst_s), self._now())
            self._buckets[key] = bucket
            if len(self._buckets) > MOST_BUCKETS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket


def _refused(caller: Caller, calls: str, per_s: float, told: TooSoon) -> Refusal:
    metrics.CALLS_OVER_RATE.labels(calls).inc()
    if told.is_news:
        _logger.warning(
            "calls_over_rate",
            caller=caller.name,
            tenant=caller.tenant,
            calls=calls,
            rate_per_s=per_s,
            pause_s=told.seconds,
        )
    return Refusal(
        Reason.RATE_LIMIT_EXCEEDED,
        f"The credential {caller.name} makes more than {per_s:g} {calls} a second. Wait for "
        f"{told.seconds:g} s, then call less often.",
        retry_after=timedelta(seconds=told.seconds),
        facts={"calls": calls, "rate": f"{per_s:g}"},
    )
