"""Which one of a driver's reservations at one station a session has used.

A session that names no reservation uses one, also where its driver, or his group, has several: the
one that has told it already; else the one of its very EVSE before one of any, the older one first.
For all others it counts like a session that names that one.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from domain.evidence.sessions import Session
from domain.reservations.reservation import Reservation, ReservationState
from domain.reservations.timeliness import began_before
from domain.reservations.users import is_of, took_place


@dataclass(frozen=True)
class NextTo:
    """Another reservation of the station. digests: of its tokens, as its frames carried them."""

    reservation: Reservation
    digests: frozenset[str] = frozenset()


def as_used(session: Session, known: Reservation, neighbours: tuple[NextTo, ...]) -> Session:
    """The session; with the number of the neighbour that has used it, when one has."""
    if session.reservation_id is not None or known.transaction == session.name:
        return session
    user = next((each for each in neighbours if _has(each, session, known)), None)
    return session if user is None else replace(session, reservation_id=user.reservation.wire_id)


def _has(neighbour: NextTo, session: Session, known: Reservation) -> bool:
    other = neighbour.reservation
    if other.ended:
        return other.transaction == session.name
    return (
        other.state is ReservationState.HELD
        and _rank(other) < _rank(known)
        and is_of(session, neighbour.digests)
        and took_place(session, other)
        and began_before(session, other.expire_time)
    )


def _rank(reservation: Reservation) -> tuple[bool, datetime, str]:
    return (reservation.evse_id is None, reservation.create_time, reservation.name)
