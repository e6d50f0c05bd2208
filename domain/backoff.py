"""How long to wait before the next try: twice as long after each one, up to a limit.

Every pause of this project that grows is computed here. A caller names its own first pause and its
own longest one, in `domain/limits.py` or in its settings.
"""

from datetime import timedelta

_MAX_DOUBLINGS = 30
"""Keeps a pause without a longest one inside the range of `timedelta`: 1 s becomes 34 years."""


def pause_after(tries: int, first: timedelta, longest: timedelta | None = None) -> timedelta:
    """The pause after so many tries (1, 2, 3 ...): `first`, then twice as long each time.

    longest: no pause is longer; None means no limit. Fewer than one try counts as one.
    """
    pause = first * (1 << min(max(tries - 1, 0), _MAX_DOUBLINGS))
    return pause if longest is None else min(pause, longest)
