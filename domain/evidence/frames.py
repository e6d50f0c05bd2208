"""Frames of ours with their answers: about a reservation, and the stops before an unlock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.backoff import pause_after
from domain.evidence.sessions import SentFrame
from domain.limits import FRAME_PAUSE, LONGEST_FRAME_PAUSE
from domain.model.answers import StationAnswer, Verdict


@dataclass(frozen=True)
class ReservationFrame:
    """A frame about a reservation that may have been on the wire.

    answer: None while there is none. over: nobody waits for an answer any longer.
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
        return self.answer is not None and self.answer.verdict.is_yes

    @property
    def refused(self) -> bool:
        """Whether the station said no, and would say it again."""
        return self.answer is not None and self.answer.verdict.is_lasting_no

    @property
    def cannot(self) -> bool:
        """Whether the station does not know this message."""
        return self.answer is not None and self.answer.verdict is Verdict.NOT_SUPPORTED

    @property
    def said_no_such(self) -> bool:
        """Whether the station said, in the standard's own word, that it has no such reservation."""
        return self.answer is not None and self.answer.said_no_such

    @property
    def settles_cancel(self) -> bool:
        """Whether a CancelReservation left nothing reserved, unless a session used it before."""
        return self.agreed or self.said_no_such


def heard_or_sent(frame: SentFrame | ReservationFrame) -> datetime:
    """When the station answered a frame; when the frame left, if it did not."""
    return frame.answer_time or frame.send_time


def next_try(frames: Sequence[ReservationFrame]) -> datetime:
    """When a frame without a usable answer may be written again. There is at least one frame."""
    last = frames[-1]
    pause = pause_after(len(frames), FRAME_PAUSE, LONGEST_FRAME_PAUSE)
    return heard_or_sent(last) + pause


def may_be_held(asks: Sequence[ReservationFrame], cancels: Sequence[ReservationFrame]) -> bool:
    """Whether a ReserveNow of these may have made a reservation that still stands.

    A cancel settles what was asked for before it left, and what was answered before its answer. If
    the only ReserveNow was refused, nothing was ever reserved.
    """
    if len(asks) == 1 and asks[0].refused:
        return False
    settled = [frame for frame in cancels if frame.settles_cancel]
    last = settled[-1] if settled else None
    return any(_may_hold(frame, last) for frame in asks)


def _may_hold(frame: ReservationFrame, cancelled: ReservationFrame | None) -> bool:
    if cancelled is None or frame.send_time > cancelled.send_time:
        return True
    ended = heard_or_sent(cancelled)
    return frame.agreed and frame.answer_time is not None and frame.answer_time > ended


@dataclass(frozen=True)
class FirstStop:
    """The stops that an unlock sends before itself, to end the session that locks the connector.

    frames: those that may have been on the wire, in order. answer: to the last one. over: nobody
    waits for an answer to the last one any longer. unanswered: how many before it got none.
    """

    frames: tuple[SentFrame, ...] = ()
    answer: StationAnswer | None = None
    over: bool = False
    unanswered: int = 0

    @property
    def ids(self) -> tuple[str, ...]:
        """The transaction ids that were told to stop."""
        return tuple(frame.ocpp_transaction_id for frame in self.frames)
