"""What speaks for the end of a session although no end was reported.

A session is known to run because its end was not reported. That is weak: ends are lost, held back
and late. So whatever else the station shows is looked at. What does not fit a session that runs is
a sign. The signs never say that it ended; they forbid to say that it did not.
"""

from datetime import datetime

from domain.evidence.facts import Act, Decision, Facts
from domain.evidence.frames import heard_or_sent
from domain.evidence.matching import begun, clock_is_wrong
from domain.evidence.proof import Sign, signs
from domain.evidence.sessions import WHOLE_STATION, ConnectorState, SentFrame, Session
from domain.evidence.targets import is_target, running_target
from domain.limits import LIFE_AFTER_ANSWER, MAX_ASKS, REFUSAL_SLIP, REFUSED_STOP_SLIP
from domain.ocpp_words import IN_SESSION, NOT_CHARGING, ConnectorStatus

_DOWN = frozenset({ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE})
_WITHOUT_SESSION = frozenset(
    {ConnectorStatus.FINISHING, ConnectorStatus.PREPARING, ConnectorStatus.RESERVED}
)


def place_of(facts: Facts, frame: SentFrame) -> int | None:
    """The EVSE of the session that is to end; None: it is not known."""
    target = _target(facts)
    return target.evse_id if target is not None else frame.evse_id


def is_over(facts: Facts) -> bool:
    """Whether the station said that the session is not running, and holds nothing back.

    It is asked about one id. Where several were tried, the session may run under another one.
    """
    asked = facts.asked
    said_so = asked is not None and asked.ongoing is False and not asked.messages_in_queue
    return said_so and _is_one_id(facts)


def says_running(facts: Facts, frame: SentFrame, *, said_no: bool = False) -> bool:
    """Whether the station said, on being asked after the stop, that the session is running.

    said_no: the station refused the stop, so that only its later word counts.
    """
    asked, since = facts.asked, _life_counts_from(frame) if said_no else frame.send_time
    said_so = asked is not None and asked.ongoing is True and asked.at >= since
    return said_so and _is_one_id(facts)


def _may_end_late(facts: Facts, frame: SentFrame) -> bool:
    """Whether a session runs, as far as is known, that a refused stop may end all the same."""
    running = running_target(facts, frame.ocpp_transaction_id)
    return running is not None or says_running(facts, frame)


def _life_counts_from(frame: SentFrame) -> datetime:
    """From when on life disproves that the station obeys, whatever it answered.

    A reading may cross the stop on the wire, and a session takes some seconds to end.
    """
    return heard_or_sent(frame) + LIFE_AFTER_ANSWER


def _is_one_id(facts: Facts) -> bool:
    return len(set(facts.tried)) <= 1


def shows_life(facts: Facts, frame: SentFrame) -> bool:
    """Whether the session that this stop names has shown, some seconds after it, that it runs.

    It metered or told an event, or its plug was shown as charging. Without an answer: after the
    stop left. On OCPP 1.6 a session that was first reported after the answer is alive too: we give
    it its id then, and a station cannot end a session by an id that it does not have yet.
    """
    target = running_target(facts, frame.ocpp_transaction_id)
    if target is None:
        return False
    since = _life_counts_from(frame)
    told = target.alive_time is not None and target.alive_time > since
    return (
        _had_no_id_yet(target, facts, frame)
        or told
        or any(
            each.evse_id == target.evse_id
            and each.status == ConnectorStatus.CHARGING
            and (each.reported_time or each.status_time) > since
            for each in facts.connectors
        )
    )


def _had_no_id_yet(target: Session, facts: Facts, frame: SentFrame) -> bool:
    """Whether the session got its id only after the answer to the stop that names it (OCPP 1.6)."""
    return (
        frame.answer_time is not None
        and target.received_time > frame.answer_time
        and not target.observed_only
        and facts.gives_ids
    )


def is_silent(facts: Facts, frame: SentFrame, *, said_no: bool = False) -> bool:
    """Whether a session that ran has shown neither its end nor, after the stop, any life.

    said_no: the station refused the stop, so that only its later word counts.
    """
    running = running_target(facts, frame.ocpp_transaction_id)
    lives = says_running(facts, frame, said_no=said_no) or shows_life(facts, frame)
    return running is not None and not lives


def while_it_may_slip(facts: Facts, frame: SentFrame, now: datetime) -> Decision | None:
    """The next step while a station that refused may stop all the same; None: it is too late.

    A session that runs is looked at again some seconds after the no: only then its life counts.
    """
    if not _may_end_late(facts, frame):
        return _until(heard_or_sent(frame) + REFUSAL_SLIP, now)
    late, asked = _life_counts_from(frame), facts.asked
    if now < late:
        return _until(late, now)
    is_early = asked is not None and asked.at < late and asked.times < MAX_ASKS
    is_there = facts.connected_since is not None
    if is_early and is_there and is_silent(facts, frame, said_no=True):
        return Decision(Act.ASK)
    return _until(heard_or_sent(frame) + REFUSED_STOP_SLIP, now)


def _until(due: datetime, now: datetime) -> Decision | None:
    """The wait for that time; None when it has come."""
    return Decision(Act.WAIT, look_again=due) if now < due else None


def was_running(facts: Facts, frame: SentFrame) -> bool:
    """Whether the session ran when the stop left. A mistaken id does not run either."""
    return any(
        is_target(session, facts) and session.received_time <= frame.send_time
        for session in facts.sessions
    )


def signs_of_end(facts: Facts, frame: SentFrame) -> tuple[Sign, ...]:
    """What speaks for the end of the session that this stop names.

    What a plug showed before the session began on it says nothing of it.
    """
    target, asked = _target(facts), facts.asked
    place, sent = place_of(facts, frame), frame.send_time
    since = sent if target is None else min(sent, target.received_time)
    is_unheard_of = target is None and place is None
    shown = tuple(
        each for each in facts.connectors if place in {None, each.evse_id} and not is_unheard_of
    )
    booted, shown_from = facts.boot_time, sent
    if target is not None and _had_no_id_yet(target, facts, frame) and not clock_is_wrong(target):
        shown_from = max(sent, begun(target))
        since = max(since, shown_from)
    return signs(
        said_not_running=asked is not None and asked.ongoing is False and target is not None,
        evse_free=any(
            _left(each, {ConnectorStatus.AVAILABLE}, shown_from, since) for each in shown
        ),
        evse_not_charging=any(_left(each, _WITHOUT_SESSION, shown_from, since) for each in shown),
        session_not_charging=target is not None and target.charging_state in NOT_CHARGING,
        booted=booted is not None and booted > sent,
    )


def is_down_since(facts: Facts, frame: SentFrame) -> bool:
    """Whether the session's EVSE, or the whole station, failed or was closed after the stop."""
    places = {place_of(facts, frame), WHOLE_STATION}
    return any(
        (None in places or each.evse_id in places)
        and each.status in _DOWN
        and each.status_time > frame.send_time
        for each in facts.connectors
    )


def _target(facts: Facts) -> Session | None:
    return next((each for each in facts.sessions if is_target(each, facts)), None)


def _left(
    connector: ConnectorState, status: set[str] | frozenset[str], sent: datetime, since: datetime
) -> bool:
    """Whether a connector took such a status after the stop, or before it out of this session."""
    out_of_session = connector.previous_status in IN_SESSION and connector.status_time > since
    return connector.status in status and (connector.status_time > sent or out_of_session)
