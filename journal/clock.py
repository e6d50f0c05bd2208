"""The only place of this room that reads the wall clock, for the dispatcher of wake-ups.

Everything else here takes `now` as an argument.
"""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)
