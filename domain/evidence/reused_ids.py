"""Transaction ids of OCPP 2.x that a station uses again, because its counter began anew.

Messages come late, twice and in any order, so the same id means the same session unless a Started
event cannot be of it: it came about after the end, or it names another request.

A station may also repeat the start of an ended session and stamp it anew. Only another request that
the event names tells a session that begins from such a repeat (`may_repeat`).
"""

from dataclasses import dataclass
from datetime import datetime

from domain.limits import CLOCK_TOLERANCE


@dataclass(frozen=True)
class Told:
    """What an event says of its place in a session. time: by the station's clock.

    started: it is a Started event. suspect: the time cannot be believed.
    """

    started: bool
    seq_no: int
    time: datetime
    suspect: bool = False
    remote_start_id: int | None = None


@dataclass(frozen=True)
class Known:
    """A session that has the id. All times are the station's; None: they were not told.

    seq_no: of its Started event. suspect: one of its times cannot be believed.
    """

    seq_no: int | None
    start_time: datetime | None
    stop_time: datetime | None
    suspect: bool = False
    remote_start_id: int | None = None


def begins_another(told: Told, ended: Known) -> bool:
    """Whether the event begins another session than the ended one that has its id."""
    if not told.started:
        return False
    later = _is_later(told, ended)
    if ended.seq_no is None:
        return later
    if told.seq_no != ended.seq_no:
        return later
    requested = _names_another(told, ended)
    vague = told.suspect or ended.suspect
    return later or (requested and (vague or told.time != ended.start_time))


def may_repeat(told: Told, ended: Known) -> bool:
    """Whether a Started event that begins another session may be the ended one's, stamped anew."""
    return not _names_another(told, ended)


def _names_another(told: Told, ended: Known) -> bool:
    return told.remote_start_id is not None and told.remote_start_id != ended.remote_start_id


def may_be_of_earlier(told: Told, known: Known) -> bool:
    """Whether the event may be a late one of an earlier session with the same id."""
    if known.suspect or told.suspect or known.start_time is None:
        return told.started and told.remote_start_id != known.remote_start_id
    return told.time < known.start_time


def is_of_earlier(told: Told, earlier: Known) -> bool:
    """Whether an event that may be a late one is of this earlier session."""
    if told.suspect or earlier.suspect or earlier.stop_time is None:
        repeats = told.time == earlier.start_time or (
            told.remote_start_id is not None and told.remote_start_id == earlier.remote_start_id
        )
        return told.started and repeats
    return told.time <= earlier.stop_time


def _is_later(told: Told, ended: Known) -> bool:
    """Whether the event came about after the end, by the station's clock."""
    if told.suspect or ended.suspect or ended.stop_time is None:
        return False
    if ended.seq_no is None:
        return told.time > ended.stop_time + CLOCK_TOLERANCE
    return told.time > ended.stop_time and told.time != ended.start_time
