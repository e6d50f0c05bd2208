"""Transaction ids of OCPP 2.x that a station uses again, because its counter began anew.

Messages come late, twice and in any order, so the same id means the same session unless a Started
event cannot be of it: it came about after the end, it names another request, or it tells another
driver's token. The last two tell it also while the earlier session stands as running: a power cut
took its end, and the counter.

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
    token_digest: of the token that it tells; None: it tells none.
    """

    started: bool
    seq_no: int
    time: datetime
    suspect: bool = False
    remote_start_id: int | None = None
    token_digest: str | None = None


@dataclass(frozen=True)
class Known:
    """A session that has the id. All times are the station's; None: they were not told.

    seq_no: of its Started event. suspect: one of its times cannot be believed.
    token_digest: of its first token; None: it was not told.
    """

    seq_no: int | None
    start_time: datetime | None
    stop_time: datetime | None
    suspect: bool = False
    remote_start_id: int | None = None
    token_digest: str | None = None


def begins_another(told: Told, ended: Known) -> bool:
    """Whether the event begins another session than the ended one that has its id."""
    if not told.started:
        return False
    if is_another_start(told, ended):
        return True
    later = _is_later(told, ended)
    if ended.seq_no is None:
        return later
    if told.seq_no != ended.seq_no:
        return later
    requested = _names_another(told, ended)
    vague = told.suspect or ended.suspect
    return later or (requested and (vague or told.time != ended.start_time))


def is_another_start(told: Told, known: Known) -> bool:
    """Whether a Started event is that of another session, whether or not this one ended.

    The start of a session tells one token and one request, however often it is told. It must be the
    later one of the two, by a clock that is not wrong: an old start that comes late begins nothing.
    """
    if not told.started or known.seq_no is None or told.suspect or known.suspect:
        return False
    tokens = {told.token_digest, known.token_digest}
    requests = {told.remote_start_id, known.remote_start_id}
    differ = any(None not in each and len(each) > 1 for each in (tokens, requests))
    return differ and known.start_time is not None and told.time > known.start_time


def may_repeat(told: Told, ended: Known) -> bool:
    """Whether a Started event that begins another session may be the ended one's, stamped anew."""
    return not (_names_another(told, ended) or is_another_start(told, ended))


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


def was_cut_off(told: Told, earlier: Known) -> bool:
    """Whether a late event is of this earlier session, whose end was never told."""
    began = earlier.start_time
    if told.suspect or earlier.suspect or earlier.stop_time is not None or began is None:
        return False
    return told.time > began and not told.started


def _is_later(told: Told, ended: Known) -> bool:
    """Whether the event came about after the end, by the station's clock."""
    if told.suspect or ended.suspect or ended.stop_time is None:
        return False
    if ended.seq_no is None:
        return told.time > ended.stop_time + CLOCK_TOLERANCE
    return told.time > ended.stop_time and told.time != ended.start_time
