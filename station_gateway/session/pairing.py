"""Whose a CALL to a station is, and whose its answer: ours, or the back end's (CSMS) behind us.

Both send CALLs to one station, and the station's answer names nothing but a message id. So each
answer goes to the side whose CALL had its id on the wire, and to no other:

    CALL of either side     id on the wire         the station's answer
    its id is free          the same               to that side, as it is
    its id is taken by      another one, made      to that side, with the id that the CALL had
    the other side          here
    -                       of nobody              to the back end: its matter, as without us

A back end that was lost while the station stays (`lose`) gets none of the answers that are still
owed to it: the one that is back has not asked. Their ids stay taken, also for its own new CALLs.

An id stays taken after its answer, so that a late or a second answer finds its way, too; the oldest
ids are forgotten. Nothing but an id is ever changed in a frame, and only where both sides use the
same one.

It decides and does nothing.
"""

import re
from enum import Enum, auto

import msgspec
import orjson

from station_gateway.session import frames
from station_gateway.session.frames import MessageId

REMEMBERED = 256
"""CALLs of each side whose answers still find their way."""


class Side(Enum):
    """Who sends CALLs to a station."""

    OURS = auto()
    BACK_END = auto()


class Head(msgspec.Struct, frozen=True):
    """Type and id of a frame. id None: it has none that can be read."""

    type_number: int
    message_id: MessageId | None

    @property
    def is_answer(self) -> bool:
        """Whether it answers a CALL."""
        return self.type_number in (frames.CALL_RESULT, frames.CALL_ERROR)


class Paired(msgspec.Struct, frozen=True):
    """To whom an answer goes, and as which text. side None: to nobody, its asker is gone."""

    side: Side | None
    frame: str | bytes


_NO_HEAD = Head(0, None)
_HEAD = re.compile(r'\s*\[\s*([2-6])\s*,\s*("[^"\\\x00-\x1f]*"|-?[0-9]{1,18})\s*[,\]]')


def head_of(frame: str | bytes) -> Head:
    """Type and id of a frame, whatever it is; a type of 0 where there is none."""
    if isinstance(frame, bytes):
        return _NO_HEAD
    match = _HEAD.match(frame)
    if match is not None:
        text = match[2]
        return Head(int(match[1]), text[1:-1] if text[0] == '"' else int(text))
    try:
        parts = orjson.loads(frame)
    except ValueError:
        return _NO_HEAD
    if type(parts) is not list or not parts or type(parts[0]) is not int:
        return _NO_HEAD
    message_id = parts[1] if len(parts) > 1 else None
    return Head(parts[0], message_id if type(message_id) in (str, int) else None)


def with_id(frame: str, message_id: MessageId) -> str:
    """The frame with another id, and nothing else changed where its head is plain."""
    match = _HEAD.match(frame)
    written = orjson.dumps(message_id).decode()
    if match is not None:
        return frame[: match.start(2)] + written + frame[match.end(2) :]
    parts = orjson.loads(frame)
    parts[1] = message_id
    return orjson.dumps(parts).decode()


class Pairing:
    """The ids on the wire to one station."""

    __slots__ = ("_aliases", "_lost", "_owed", "_taken")

    def __init__(self) -> None:
        self._taken: dict[Side, dict[MessageId, MessageId]] = {Side.OURS: {}, Side.BACK_END: {}}
        self._lost: dict[MessageId, None] = {}
        self._owed: set[MessageId] = set()
        self._aliases = 0

    def call(self, side: Side, frame: str) -> str:
        """The frame of a CALL as it is to be written to the station."""
        message_id = head_of(frame).message_id
        if message_id is None:
            return frame
        on_wire = message_id
        while self._is_taken(on_wire, side, message_id):
            self._aliases += 1
            on_wire = f"relay-{self._aliases}"
        self._take(side, on_wire, message_id)
        if side is Side.BACK_END:
            self._owed.add(on_wire)
        return frame if on_wire == message_id else with_id(frame, on_wire)

    def _is_taken(self, on_wire: MessageId, side: Side, message_id: MessageId) -> bool:
        """Whether another CALL has this id on the wire. A side may use an id of its own again."""
        return on_wire in self._lost or any(
            on_wire in taken and (other is not side or taken[on_wire] != message_id)
            for other, taken in self._taken.items()
        )

    def _take(self, side: Side, on_wire: MessageId, message_id: MessageId) -> None:
        taken = self._taken[side]
        taken.pop(on_wire, None)
        taken[on_wire] = message_id
        if len(taken) > REMEMBERED:
            oldest = next(iter(taken))
            del taken[oldest]
            self._owed.discard(oldest)

    def lose(self) -> None:
        """The connection to the back end is over: what the station owes to it goes nowhere."""
        taken = self._taken[Side.BACK_END]
        for on_wire in [each for each in taken if each in self._owed]:
            del taken[on_wire]
            self._lost[on_wire] = None
        while len(self._lost) > REMEMBERED:
            del self._lost[next(iter(self._lost))]
        self._owed.clear()

    def answer(self, frame: str | bytes) -> Paired:
        """To whom a frame of the station goes that is no CALL."""
        on_wire = head_of(frame).message_id
        if on_wire is not None:
            self._owed.discard(on_wire)
            if on_wire in self._lost:
                return Paired(None, frame)
        for side, taken in self._taken.items():
            if on_wire is not None and on_wire in taken and isinstance(frame, str):
                message_id = taken[on_wire]
                same = message_id == on_wire
                return Paired(side, frame if same else with_id(frame, message_id))
        return Paired(Side.BACK_END, frame)
