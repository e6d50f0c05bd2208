"""What a station said to another back end (CSMS) that is away, until that one is back.

A frame goes out at once while the back end is there. While it is away the frames wait, in their
order and within limits. When it is back they go out again: a CALL only after the answer to the one
before, so that the back end hears one CALL at a time, as from any station.

    the station's frame      the back end is away          it is back
    CALL                     waits                         goes out in its turn
    the same CALL again      takes the place of its first  -
    open CALL                waits before all others       goes out once more, with the same id
    SEND, what nobody reads  waits                         goes out in its turn
    answer                   nobody asked for it: dropped  goes out at once

Nothing is answered here: an answer is the back end's, or there is none. What has no room any more
is an error, so that whoever keeps the socket can end it.

It decides and does nothing.
"""

from collections import deque

from station_gateway.session import frames
from station_gateway.session.copies import FIXED_BYTES, Allowance
from station_gateway.session.frames import MessageId
from station_gateway.session.pairing import head_of, with_id

OPEN_LIMIT = 16
"""CALLs of a station that wait for their answers; older ones the station has given up by now."""

Frame = str | bytes


class NoRoom(Exception):
    """The frame is more than may wait; it was not kept."""


class StationOutbox:
    """The frames of one station on their way to its back end.

    repeated: CALLs that a later one of the same words replaced. unasked: answers that were dropped.
    """

    __slots__ = (
        "_allowance",
        "_away",
        "_bytes",
        "_bytes_limit",
        "_frames_limit",
        "_open",
        "_out",
        "_waiting",
        "repeated",
        "unasked",
    )

    def __init__(self, *, frames_limit: int, bytes_limit: int, allowance: Allowance) -> None:
        self._frames_limit = frames_limit
        self._bytes_limit = bytes_limit
        self._allowance = allowance
        self._open: dict[MessageId, Frame] = {}
        self._waiting: deque[Frame] = deque()
        self._bytes = 0
        self._away = False
        self._out: MessageId | None = None
        self.repeated = self.unasked = 0

    def __len__(self) -> int:
        """How many frames wait."""
        return len(self._waiting)

    @property
    def held_bytes(self) -> int:
        """What the frames that wait and the open CALLs hold."""
        return self._bytes

    @property
    def replays(self) -> bool:
        """Whether the back end is there and has not heard everything yet."""
        return not self._away and (self._out is not None or bool(self._waiting))

    @property
    def out(self) -> MessageId | None:
        """The id of the CALL whose answer the next frame waits for."""
        return self._out

    def say(self, frame: Frame) -> list[Frame]:
        """The frames that go out now because the station said this one. Raises: NoRoom."""
        head = head_of(frame)
        if self._away and head.is_answer:
            self.unasked += 1
            return []
        if head.is_answer:
            return [frame]
        if self._away or self.replays:
            self._keep(frame)
            return []
        if head.type_number == frames.CALL and head.message_id is not None:
            self._begin(head.message_id, frame)
        return [frame]

    def answered(self, message_id: MessageId | None) -> list[Frame]:
        """The back end answered a CALL: the frames that go out now."""
        if message_id is None:
            return []
        if self._away:  # the answer came before the end, and is read after it
            self._drop_waiting(message_id)
        self._forget(message_id)
        return self.turn_over() if message_id == self._out else []

    def turn_over(self) -> list[Frame]:
        """Nobody waits for the answer to the CALL that is out any longer: what goes out now."""
        self._out = None
        return self._go_on()

    def lose(self) -> None:
        """The back end is away: open CALLs wait again, before all others."""
        self._away, self._out = True, None
        self._waiting.extendleft(reversed(self._open.values()))
        self._open = {}

    def connect(self) -> list[Frame]:
        """The back end is back: the frames that go out now."""
        self._away = False
        return self._go_on()

    def end(self) -> int:
        """The station is gone. Returns how many frames the back end never heard."""
        given_up = len(self._waiting)
        self._allowance.give_back(self._bytes)
        self._bytes, self._open = 0, {}
        self._waiting.clear()
        return given_up

    def _go_on(self) -> list[Frame]:
        going: list[Frame] = []
        while self._waiting and not self._away and self._out is None:
            frame = self._waiting.popleft()
            self._give_back(frame)
            going.append(frame)
            head = head_of(frame)
            if head.type_number == frames.CALL and head.message_id is not None:
                self._out = head.message_id
                self._begin(head.message_id, frame)
        return going

    def _begin(self, message_id: MessageId, frame: Frame) -> None:
        """Keep a CALL that goes out until its answer, where there is room."""
        self._forget(message_id)
        while self._open and (len(self._open) >= OPEN_LIMIT or not self._fits(frame)):
            self._forget(next(iter(self._open)))
        if self._fits(frame) and self._allowance.take(_cost(frame)):
            self._bytes += _cost(frame)
            self._open[message_id] = frame

    def _forget(self, message_id: MessageId) -> None:
        frame = self._open.pop(message_id, None)
        if frame is not None:
            self._give_back(frame)

    def _drop_waiting(self, message_id: MessageId) -> None:
        for frame in self._waiting:
            head = head_of(frame)
            if head.type_number == frames.CALL and head.message_id == message_id:
                self._waiting.remove(frame)
                self._give_back(frame)
                return

    def _keep(self, frame: Frame) -> None:
        if self._waiting and _says_again(self._waiting[-1], frame):
            self._give_back(self._waiting.pop())
            self.repeated += 1
        has_room = len(self._waiting) < self._frames_limit and self._fits(frame)
        if not has_room or not self._allowance.take(_cost(frame)):
            raise NoRoom
        self._bytes += _cost(frame)
        self._waiting.append(frame)

    def _fits(self, frame: Frame) -> bool:
        return self._bytes + _cost(frame) <= self._bytes_limit

    def _give_back(self, frame: Frame) -> None:
        self._bytes -= _cost(frame)
        self._allowance.give_back(_cost(frame))


def _cost(frame: Frame) -> int:
    """The bytes that a frame holds at most."""
    odd = isinstance(frame, str) and not frame.isascii()
    return FIXED_BYTES + len(frame) * (4 if odd else 1)


def _says_again(older: Frame, newer: Frame) -> bool:
    """Whether a CALL is the one before it, said once more: only its id may be another one."""
    if isinstance(older, bytes) or isinstance(newer, bytes):
        return False
    heads = (head_of(older), head_of(newer))
    if any(head.type_number != frames.CALL or head.message_id is None for head in heads):
        return False
    return with_id(older, "") == with_id(newer, "")
