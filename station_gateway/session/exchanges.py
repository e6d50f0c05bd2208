"""The CALLs of one relayed station whose answer another back end owes, until it comes.

What a few messages tell depends on what was answered: whether a boot is accepted, which id a 1.6
session has, what is said of a token. They wait here for their answer, each for a limited time. One
that gets none is handed out without it. Its answer may come all the same, as long as the connection
lives: it was passed on, so the back end acts by it, and so may the station. An answer under an id
that no CALL had concerns nobody.

It decides and does nothing. Times are monotonic seconds.
"""

from collections.abc import Callable
from datetime import datetime

import msgspec

from station_gateway.dialects.messages import (
    AuthorizationAsked,
    Booted,
    SessionStarted,
    StationCall,
)
from station_gateway.session.events import CallReceived
from station_gateway.session.frames import MessageId

OPEN_LIMIT = 16
"""CALLs of one station that wait for their answers; the oldest one is given up for a newer one.

As many are known that were given up."""


class OpenCall(msgspec.Struct, frozen=True):
    """A CALL of the station, what it means, when it came, and until when its answer is awaited."""

    call: CallReceived
    message: StationCall
    time: datetime
    due: float


class Exchanges:
    """The open CALLs of one station. Made for the first one: an idle station needs none."""

    __slots__ = ("_ahead", "_given_up", "_open", "_passed")

    def __init__(self) -> None:
        self._open: dict[MessageId, OpenCall] = {}
        self._given_up: dict[MessageId, OpenCall] = {}
        self._passed: dict[MessageId, int] = {}
        self._ahead: dict[MessageId, int] = {}

    def begin(self, opened: OpenCall) -> OpenCall | None:
        """Wait for the answer to this CALL. Returns one that is given up for it.

        That is an older one under the same id, or the oldest one where too many wait. One that is
        said again, word by word, is no other CALL: the first answer is that to both.
        """
        id = opened.call.message_id
        given_up = self._open.pop(id, None)
        self._forget_older(opened)
        if (ahead := self._passed.pop(id, 0)) and given_up is None:
            self._ahead[id] = ahead
        if given_up is not None and given_up.call == opened.call:
            opened, given_up = msgspec.structs.replace(given_up, due=opened.due), None
        elif given_up is None and len(self._open) >= OPEN_LIMIT:
            given_up = self._open.pop(next(iter(self._open)))
            self._give_up(given_up)
        self._open[opened.call.message_id] = opened
        return given_up

    def pass_by(self, message_id: MessageId) -> None:
        """Note a CALL whose answer tells nothing: one that follows may have the same id."""
        if message_id in self._open:
            return  # the answer to that one comes first
        self._passed[message_id] = self._passed.pop(message_id, 0) + 1
        if len(self._passed) > OPEN_LIMIT:
            del self._passed[next(iter(self._passed))]

    def answered(
        self, message_id: MessageId, fits: Callable[[StationCall], bool]
    ) -> OpenCall | None:
        """The CALL that an answer of the back end belongs to; None: none waits for it.

        fits: whether it says what is asked for by a message. One that does not is the answer to an
        earlier CALL with the same id, where there was one.

        A start of a session that was said again under another id needs no answer to its first any
        more: a station waits for the last one.
        """
        waiting, ahead = self._open.get(message_id), self._ahead.pop(message_id, 0)
        if waiting is not None and ahead and not fits(waiting.message):
            if ahead > 1:
                self._ahead[message_id] = ahead - 1
            return None
        self._passed.pop(message_id, None)
        opened = self._open.pop(message_id, None)
        if opened is not None and isinstance(opened.message, SessionStarted):
            same = [
                each for each in self._open.values() if each.call.payload == opened.call.payload
            ]
            for each in same:
                self._give_up(self._open.pop(each.call.message_id))
        return opened

    def answered_late(self, message_id: MessageId) -> OpenCall | None:
        """The CALL that was given up and that an answer belongs to all the same; None: of none."""
        return self._given_up.pop(message_id, None)

    def _give_up(self, opened: OpenCall) -> None:
        self._ahead.pop(opened.call.message_id, None)
        if not isinstance(opened.message, (Booted, SessionStarted)):
            return  # of those a late answer tells nothing
        self._given_up[opened.call.message_id] = opened
        if len(self._given_up) > OPEN_LIMIT:
            del self._given_up[next(iter(self._given_up))]

    def _forget_older(self, newer: OpenCall) -> None:
        """Look no more for the answers to what this one takes the place of: its id, or its boot."""
        self._given_up.pop(newer.call.message_id, None)
        if isinstance(newer.message, Booted):
            self._given_up = {
                id: each
                for id, each in self._given_up.items()
                if not isinstance(each.message, Booted)
            }

    def waits_for(self, opened: OpenCall) -> bool:
        """Whether the answer to this CALL is awaited still."""
        waiting = self._open.get(opened.call.message_id)
        return waiting is not None and waiting.call is opened.call

    def wait_for_start(self) -> bool:
        """Whether the answer to a start of a session (OCPP 1.6) is awaited."""
        return any(isinstance(each.message, SessionStarted) for each in self._open.values())

    def postpone(self, due: float) -> None:
        """Wait for every answer until this time at least: who owes them is away for now.

        Not for one about a token, which proves nothing when it is late.
        """
        for message_id, opened in self._open.items():
            if opened.due < due and not isinstance(opened.message, AuthorizationAsked):
                self._open[message_id] = msgspec.structs.replace(opened, due=due)

    def overdue(self, now: float) -> list[OpenCall]:
        """The CALLs whose time is over, taken out."""
        late = [opened for opened in self._open.values() if opened.due <= now]
        for opened in late:
            self._give_up(self._open.pop(opened.call.message_id))
        return late

    def end(self) -> list[OpenCall]:
        """All CALLs that still wait, taken out: no answer comes any more."""
        rest = list(self._open.values())
        self._open, self._given_up, self._passed, self._ahead = {}, {}, {}, {}
        return rest

    def look_again(self) -> float | None:
        """When `overdue` has something; None: never."""
        return min((opened.due for opened in self._open.values()), default=None)
