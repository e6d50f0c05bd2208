"""How often something may happen. `now_s` is the caller's monotonic time: no clock is read."""


class TokenBucket:
    """`rate` per second on average, `burst` at once."""

    __slots__ = ("_burst", "_level", "_rate", "_time_s")

    def __init__(self, rate: float, burst: int, now_s: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = float(burst)
        self._time_s = now_s

    def take(self, now_s: float, tokens: float = 1.0) -> float:
        """Take tokens. Returns how many seconds the caller has to wait for them, 0.0 for none."""
        grown = self._level + (now_s - self._time_s) * self._rate
        self._level = min(float(self._burst), grown) - tokens
        self._time_s = now_s
        return 0.0 if self._level >= 0.0 else -self._level / self._rate

    def take_within(self, now_s: float, longest_s: float, tokens: float = 1.0) -> float | None:
        """As `take`, but None when the caller would wait for longer; then it takes nothing."""
        wait_s = self.take(now_s, tokens)
        if wait_s > longest_s:
            self._level += tokens
            return None
        return wait_s

    def try_take(self, now_s: float) -> float:
        """As `take`, but takes nothing when the caller has to wait."""
        wait_s = self.take(now_s)
        if wait_s > 0.0:
            self._level += 1.0
        return wait_s
