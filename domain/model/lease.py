"""Until when a gateway's connections stand: the rule of its lease."""

from datetime import datetime, timedelta


def lease_end(
    now: datetime, *, lasts: timedelta, silent: timedelta, patience: timedelta
) -> datetime:
    """The end of a lease that is renewed now.

    A process whose event loop does not come round cannot serve. So the lease never reaches further
    than the patience after the loop's last turn, however often it is renewed meanwhile.

    lasts: how long a lease lasts. silent: the time since the loop's last turn.
    """
    return now + min(lasts, patience - silent)
