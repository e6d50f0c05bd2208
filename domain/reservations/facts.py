"""All that is known about a reservation at one moment: what the station said, showed and did."""

from dataclasses import dataclass
from datetime import datetime

from domain.evidence.frames import ReservationFrame
from domain.evidence.proof import UntakenReport
from domain.evidence.sessions import Session


@dataclass(frozen=True)
class EvseStatus:
    """The status of the reserved EVSE as the station last told it, in OCPP's words.

    since: when the status became this one. told: when it was last told. Both are our times.
    charging: when it last began to be shown with a session that runs; None: never.
    """

    status: str
    previous: str
    since: datetime
    told: datetime
    charging: datetime | None = None


@dataclass(frozen=True)
class ReservationEvidence:
    """What is known about a reservation.

    holds, cancels: the frames of ReserveNow and CancelReservation that the reservation's own
        workflow sent, in order. attempts: how many numbers of frames were used up.
    token_digests: of the holder and the group, as this station reports tokens.
    place: its EVSE. Where any may serve it, the station as a whole (1.6: connector 0); after its
        end, the EVSE that is shown as Reserved for nobody. None: it was never shown.
    shared: whether another reservation that has not ended may be what the EVSE shows: of ours, or
        of the station's own back end (CSMS).
    back_end_time: when the station agreed to a command of that back end that ends the reservation.
    report, report_time: OCPP 2.x's word about the end of the reservation.
    ready: whether the station is connected and its boot accepted.
    boot_time: of the last real boot.
    untaken: what the station reported since the reservation was asked for and could not be used.
    """

    holds: tuple[ReservationFrame, ...] = ()
    cancels: tuple[ReservationFrame, ...] = ()
    attempts: int = 0
    token_digests: frozenset[str] = frozenset()
    sessions: tuple[Session, ...] = ()
    place: EvseStatus | None = None
    shared: bool = False
    back_end_time: datetime | None = None
    report: str = ""
    report_time: datetime | None = None
    ready: bool = False
    boot_time: datetime | None = None
    ocpp_version: str = ""
    connection_timeout_s: float | None = None
    untaken: tuple[UntakenReport, ...] = ()
