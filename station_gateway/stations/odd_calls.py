"""Reads the CALLs of one station, and hands on what was odd in them and in its answers."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from station_gateway.dialects.interface import Dialect, PayloadViolation
from station_gateway.dialects.mending.marks import marked, marks_of
from station_gateway.dialects.mending.mends import Mends
from station_gateway.dialects.messages import (
    CallRefused,
    ReservationEndReported,
    SessionEvent,
    SessionStarted,
    SessionStopped,
    StationCall,
)
from station_gateway.session.events import CallReceived, Untaken
from station_gateway.session.frames import MessageId
from station_gateway.session.refusals import untaken
from station_gateway.stations.peer import Peer
from station_gateway.stations.ports import CallHandler, ReportBook
from station_gateway.stations.standing import Displaced

_IN_ANY_ORDER = (SessionStarted, SessionStopped, SessionEvent, ReservationEndReported)
"""Facts that may be written late. An old status would replace a newer one."""


class OddCalls:
    """What is odd in the CALLs of one station.

    strict: nothing is mended. Values that were never refused are read as ever.
    """

    __slots__ = ("_book", "_dialect", "_doubts", "_peer", "_spawn", "_strict")

    def __init__(
        self,
        peer: Peer,
        dialect: Dialect,
        book: ReportBook,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        strict: bool,
    ) -> None:
        self._peer = peer
        self._dialect = dialect
        self._book = book
        self._spawn = spawn
        self._strict = strict
        self._doubts: dict[MessageId, Untaken] | None = None

    def read(self, call: CallReceived, now: datetime) -> StationCall:
        """The message of a CALL; mended where its values are out of bounds.

        Raises: CallRefused.
        """
        mends = call.mends
        try:
            message = self._dialect.read_call(call.action, call.payload, now)
        except CallRefused as refused:
            if self._strict or call.action not in self._dialect.REPORTS:
                raise
            more = self._dialect.mend_call(call.action, call.payload)
            if isinstance(more, PayloadViolation):
                raise CallRefused(more.code, more.description) from refused
            message = self._dialect.read_call(call.action, call.payload, now)
            mends = {**mends, **more}
        marks = marks_of(message)
        if not mends and not marks:  # nearly always
            return message
        mends = {**marks, **mends}
        self._note(call.action, mends)
        return marked(message, mends)

    def answered(self, action: str, mends: Mends) -> None:
        """Count what was mended in the answer to a CALL of ours."""
        if mends:
            self._note(action, mends)

    def _note(self, action: str, mends: Mends) -> None:
        if self._book.mended(self._peer, action, mends):
            self._spawn(self._book.flush())

    def untaken(self, told: Untaken | None) -> None:
        """Keep what a refused frame may have told."""
        if told is not None:
            self._spawn(self._book.untaken(self._peer, told))

    def refused(self, call: CallReceived, reason: str, detail: str) -> None:
        """Keep what a refused CALL may have told."""
        self.untaken(untaken(self._dialect, call.action, call.payload, reason, detail))

    def waits(self, call: CallReceived) -> None:
        """Keep a doubt: what a CALL told is no fact before its back end has answered it."""
        detail = "the back end has not answered it"
        told = untaken(self._dialect, call.action, call.payload, "not_written", detail)
        self.untaken(told)
        if told is not None:
            self._doubts = {**(self._doubts or {}), call.message_id: told}

    def taken(self, call: CallReceived) -> None:
        """What a CALL told is written: it is no doubt any more."""
        told = self._doubts.pop(call.message_id, None) if self._doubts else None
        if told is not None:
            self._spawn(self._book.taken(self._peer, told))

    def unanswered(self, call: CallReceived, message: StationCall, handlers: CallHandler) -> None:
        """The database did not take a fact in time: it is written as soon as that is back.

        When its station has a newer socket by then, it is no fact any more. It still is a doubt.
        """

        async def write() -> None:
            try:
                await handlers.handle(self._peer, message)
            except Displaced:
                self.refused(call, "not_written", "a newer socket came before the database")

        if isinstance(message, _IN_ANY_ORDER):
            self._spawn(self._book.persist(self._peer, call.action, write))
        else:
            self.refused(call, "not_written", "the database did not take it in time")
