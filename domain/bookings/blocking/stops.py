"""When a session is asked to stop again that the policy has stopped and that still runs. Pure.

A station may be away, refuse, or say yes and go on. The policy says that the session is to end, so
it is asked again for as long as it runs, after pauses that grow: each question is work for it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
"""After which time at the latest a session is asked to stop again."""


@dataclass(frozen=True)
class AskedStop:
    """The newest command that stops a session. end_time: when it ended; None: it has not."""

    end_time: datetime | None = None


def stop_again_time(asked: int, newest: AskedStop | None) -> datetime | None:
    """When a session that still runs is asked to stop again; None: nobody knows yet.

    asked: how often it was. newest: None where it never was.
    """
    if newest is None or newest.end_time is None:
        return None
    return newest.end_time + min(FIRST_PAUSE * (1 << min(max(asked - 1, 0), 10)), LONGEST_PAUSE)


def asks_again(asked: int, newest: AskedStop | None, now: datetime) -> bool:
    """Whether a session that still runs is asked to stop again now."""
    again = stop_again_time(asked, newest)
    return again is not None and now >= again
