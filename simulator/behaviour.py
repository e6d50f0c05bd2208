"""The points at which a station may deviate from the standard. The default never deviates.

The station asks its Behaviour at these points and at no others. A flaw overrides one or two of the
methods. A Behaviour has no state, so that one object may serve several stations.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from simulator.charger.model import Event, SimulatedReservation
from simulator.dialects.messages import CallAnswer, Payload

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

    def honest(self) -> CallAnswer:
        """The charger's own answer. Call it once only: the state of the charger changes."""
        return self.station.honest_answer(self.action, self.payload)


Answering = Callable[[IncomingCall], Awaitable[CallAnswer | None]]


class Behaviour:
    """An honest station. Flaws override its methods."""

    goes_down_first: bool = False
    """Whether a reset sends the ends of sessions only after the boot."""

    comes_back: bool = True
    """Whether it boots after a reset."""

    boots: bool = True
    """Whether it sends BootNotification when it connects for the first time."""

    reports_power_cuts: bool = True
    """Whether it reports the sessions that a power cut has ended."""

    async def answer(self, call: IncomingCall, inner: Answering) -> CallAnswer | None:
        """Returns the answer to send, at the time to send it. None sends no answer.

        inner: the answer without this flaw.
        """
        return await inner(call)

    def written(self, frame: Frame) -> list[Frame]:
        """The frames to write instead of this one."""
        return [frame]

    def spelled(self, frame: Frame, text: str) -> str:  # noqa: ARG002
        """The text to write for a frame."""
        return text

    def message_id(self, number: int, usual: str) -> str:  # noqa: ARG002
        """The message id of the station's CALL of this number."""
        return usual

    def takes_answer(self, connections: int, action: str, sent: Payload) -> bool:  # noqa: ARG002
        """Whether the answer to a message reaches it. When not, the connection is lost with it.

        connections: how many there were so far.
        """
        return True

    def now(self, true_time: datetime) -> datetime:
        """The time that the station's clock shows."""
        return true_time

    def keeps(self, reservation: SimulatedReservation) -> bool:  # noqa: ARG002
        """Whether a reservation stays after its expiry."""
        return False

    def rebooting(self, charger: "Charger", now: datetime) -> list[Event]:  # noqa: ARG002
        """Changes the charger while the station is down; returns the events."""
        return []

    def connected(self, station: "SimulatedStation") -> None:
        """Is called after every connection, when the station has booted."""


class Combined(Behaviour):
    """Several behaviours at once. The first is the outermost: it gets the answers of the others."""

    def __init__(self, parts: Sequence[Behaviour]) -> None:
        self._parts = tuple(parts)
        self.goes_down_first = any(part.goes_down_first for part in parts)
        self.comes_back = all(part.comes_back for part in parts)
        self.boots = all(part.boots for part in parts)
        self.reports_power_cuts = all(part.reports_power_cuts for part in parts)

    async def answer(self, call: IncomingCall, inner: Answering) -> CallAnswer | None:
        """Each part gets the answer of the parts behind it."""
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

    def spelled(self, frame: Frame, text: str) -> str:
        """From the innermost to the outermost."""
        for part in reversed(self._parts):
            text = part.spelled(frame, text)
        return text

    def message_id(self, number: int, usual: str) -> str:
        """From the innermost to the outermost."""
        for part in reversed(self._parts):
            usual = part.message_id(number, usual)
        return usual

    def takes_answer(self, connections: int, action: str, sent: Payload) -> bool:
        """Whether it gets through all parts."""
        return all(part.takes_answer(connections, action, sent) for part in self._parts)

    def now(self, true_time: datetime) -> datetime:
        """The errors of all parts add up."""
        shown = true_time
        for part in reversed(self._parts):
            shown = part.now(shown)
        return shown

    def keeps(self, reservation: SimulatedReservation) -> bool:
        """Whether any part keeps it."""
        return any(part.keeps(reservation) for part in self._parts)

    def rebooting(self, charger: "Charger", now: datetime) -> list[Event]:
        """The changes of all parts, in their order."""
        return [event for part in self._parts for event in part.rebooting(charger, now)]

    def connected(self, station: "SimulatedStation") -> None:
        """Calls all parts, in their order."""
        for part in self._parts:
            part.connected(station)


def _around(part: Behaviour, inner: Answering) -> Answering:
    async def answering(call: IncomingCall) -> CallAnswer | None:
        return await part.answer(call, inner)

    return answering
