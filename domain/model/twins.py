"""Two that speak as one station: whoever has its password may take its place from it.

A socket that is replaced and answers a ping all the same was alive: somebody else opened the newer
one, or the station opens sockets without closing any. A socket that is silent was dead, and its
station has just come back: that is no twin. Where the one displaces the other again and again,
nobody knows which of them is the station. Then it is in quarantine: nothing that starts a session
or opens a lock is sent to it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

TWIN_WINDOW = timedelta(minutes=10)
"""The time in which displacements are counted."""

TWIN_LIMIT = 3
"""How many displacements in this time are borne: an installer, or a station that starts twice."""

QUARANTINE = timedelta(minutes=10)
"""How long after the last displacement a quarantine ends."""


@dataclass(frozen=True)
class Displacements:
    """How often a station's living socket was displaced.

    times: of the newest ones, the oldest first. quarantine_end: None: it never was in quarantine.
    """

    times: tuple[datetime, ...] = ()
    quarantine_end: datetime | None = None


def in_quarantine(end: datetime | None, now: datetime) -> bool:
    """Whether a station whose quarantine ends then is in quarantine now."""
    return end is not None and now < end


def displaced_again(known: Displacements, now: datetime) -> Displacements:
    """The displacements with one more: it begins a quarantine, or prolongs the one that runs."""
    recent = [time for time in known.times if time > now - TWIN_WINDOW]
    times = (*recent, now)[-TWIN_LIMIT - 1 :]
    if len(times) <= TWIN_LIMIT and not in_quarantine(known.quarantine_end, now):
        return Displacements(times, known.quarantine_end)
    return Displacements(times, now + QUARANTINE)
