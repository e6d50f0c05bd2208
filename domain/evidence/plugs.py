"""One plug, one session: which sessions have ended although no station said so.

A power cut takes the end of a session with it. Two things prove the end: a later session began on
the plug, or the station booted and showed the plug as free. Such an end is revised by better facts.

"Later" is told by the station's own clock where it is usable, because a station reports old
sessions after it was offline, and not always in order. Where the clock proves nothing, the order of
the messages decides, but only when the earlier session's clock proves nothing either, or a boot
lies between both. In doubt both stand as running: to call a running session ended is worse.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.evidence.matching import begun, clock_is_wrong
from domain.evidence.restart import ConnectorReport
from domain.evidence.sessions import Session
from domain.limits import CLOCK_TOLERANCE
from domain.ocpp_words import ChargingState, ConnectorStatus

ONE_BREATH = timedelta(seconds=5)
"""How soon after a start its end may be told, and still show that the clock was set between."""


def ends(
    newer: Session, older: Session, boot_time: datetime | None, *, one_plug: bool = False
) -> bool:
    """Whether the session that was just reported proves the end of another one on its plug.

    newer: only metered, it ends nothing: it may be the same session under another id.
    boot_time: of the station's latest boot, by our clock; None when it is not known.
    one_plug: one EVSE of the station is known, so that a session of the whole station is on it.
    """
    if not _share_plug(newer, older, one_plug=one_plug) or newer.observed_only:
        return False
    if newer.name == older.name or newer.received_time < older.received_time:
        return False
    if not clock_is_wrong(newer):
        began, earlier = begun(newer), _ran_at(older)
        return began > earlier or (began == earlier and not newer.offline)
    between = boot_time is not None and older.received_time < boot_time <= newer.received_time
    return not newer.offline and (between or clock_is_wrong(older))


def _ran_at(session: Session) -> datetime:
    """The earliest time at which it ran for certain: it began then, or before.

    Where its start is written by a clock that was not known yet, and arrived late, a sign of life
    that was read by the known clock may be earlier than the arrival.
    """
    began, alive = begun(session), session.alive_time
    return began if alive is None else min(began, alive)


def _share_plug(one: Session, other: Session, *, one_plug: bool) -> bool:
    """Whether both were on one plug. Two that name different EVSEs never were.

    A station of which one EVSE is known may have another one that it has not shown yet.
    """
    if one.evse_id and other.evse_id:
        return one.evse_id == other.evse_id
    return one_plug


def repeats(told: Session, known: Session) -> bool:
    """Whether a start that was just told is a known session's, told again with another time.

    OCPP 1.6: a station that did not hear our answer repeats the start, and some stamp it anew. It
    is equal in all but the time, and its session stands as running. The caller knows whether the
    plug was free in between, or another start of ours explains it.
    """
    same = (told.evse_id, told.token_digest, told.meter_start_wh)
    if same != (known.evse_id, known.token_digest, known.meter_start_wh):
        return False
    if told.meter_start_wh is None or not known.active or known.observed_only:
        return False
    vague = clock_is_wrong(told) or clock_is_wrong(known)
    return vague or begun(told) >= begun(known)


def is_freed(
    session: Session, boot_time: datetime | None, connectors: Iterable[ConnectorReport]
) -> bool:
    """Whether the station booted after the session began and shows its connectors as free.

    A session that is reported after the boot began before it by the station's clock, if that is
    usable, or while the station was offline. Then the connectors must be shown as free after the
    report: what they showed before says nothing of it.

    connectors: those that the session may be on.
    """
    if boot_time is None or not _began_before(session, boot_time):
        return False
    reports, since = tuple(connectors), max(boot_time, session.received_time)
    return bool(reports) and all(
        report.status == ConnectorStatus.AVAILABLE
        and report.reported_time is not None
        and report.reported_time >= since
        for report in reports
    )


def _began_before(session: Session, boot_time: datetime) -> bool:
    if session.received_time < boot_time:
        return True
    if session.offline and session.charging_state != ChargingState.IDLE:
        return True
    return not clock_is_wrong(session) and begun(session) < boot_time


def shows_running(ended: Session, time: datetime, *, suspect: bool) -> bool:
    """Whether a message of a session came about after the end that was never reported.

    time: of the message, by the station's clock. suspect: it cannot be believed.
    """
    told = ended.stop_received_time
    return not ended.end_reported and (suspect or told is None or time > told)


@dataclass(frozen=True)
class ToldEnd:
    """An end without an id of ours. time: by the station's clock.

    suspect: the time cannot be believed. evse_id: None when it tells none.
    """

    time: datetime
    suspect: bool
    token_digest: str | None
    meter_stop_wh: int | None
    evse_id: int | None = None


def meant_by_stop(
    told: ToldEnd,
    running: Sequence[Session],
    unreported: Sequence[Session],
    now: datetime,
    *,
    clock_known: bool,
) -> Session | None:
    """The session that an end without any id is about; None when it is not clear.

    Of several that run it is the one whose meter fits.
    now: by our clock. clock_known: other messages of the station have told what its clock shows.
    """
    running = running if len(running) < 2 else _by_meter(told, running)
    if len(running) > 1:
        return None
    missed = [one for one in unreported if not told.suspect and _covers(one, told.time)]
    if running and (told.suspect or begun(running[0]) <= told.time):
        return running[0]
    if len(missed) == 1:
        return missed[0]
    if running:
        may_be = _may_have_ended(running[0], told.time, now, clock_known=clock_known)
        return running[0] if may_be else None
    return unreported[0] if len(unreported) == 1 else None


def _by_meter(told: ToldEnd, running: Sequence[Session]) -> Sequence[Session]:
    """Of several running sessions the one that the end's meter fits; all when it is not clear.

    A register never runs backwards: a session that began beyond this reading has not ended with it.
    """
    left = [one for one in running if not _began_beyond(one, told)]
    return left if len(left) == 1 and _energy_went(left[0], told) else running


def _began_beyond(running: Session, told: ToldEnd) -> bool:
    began, ended = running.meter_start_wh, told.meter_stop_wh
    return began is not None and ended is not None and began > ended


def _energy_went(running: Session, told: ToldEnd) -> bool:
    """Whether the register has gone on since the session began."""
    began, ended = running.meter_start_wh, told.meter_stop_wh
    return began is not None and ended is not None and ended > began


def _may_have_ended(running: Session, time: datetime, now: datetime, *, clock_known: bool) -> bool:
    """Whether an end that is dated before the session began may be its end all the same.

    A start and its end in one breath show a wrong clock. Later, or where the clock is known, it is
    the end of something older.
    """
    if begun(running) - time <= CLOCK_TOLERANCE:
        return True
    return not clock_known and now - running.received_time <= ONE_BREATH


def ended_remotely(told: ToldEnd, stopped: Sequence[Session]) -> Session | None:
    """The session that a remote stop has ended, by an end without any id; None: it is not clear.

    stopped: the running sessions that stops of ours name.
    """
    if len(stopped) != 1 or told.suspect or clock_is_wrong(stopped[0]):
        return None
    [one] = stopped
    return None if _began_beyond(one, told) or begun(one) > told.time else one


def ended_under_another_id(
    told: ToldEnd, running: Sequence[Session], *, one_plug: bool
) -> Session | None:
    """The session that such an end can only be of; None when it may be of an unknown one.

    It is the only one that runs, it began before, energy went through since, and it has the end's
    token, or the station's only plug (one_plug).
    """
    if len(running) != 1 or told.suspect or clock_is_wrong(running[0]):
        return None
    [one] = running
    if not _energy_went(one, told) or begun(one) > told.time:
        return None
    if told.evse_id not in {None, one.evse_id} or told.token_digest not in {None, one.token_digest}:
        return None
    return one if one_plug or told.token_digest is not None else None


def goes_on_as(ended: Session, running: Sequence[Session]) -> Session | None:
    """The one running session that an ended one goes on as; None when none does, or several.

    A station that lost its state may tell one charge again, under another id: it names the same
    request of ours, or it is equal in all that cannot change while nobody told its end. So may be
    one of the same token that is all that speaks for the end.
    """
    found = [one for one in running if _is_told_again(ended, one)]
    return found[0] if len(found) == 1 else None


def _is_told_again(ended: Session, later: Session) -> bool:
    if later.received_time < ended.received_time:
        return False
    if ended.remote_start_id is not None or later.remote_start_id is not None:
        return ended.remote_start_id == later.remote_start_id
    fixed = (ended.evse_id, ended.token_digest, ended.meter_start_wh)
    if None in fixed[:2] or fixed[:2] != (later.evse_id, later.token_digest) or ended.end_reported:
        return False
    same_meter = fixed[2] is not None and fixed[2] == later.meter_start_wh
    return same_meter or ended.stop_received_time == later.received_time


def _covers(ended: Session, time: datetime) -> bool:
    """Whether the session may have ended then."""
    told = ended.stop_received_time
    return begun(ended) <= time and (told is None or time <= told)
