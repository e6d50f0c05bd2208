"""For how long the log's horizon has stood still while changes are committed behind it. Pure.

Watches tell no change behind the horizon (`fleet.log.event_log`). On a healthy server it moves
within moments.
"""

from fleet.log.order import Cursor

TOLD_AFTER_S = 30.0
"""A standstill of so long is told in the log."""


class Standstill:
    """Measured by looks at the log, so it is late by at most the time between two of them."""

    def __init__(self) -> None:
        self._end: Cursor | None = None
        self._since_s = 0.0
        self._told = False

    def seen(self, end: Cursor, *, is_hiding: bool, now_s: float) -> float:
        """The standstill in seconds; 0 while nothing is hidden.

        end: the log's head. is_hiding: whether changes are committed behind it. now_s: of a clock
        that only goes forward.
        """
        if not is_hiding or end != self._end:
            self._end = end if is_hiding else None
            self._since_s = now_s
            self._told = False
        return now_s - self._since_s

    def tell(self, standstill_s: float) -> bool:
        """Whether it is to be told in the log now: once for each standstill."""
        if self._told or standstill_s < TOLD_AFTER_S:
            return False
        self._told = True
        return True
