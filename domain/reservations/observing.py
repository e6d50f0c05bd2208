"""What became of a reservation: the truth, from everything that is known.

Our timer decides when a reservation ends. What the station says decides three other things.
Was it used? A session names the reservation, or is of its token at its EVSE.
Is it over? The station removed it, or the EVSE is out of order, or somebody else charges there.
Is it in doubt? The station restarted, or shows the EVSE as free, or says "expired" too early, or
refused a change. Then the station is asked for the same number and the same end again
(`next_step.py`), and only its refusal makes the reservation LOST.

A report may come after the end. A session that began before the end, or that names the reservation,
then corrects what was told of it.

All facts are looked at afresh each time, so that it does not matter in which order they came, how
often, or who woke the workflow.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.evidence.frames import ReservationFrame
from domain.evidence.proof import concerning
from domain.evidence.sessions import Session, TokenState
from domain.limits import (
    CHANGE_TRIES,
    CLOCK_SLIP,
    CLOCK_TOLERANCE,
    CORRECTED_WITHIN,
    REPAIR_WINDOW,
    REPAIRS,
    SETTLING,
    TAKING_UP,
)
from domain.ocpp_words import (
    IN_USE,
    KNOWN_STATUSES,
    ConnectorStatus,
    ReservationReport,
    capabilities_of,
)
from domain.reservations import transitions as changes
from domain.reservations.facts import ReservationEvidence
from domain.reservations.reservation import ChangeState, Reservation, ReservationState
from domain.reservations.timeliness import began_before, may_have_begun_between
from domain.reservations.transitions import EndCause
from domain.reservations.users import is_of, is_of_another, took_place


def observe(known: Reservation, facts: ReservationEvidence, now: datetime) -> Reservation:
    """The reservation as the facts leave it; the same object when they say nothing new."""
    if known.ended:
        return _corrected(known, facts, now)
    if known.state is not ReservationState.HELD:
        return known
    # A use is an end of its own, so it comes before the timer; the timer comes before any doubt.
    use = _used(known, facts)
    if use is not None:
        return changes.ended(known, use.cause, now, use.session)
    seen = _heard(known, facts, now)
    if seen.ended:
        return seen
    if now >= seen.expire_time:
        return changes.ended(seen, _at_its_time(seen, facts), now)
    over = _over(seen, facts, now)
    if over is not None:
        return changes.ended(seen, over, now)
    return _doubted(seen, facts, now)


class _Use(NamedTuple):
    """The end that a session brings. session: our id of it."""

    cause: EndCause
    session: str


def _used(known: Reservation, facts: ReservationEvidence) -> _Use | None:
    """The use by a session that names the reservation or is of its token; None: no use."""
    named = _named(known, facts)
    if named is not None:
        return named
    of_token = next((s for s in facts.sessions if _is_holders(s, known, facts)), None)
    return None if of_token is None else _Use(EndCause.SESSION_OF_ITS_TOKEN, of_token.name)


def _named(known: Reservation, facts: ReservationEvidence) -> _Use | None:
    named = next((s for s in facts.sessions if s.reservation_id == known.wire_id), None)
    if named is None:
        return None
    taken = _is_anothers(named, known, facts)
    return _Use(EndCause.USED_BY_ANOTHER if taken else EndCause.SESSION_USED_IT, named.name)


def _is_anothers(session: Session, known: Reservation, facts: ReservationEvidence) -> bool:
    of_group = known.group_id_token is not None
    return is_of_another(session, facts.token_digests, of_group=of_group)


def _corrected(known: Reservation, facts: ReservationEvidence, now: datetime) -> Reservation:
    """The end as reports tell it that came after it was written."""
    if known.end_time is None or now > known.end_time + CORRECTED_WITHIN:
        return known
    if known.state is ReservationState.CANCELLED:
        return _cancelled_too_late(known, facts)
    if known.cause == EndCause.SESSION_USED_IT:
        return _whose_use(known, facts)
    use = _used(known, facts)
    if use is not None:
        return changes.corrected(known, use.cause, use.session)
    if any(_may_be_use(session, known, facts) for session in facts.sessions):
        return changes.corrected(known, EndCause.USE_NOT_KNOWN)
    return known


def _whose_use(known: Reservation, facts: ReservationEvidence) -> Reservation:
    """The use as it is told since the token of its session is known, which may come later."""
    its_own = tuple(s for s in facts.sessions if s.name == known.transaction)
    use = _named(known, replace(facts, sessions=its_own))
    return known if use is None else changes.corrected(known, use.cause, use.session)


def _cancelled_too_late(known: Reservation, facts: ReservationEvidence) -> Reservation:
    """What was cancelled was used only by a session that names it and had begun by then.

    A cancel that the station denied has ended nothing, so there any session that names it counts.
    """
    until = known.end_time if known.cause != EndCause.CANCEL_DENIED else None
    in_time = tuple(s for s in facts.sessions if until is None or began_before(s, until))
    use = _named(known, replace(facts, sessions=in_time))
    return known if use is None else changes.corrected(known, use.cause, use.session)


def _until(known: Reservation, facts: ReservationEvidence) -> datetime:
    """Until when a session that does not name the reservation counts as its use.

    Until its own time. A reservation that the station let go before may have been let go because
    the driver showed his token: then he has the time that he needs to plug in.
    """
    if known.end_time is None or known.state is ReservationState.EXPIRED:
        return known.expire_time
    if known.cause in _LET_GO:
        return max(known.end_time, min(known.end_time + taking_up(facts), known.expire_time))
    return known.end_time


_LET_GO = frozenset({EndCause.REMOVED_BY_STATION, EndCause.HOLD_VANISHED, EndCause.NO_TRANSACTION})


def _is_holders(session: Session, known: Reservation, facts: ReservationEvidence) -> bool:
    until = _until(known, facts)
    # A cable that was in before the end may be anybody's, until somebody shows a token.
    shown_in_time = session.token_time is None or session.token_time < until
    in_time = shown_in_time and began_before(session, until)
    return is_of(session, facts.token_digests) and took_place(session, known) and in_time


def _at_its_time(known: Reservation, facts: ReservationEvidence) -> EndCause:
    """The end at the reservation's own time: "nobody came" only when nothing speaks for a use."""
    if not facts.ready or concerning(facts.untaken, known.evse_id):
        return EndCause.USE_NOT_KNOWN
    if _shows_use(known, facts):
        return EndCause.USE_NOT_KNOWN
    if any(_may_be_use(session, known, facts) for session in facts.sessions):
        return EndCause.USE_NOT_KNOWN
    return EndCause.TIME_OVER


