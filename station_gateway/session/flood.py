"""How fast one station may send messages: a token bucket that first slows down, then gives up.

A station within its rate is never slowed down. A station above its rate is not read for a moment:
its data waits in TCP, so the station feels the pressure itself. That is enough for a well-behaved
station that replays its offline messages. A station that keeps pressing for `patience_s` is to be
disconnected with the close code 1008.
"""

from dataclasses import dataclass

from station_gateway.session.events import POLICY_VIOLATION, Closing

CROSSING = 16
"""Messages in a row that find another one unread behind them, and still tell of no flood.

A station that waits for each answer has one message unread, and what it was asked for meanwhile.
"""


@dataclass(frozen=True, slots=True)
class FloodLimits:
    """The limits of one station.

    rate_per_s: messages per second that may come for ever.
    burst: messages that may come at once after a silence.
    patience_s: how long a station may press against the limit without a break.
    """

    rate_per_s: float = 20.0
    burst: float = 60.0
    patience_s: float = 30.0


class FloodGate:
    """The bucket of one connection."""

    __slots__ = ("_crowded", "_limits", "_pressed_since", "_stamp", "_tokens")

    def __init__(self, limits: FloodLimits, now: float) -> None:
        self._limits = limits
        self._tokens = limits.burst
        self._stamp = now
        self._pressed_since: float | None = None
        self._crowded = 0

    def admit(self, now: float, *, more: bool = True) -> float | Closing:
        """Count one message. Returns how many seconds to read nothing more (mostly 0.0).

        Call it once per message, before `OcppSession.receive`. The message itself is to be handled,
        unless the result is a `Closing`.

        more: whether further messages have arrived that nobody has read. A station without waits
            for each answer (a long replay of offline messages): slow is enough for that one. An
            answer of its own may come behind its message: only many in a row are a flood.
        """
        self._crowded = self._crowded + 1 if more else 0
        limits = self._limits
        refill = max(0.0, now - self._stamp) * limits.rate_per_s
        self._tokens = min(limits.burst, self._tokens + refill) - 1.0
        self._stamp = max(now, self._stamp)
        if self._tokens >= 0.0:
            if self._tokens >= limits.burst / 2:
                self._pressed_since = None
            return 0.0
        if self._pressed_since is None:
            self._pressed_since = now
        if now - self._pressed_since >= limits.patience_s:
            is_flood = self._crowded > CROSSING
            return Closing(POLICY_VIOLATION, "message rate too high") if is_flood else self._step_s
        return -self._tokens / limits.rate_per_s

    @property
    def _step_s(self) -> float:
        """The time between two messages that come at the rate."""
        return 1.0 / self._limits.rate_per_s
