"""All that is known about a hold at one moment: what the station said, showed and did."""

from dataclasses import dataclass
from datetime import datetime

from workflows.domain.evidence import Session
from workflows.domain.model import StationAnswer, Verdict

AGREED = frozenset({Verdict.ACCEPTED, Verdict.SCHEDULED})
NO = frozenset({Verdict.REJECTED, Verdict.NOT_SUPPORTED})


@dataclass(frozen=True)
class HoldFrame:
    """A frame about the hold that may have been on the wire.

    answer: None while there is none; over: none is waited for any longer.
    """

    attempt: int
    send_time: datetime
    over: bool = False
    answer: StationAnswer | None = None
    answer_time: datetime | None = None

    @property
    def pending(self) -> bool:
        """Whether its answer is still waited for."""
        return self.answer is None and not self.over

    @property
    def word(self) -> str:
        """The station's own word."""
        if self.answer is None:
            return ""
        error = self.answer.call_error
        return error.code if error else self.answer.status

    @property
    def agreed(self) -> bool:
        """Whether the station said yes."""
        return self.answer is not None and self.answer.verdict in AGREED

    @property
    def refused(self) -> bool:
        """Whether the station said no; an error in itself (FAILED) is none, and may pass."""
        return self.answer is not None and self.answer.verdict in NO

    @property
    def cannot(self) -> bool:
        """Whether the station does not know this message."""
        return self.answer is not None and self.answer.verdict is Verdict.NOT_SUPPORTED

    @property
    def said_no_such(self) -> bool:
        """Whether the station said in words of the standard that it has no such hold."""
        answer = self.answer
        return (
            answer is not None and answer.verdict is Verdict.REJECTED and answer.call_error is None
        )

    @property
    def settles_cancel(self) -> bool:
        """Of a CancelReservation: afterwards nothing is held, unless the hold was used."""
        return self.agreed or self.said_no_such


@dataclass(frozen=True)
class PlaceStatus:
    """The reserved EVSE as the station last showed it, in OCPP's words.

    since: when the status became this one; told: when it was last told. Both are our times.
    """

    status: str
    previous: str
    since: datetime
    told: datetime


@dataclass(frozen=True)
class HoldFacts:
    """What is known about a hold.

    holds, cancels: the frames of ReserveNow and CancelReservation that the reservation's own
        workflow sent, in order. attempts: how many numbers of frames were used up.
    token_digests: of the holder and the group, as this station reports tokens.
    place: None when any EVSE may serve it, or when the station never showed its status.
    shared: whether another reservation that has not ended may be what the EVSE shows.
    report, report_time: OCPP 2.x's word about the hold's end.
    ready: whether the station is connected and its boot accepted.
    boot_time: of the last real boot.
    """

    holds: tuple[HoldFrame, ...] = ()
    cancels: tuple[HoldFrame, ...] = ()
    attempts: int = 0
    token_digests: frozenset[str] = frozenset()
    sessions: tuple[Session, ...] = ()
    place: PlaceStatus | None = None
    shared: bool = False
    report: str = ""
    report_time: datetime | None = None
    ready: bool = False
    boot_time: datetime | None = None
    ocpp_version: str = ""
    connection_timeout_s: float | None = None