def _shows_use(known: Reservation, facts: ReservationEvidence) -> bool:
    """Whether the EVSE shows, or just showed, that somebody came while it was reserved."""
    place, held = facts.place, known.hold_time
    if place is None or held is None:
        return False
    if place.charging is not None and place.charging > held:
        return True
    if place.since <= held:
        return False
    # Who was there before the EVSE was shown as reserved is not the driver.
    came_and_went = place.previous in IN_USE and place.status != ConnectorStatus.RESERVED
    return place.status in IN_USE or place.status not in KNOWN_STATUSES or came_and_went


def _may_be_use(session: Session, known: Reservation, facts: ReservationEvidence) -> bool:
    """Whether a session may be the driver's, though its token, place or time is not certain.

    The driver's own token is looked at on every EVSE: the driver came, and took another place.
    """
    at_place = session.evse_id in {None, 0} or known.evse_id in {None, session.evse_id}
    its_own = is_of(session, facts.token_digests)
    since = known.start_time or known.create_time
    refused = session.token_state is TokenState.REFUSED
    named_another = session.reservation_id is not None
    unclear = not _is_anothers(session, known, facts)
    fits = (at_place or its_own) and unclear and not refused and not named_another
    in_time = may_have_begun_between(session, since, _until(known, facts))
    return fits and session.received_time >= since and in_time


