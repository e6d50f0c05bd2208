"""Frames of ours and what the station said to them: about holds, and those of a first step."""

from dataclasses import dataclass
from datetime import datetime

from domain.evidence.sessions import Frame
from domain.model.answers import StationAnswer, Verdict

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
    def unreadable(self) -> bool:
        """Whether the station said something that means neither yes nor no."""
        return self.answer is not None and self.answer.verdict is Verdict.UNREADABLE

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
class FirstStop:
    """The stops of the session that keeps a connector locked, which an unlock sends before itself.

    frames: in order, as far as they may have been on the wire. answer: to the last one.
    over: no answer to the last one is waited for. unanswered: how many before it got none.
    """

    frames: tuple[Frame, ...] = ()
    answer: StationAnswer | None = None
    over: bool = False
    unanswered: int = 0

    @property
    def ids(self) -> tuple[str, ...]:
        """The transaction ids that were told to stop."""
        return tuple(frame.wire_id for frame in self.frames)
