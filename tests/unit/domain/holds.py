"""Reservations and what is known of them, as tests speak of them. T0: the station said yes."""

from dataclasses import replace
from typing import Any

from domain.evidence.frames import ReservationFrame
from domain.evidence.sessions import Session
from domain.model.answers import StationAnswer
from domain.reservations.facts import EvseStatus, ReservationEvidence
from domain.reservations.reservation import (
    ChangeState,
    Reservation,
    ReservationChange,
    ReservationState,
)
from tests.unit.domain.situations import ACCEPTED, REJECTED, T0, TOKEN, at

END_S = 3600
"""How long the hold is for."""


def hold(**changed: Any) -> Reservation:
    """A hold on EVSE 1, number 42, for an hour, HELD since T0."""
    held = Reservation(
        name="0" * 24,
        tenant="acme",
        station="CS-1",
        wire_id=42,
        id_token=TOKEN,
        state=ReservationState.HELD,
        create_time=at(-1),
        expire_time=at(END_S),
        workflow_id="acme:reservations/1",
        command="c1",
        evse_id=1,
        connector_id=1,
        start_time=T0,
        hold_time=T0,
    )
    return replace(held, **changed)


def known(**changed: Any) -> ReservationEvidence:
    """The station is there, speaks 1.6, and shows the place as reserved."""
    facts = ReservationEvidence(
        token_digests=frozenset({"token", "group"}),
        place=shows("Reserved", since=1),
        ready=True,
        ocpp_version="1.6",
    )
    return replace(facts, **changed)


def shows(status: str, *, since: float, previous: str = "Available") -> EvseStatus:
    """The place has this status, and was told so once."""
    return EvseStatus(status, previous, at(since), at(since))


def charging(**changed: Any) -> Session:
    """A session of the holder at EVSE 1, begun a minute after T0, that names no reservation."""
    session = Session("s1", "7", at(60), at(60), evse_id=1, token_digest="token")
    return replace(session, **changed)


def frame(
    attempt: int, sent: float, answer: StationAnswer | None = None, *, over: bool = False
) -> ReservationFrame:
    """A frame that is answered a second after it left, or not at all."""
    heard = None if answer is None else at(sent + 1)
    return ReservationFrame(attempt, at(sent), over or answer is not None, answer, heard)


def yes(attempt: int, sent: float) -> ReservationFrame:
    """A frame that the station accepted."""
    return frame(attempt, sent, ACCEPTED)


def no(attempt: int, sent: float) -> ReservationFrame:
    """A frame that the station refused."""
    return frame(attempt, sent, REJECTED)


def change(*, attempt: int = 1, **changed: Any) -> ReservationChange:
    """A change of the end to two hours after T0, asked for and not decided."""
    asked = ReservationChange("r1", ChangeState.PENDING, attempt, at(2 * END_S))
    return replace(asked, **changed)