def _heard(known: Reservation, facts: ReservationEvidence, now: datetime) -> Reservation:
    """The reservation after the answers to our own frames."""
    if known.change is not None and known.change.state is ChangeState.PENDING:
        return _heard_change(known, facts, now)
    latest = facts.holds[-1] if facts.holds else None
    if latest is None or latest.answer_time is None:
        return known
    if latest.agreed:
        return changes.held(known, latest.answer_time, latest.attempt)
    if latest.refused and latest in since_doubt(known, facts):
        if _shows_it(known, facts):
            return changes.held(known, latest.answer_time, latest.attempt)
        return changes.ended(known, _lost_cause(known, facts), now)
    return known


def _heard_change(known: Reservation, facts: ReservationEvidence, now: datetime) -> Reservation:
    """The reservation after the answers to a change. A failed one puts the old word in doubt."""
    asked, last_time = of_change(known, facts), change_until(known)
    too_late = last_time is not None and now >= last_time
    if not asked:
        return _never_asked(known, facts, too_late=too_late)
    last = asked[-1]
    if last.agreed and last.answer_time is not None:
        return changes.change_accepted(known, last.answer_time, last.attempt)
    if last.refused:
        words = f"The station refused the change: {last.word}."
        failed = changes.change_failed(known, ChangeState.REFUSED, "STATION_REJECTED", words)
    elif not last.pending and (len(asked) >= CHANGE_TRIES or too_late):
        words = "The station did not say whether it took the change."
        failed = changes.change_failed(known, ChangeState.UNKNOWN, "ANSWER_TIMEOUT", words)
    else:
        return known
    why = "A change was not made; making sure that the old hold stands."
    return changes.doubted(failed, last.answer_time or now, facts.attempts, why)


def _never_asked(known: Reservation, facts: ReservationEvidence, *, too_late: bool) -> Reservation:
    """The reservation with a change that the station has not heard of. Its old word stands."""
    if not facts.ready:
        words = "The station is not connected. Nothing was changed."
        return changes.change_failed(known, ChangeState.REFUSED, "STATION_OFFLINE", words)
    if too_late:
        words = "The asked end came before the station could be asked. Nothing was changed."
        return changes.change_failed(known, ChangeState.REFUSED, "NOT_AFTER_PASSED", words)
    return known


def change_until(known: Reservation) -> datetime | None:
    """When the latest change is decided at the latest: no frame asks for an end that has come.

    A little later than that end, for a gateway's clock may be behind. None: it asks for no end.
    """
    change = known.change
    if change is None or change.expire_time is None:
        return None
    return change.expire_time + CLOCK_SLIP


def of_change(known: Reservation, facts: ReservationEvidence) -> list[ReservationFrame]:
    """The frames that asked for the latest change."""
    change = known.change
    return [] if change is None else [f for f in facts.holds if f.attempt >= change.attempt]


def since_doubt(known: Reservation, facts: ReservationEvidence) -> list[ReservationFrame]:
    """The frames that asked for the reservation since its doubt began; none without a doubt."""
    if known.doubt_time is None:
        return []
    return [frame for frame in facts.holds if frame.attempt >= known.doubt_attempt]


def _shows_it(known: Reservation, facts: ReservationEvidence) -> bool:
    """Whether the EVSE is shown as Reserved since the doubt, and only ours can be meant."""
    place = facts.place
    since = known.doubt_time
    told_since = place is not None and (since is None or place.told >= since)
    return (
        place is not None
        and place.status == ConnectorStatus.RESERVED
        and told_since
        and not facts.shared
    )


def _lost_cause(known: Reservation, facts: ReservationEvidence) -> EndCause:
    change, doubt = known.change, known.doubt_time
    failed = change is not None and change.state in {ChangeState.REFUSED, ChangeState.UNKNOWN}
    if failed and not _booted_after(facts, doubt):
        return EndCause.CHANGE_LOST_IT
    if _booted_after(facts, known.hold_time):
        return EndCause.LOST_AT_REBOOT
    return EndCause.HOLD_VANISHED


def _booted_after(facts: ReservationEvidence, since: datetime | None) -> bool:
    return facts.boot_time is not None and since is not None and facts.boot_time > since


