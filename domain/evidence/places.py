"""What shows at a place that a session may have been the effect of a start, though none is taken
for that: a session of somebody else, or a state that no session explains."""

from datetime import datetime

from domain.evidence.facts import Facts
from domain.evidence.matching import ended_long_before, may_have_been_ours, tells_other_token
from domain.evidence.sessions import WHOLE_STATION, ConnectorState, SentFrame, Session
from domain.ocpp_words import IN_USE, KNOWN_STATUSES


def may_be_taken(facts: Facts, frame: SentFrame, late_after: datetime) -> bool:
    """Whether a session may have been the effect of this frame, though it is not taken for that.

    Another start has claimed it, or its token is of nobody whom we know.
    """
    rivals = facts.rivals
    claimed = any(may_have_been_ours(each, frame, rivals, late_after) for each in facts.sessions)
    return claimed or _taken_by_stranger(facts, frame)


def _taken_by_stranger(facts: Facts, frame: SentFrame) -> bool:
    """Whether a session took the place whose token nobody but another back end (CSMS) vouches for.

    A station may tell a wrong token, and a back end may accept every token: so it may be ours.
    """
    return any(
        each.judged_elsewhere
        and tells_other_token(each, frame)
        and frame.evse_id in {None, each.evse_id}
        and each.received_time > frame.send_time
        and not (each.is_refused or each.names_theirs)
        for each in facts.sessions
    )


def is_in_use(facts: Facts, frame: SentFrame) -> bool:
    """Whether the EVSE that was asked for shows a session that no report of that time explains.

    The station itself may show it, and any EVSE when none was asked for.
    """
    return any(
        each.status in IN_USE and each.status_time > frame.send_time
        for each in _unexplained(facts, frame)
    )


def was_in_use(facts: Facts, frame: SentFrame) -> bool:
    """Whether such an EVSE showed a session that runs, though it may be free again since."""
    return any(
        each.charging_time is not None and each.charging_time > frame.send_time
        for each in _unexplained(facts, frame)
    )


def is_unclear(facts: Facts, frame: SentFrame) -> bool:
    """Whether such an EVSE is shown since the frame in a word that nobody knows."""
    return any(
        each.status not in KNOWN_STATUSES and each.status_time > frame.send_time
        for each in _unexplained(facts, frame)
    )


def _unexplained(facts: Facts, frame: SentFrame) -> list[ConnectorState]:
    """The connectors whose state no session explains that was reported for that time."""
    places = {
        session.evse_id for session in facts.sessions if not _was_over(session, frame.send_time)
    }
    return [
        each
        for each in facts.connectors
        if not places & {None, each.evse_id} and not (places and each.evse_id == WHOLE_STATION)
    ]


def _was_over(session: Session, left: datetime) -> bool:
    """Whether a session had ended when the frame left, by our clock or by the station's."""
    told = session.stop_received_time
    return (told is not None and told < left) or ended_long_before(session, left)
