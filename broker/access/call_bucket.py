"""How fast one credential may call: a token bucket that tells who comes too soon to wait. Pure.

A call is admitted whenever the bucket has a token for it, also before a told pause is over: several
programs may share a credential, and what one of them is told the others do not hear. So the pause
keeps nobody out. It grows for a credential that keeps calling before its pauses are over, and
begins anew when a pause has passed without a call too many.

What is called `LISTENING_S` after a refusal or sooner may have been on its way already. The first
pause must not be shorter than that: a caller that waits for the pause and no longer would otherwise
never count as one that does not listen, and its pause would never grow.
"""

import math
from dataclasses import dataclass
from datetime import timedelta

from domain.backoff import pause_after

LISTENING_S = 1.0
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0

_FIRST, _LONGEST = timedelta(seconds=FIRST_PAUSE_S), timedelta(seconds=LONGEST_PAUSE_S)


@dataclass(frozen=True, slots=True)
class CallRate:
    """per_s: calls a second that may come for ever. burst: at once, after a silence; 1 or more."""

    per_s: float
    burst: float

    @classmethod
    def of(cls, per_s: float, burst_s: float) -> "CallRate":
        """A rate of which so many seconds may come at once."""
        return cls(per_s, max(1.0, per_s * burst_s))


@dataclass(frozen=True, slots=True)
class TooSoon:
    """A call is refused, and the caller is told to wait.

    is_news: this is the credential's first pause after calls in time, it is longer than before, or
    the longest one was told so long ago.
    """

    seconds: float
    is_news: bool


class CallBucket:
    """The bucket of one credential. now: seconds of any clock that does not go back."""

    __slots__ = ("_news_at", "_rate", "_stamp", "_step", "_tokens", "_until")

    def __init__(self, rate: CallRate, now: float) -> None:
        self._rate = rate
        self._tokens = rate.burst
        self._stamp = now
        self._step = 0
        self._news_at = now
        self._until = now  # when the last pause that was told is over

    def take(self, now: float) -> TooSoon | None:
        """Count one call. None: it is admitted."""
        refill = max(0.0, now - self._stamp) * self._rate.per_s
        self._tokens = min(self._rate.burst, self._tokens + refill)
        self._stamp = max(now, self._stamp)
        heeded = now >= self._until
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return None
        is_news = heeded or now - self._news_at >= self._news_pause_s
        if is_news:
            self._step = 1 if heeded else self._step + 1
            self._news_at = now
        token_ms = math.floor((1.0 - self._tokens) / self._rate.per_s * 1000) + 1
        seconds = max(self._grown_s, token_ms / 1000)  # not before there is a token again
        self._until = max(self._until, now + seconds)
        return TooSoon(seconds, is_news)

    @property
    def _grown_s(self) -> float:
        """The pause of this step."""
        return pause_after(self._step, _FIRST, _LONGEST).total_seconds()

    @property
    def _news_pause_s(self) -> float:
        """How long nothing else is told. A pause that cannot grow is told again when it is over."""
        return LISTENING_S if self._grown_s < LONGEST_PAUSE_S else LONGEST_PAUSE_S
