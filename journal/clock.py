"""The one place of this room that reads the wall clock, for activities and dispatchers only.

Workflow code asks the SDK (`workflow.now()`), and the domain takes `now` as a parameter.
"""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)
