"""What a station may do otherwise than the standard says. The default is honest in everything.

The station asks its behaviour at each of these points, and nowhere else: a flaw overrides one or
two of them. Behaviours keep no state of their own, so that one may serve several stations.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from simulator.dialects.messages import Answer, Payload
from simulator.charger.model import Event, Reservation

if TYPE_CHECKING:
    from simulator.charger.charger import Charger
    from simulator.station import SimulatedStation

Frame = list[Any]


@dataclass(frozen=True)
class IncomingCall:
    """A CALL of the back end, before it is answered."""

    station: "SimulatedStation"
    action: str
    payload: Payload

    def honest(self) -> Answer:
        """What the charger says; its state changes with it. Ask once."""
        return self.station.honest_answer(self.action, self.payload)


Answering = Callable[[IncomingCall], Awaitable[Answer | None]]


class Behaviour:
    """Honest. Override what shall be otherwise."""

    goes_down_first: bool = False
    """A reset: what ran is ended, and told, only after the boot."""

    comes_back: bool = True
    """It boots after a reset."""

    async def answer(self, call: IncomingCall, inner: Answering) -> Answer | None:
        """The answer to send, when it is time to; None sends nothing. `inner` answers honestly."""
        return await inner(call)

    def written(self, frame: Frame) -> list[Frame]:
        """The frames that are written instead of this one."""
        return [frame]

    def now(self, true_time: datetime) -> datetime:
        """What the station's clock shows."""
        return true_time

    def keeps(self, reservation: Reservation) -> bool:  # noqa: ARG002
        """A hold stays although its time is over."""
        return False

    def rebooting(self, charger: "Charger", now: datetime) -> list[Event]:  # noqa: ARG002
        """Happens while the station is down."""
        return []

    def connected(self, station: "SimulatedStation") -> None:
        """Happens after every connection, once the station is booted."""


class Combined(Behaviour):
    """Several at once. The first is the outermost: it sees what the others made of an answer."""

    def __init__(self, parts: Sequence[Behaviour]) -> None:
        self._parts = tuple(parts)
        self.goes_down_first = any(part.goes_down_first for part in parts)
        self.comes_back = all(part.comes_back for part in parts)

    async def answer(self, call: IncomingCall, inner: Answering) -> Answer | None:
        """Each part gets what the parts behind it would say."""
        answering = inner
        for part in reversed(self._parts):
            answering = _around(part, answering)
        return await answering(call)

    def written(self, frame: Frame) -> list[Frame]:
        """From the innermost to the outermost."""
        frames = [frame]
        for part in reversed(self._parts):
            frames = [written for each in frames for written in part.written(each)]
        return frames

    def now(self, true_time: datetime) -> datetime:
        """One error on top of the other."""
        shown = true_time
        for part in reversed(self._parts):
            shown = part.now(shown)
        return shown

    def keeps(self, reservation: Reservation) -> bool:
        """One is enough."""
        return any(part.keeps(reservation) for part in self._parts)

    def rebooting(self, charger: "Charger", now: datetime) -> list[Event]:
        """All of them, in their order."""
        return [event for part in self._parts for event in part.rebooting(charger, now)]

    def connected(self, station: "SimulatedStation") -> None:
        """All of them, in their order."""
        for part in self._parts:
            part.connected(station)


def _around(part: Behaviour, inner: Answering) -> Answering:
    async def answering(call: IncomingCall) -> Answer | None:
        return await part.answer(call, inner)

    return answering
