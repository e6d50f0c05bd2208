"""Whose a session is that used a reservation, by the digests of tokens as its station reports them.

digests: of the holder's token and of the group, as the frames of the reservation carried them.
"""

from collections.abc import Set as AbstractSet

from domain.evidence.sessions import SentFrame, Session, TokenState
from domain.reservations.reservation import Reservation
from domain.reservations.timeliness import began_since


def digests_of(frame: SentFrame | None) -> frozenset[str]:
    """Of the holder's token and group, as this frame carried them."""
    carried = (frame.token_digest, frame.group_digest) if frame else ()
    return frozenset(digest for digest in carried if digest)


def has_group(frame: SentFrame | None) -> bool:
    """Whether this frame carried a group."""
    return frame is not None and frame.group_digest is not None


def tokens_of(session: Session) -> frozenset[str]:
    """The token of a session and its group, as far as the station told them."""
    return frozenset(digest for digest in (session.token_digest, session.group_digest) if digest)


def is_of(session: Session, digests: AbstractSet[str]) -> bool:
    """Whether the session's token is the holder's, or of the holder's group."""
    return bool(tokens_of(session) & digests)


def is_of_another(session: Session, digests: AbstractSet[str], *, of_group: bool) -> bool:
    """Whether the session's token is certainly not the holder's: both were told.

    of_group: it was reserved for a group, too. Then a token counts only when its group is known: of
    a token that nobody has judged, that only its station knows, or that a command alone brought, it
    is not.
    """
    told = bool(tokens_of(session)) and bool(digests)
    known = session.token_known and session.group_known
    judged = known and session.token_state in {TokenState.ACCEPTED, TokenState.REFUSED}
    certain = not of_group or session.group_digest is not None or judged
    return told and certain and not is_of(session, digests)


def took_place(session: Session, known: Reservation) -> bool:
    """Whether a session began at the EVSE while it was reserved, as far as clocks can tell."""
    since = known.start_time or known.create_time
    return (
        session.reservation_id is None
        and _is_good(session)
        and not session.clock_suspect
        and not session.observed_only
        and (known.evse_id is None or session.evse_id == known.evse_id)
        and session.received_time >= since
        and began_since(session, since)
    )


def _is_good(session: Session) -> bool:
    """Whether its token was accepted, or never judged and good enough for energy to flow."""
    unanswered = session.token_state is TokenState.NOT_JUDGED
    return session.token_state is TokenState.ACCEPTED or (unanswered and session.is_accepted)