def _over(known: Reservation, facts: ReservationEvidence, now: datetime) -> EndCause | None:
    """The end that the station reports or shows before the time of ours; None: there is none."""
    word = _report(known, facts)
    if word == ReservationReport.REMOVED:
        return EndCause.REMOVED_BY_STATION
    if word == ReservationReport.NO_TRANSACTION:
        return EndCause.NO_TRANSACTION
    if word == ReservationReport.EXPIRED and _about_time(known, facts):
        return _at_its_time(known, facts)
    if facts.back_end_time is not None and facts.back_end_time > (known.hold_time or now):
        return EndCause.CANCELLED_BY_BACK_END
    if any(_is_others(session, known, facts) for session in facts.sessions):
        return EndCause.EVSE_TAKEN
    if known.doubt_time is not None and _made_again(facts, now) >= REPAIRS:
        return EndCause.HOLD_VANISHED
    place = facts.place
    if place is None or known.hold_time is None or place.since <= known.hold_time:
        return None
    if now < place.since + SETTLING:
        return None
    return _OUT_OF_ORDER.get(place.status)


_OUT_OF_ORDER: dict[str, EndCause] = {
    ConnectorStatus.FAULTED: EndCause.CONNECTOR_FAULTED,
    ConnectorStatus.UNAVAILABLE: EndCause.CONNECTOR_UNAVAILABLE,
}


def _about_time(known: Reservation, facts: ReservationEvidence) -> bool:
    """Whether the station's clock and ours mean the same end."""
    told = facts.report_time
    return told is not None and told >= known.expire_time - CLOCK_TOLERANCE


def _made_again(facts: ReservationEvidence, now: datetime) -> int:
    """How often the station said yes lately. A yes that does not last is worth nothing."""
    return sum(frame.agreed and frame.send_time > now - REPAIR_WINDOW for frame in facts.holds)


def _report(known: Reservation, facts: ReservationEvidence) -> str:
    """The report that came since the station last said yes; "" for none."""
    told, since = facts.report_time, known.hold_time
    return facts.report if told is not None and (since is None or told > since) else ""


def _is_others(session: Session, known: Reservation, facts: ReservationEvidence) -> bool:
    """Whether somebody else charges at the reserved EVSE, and began while it was reserved."""
    held = known.hold_time
    return (
        known.evse_id is not None
        and session.active
        and _is_anothers(session, known, facts)
        and held is not None
        and session.received_time > held
        and session.start_time > held
        and took_place(session, known)
    )


def _doubted(known: Reservation, facts: ReservationEvidence, now: datetime) -> Reservation:
    """The reservation in doubt, when the station has to be asked for it again."""
    if _booted_after(facts, known.hold_time):
        return changes.doubted(
            known, facts.boot_time or now, facts.attempts, "The station restarted; asking again."
        )
    if _report(known, facts) == ReservationReport.EXPIRED:
        why = "The station let the hold go before its time; asking it to hold again."
        return changes.doubted(known, facts.report_time or now, facts.attempts, why)
    gone = free_since(known, facts)
    if gone is not None and now >= gone + taking_up(facts):
        why = "The station shows the place as free; asking it to hold again."
        return changes.doubted(known, gone, facts.attempts, why)
    return known


def free_since(known: Reservation, facts: ReservationEvidence) -> datetime | None:
    """Since when the EVSE is shown as free after it was shown as reserved; None: it is not."""
    place = facts.place
    if place is None or known.hold_time is None or known.evse_id is None:
        return None
    was_reserved = place.previous == ConnectorStatus.RESERVED
    went_free = was_reserved and place.status == ConnectorStatus.AVAILABLE
    return place.since if went_free and place.since > known.hold_time else None


def taking_up(facts: ReservationEvidence) -> timedelta:
    """How long an EVSE that is shown as free may still be the driver's.

    Where a reservation ends at the station when its token is shown, the driver still has to plug
    in. Elsewhere a free EVSE is no longer reserved.
    """
    capabilities = capabilities_of(facts.ocpp_version)
    if capabilities is None or not capabilities.reservation_ends_at_token:
        return SETTLING
    known_s = facts.connection_timeout_s
    return SETTLING + (TAKING_UP if known_s is None else timedelta(seconds=known_s))
