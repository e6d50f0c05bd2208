"""How a station answers. The default is honest; tests and the hostile modes put their own here."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.messages import Answer, Payload

if TYPE_CHECKING:
    from simulator.station import SimulatedStation


@dataclass(frozen=True)
class IncomingCall:
    """A CALL of the back end, before it is answered."""

    station: "SimulatedStation"
    action: str
    payload: Payload

    def honest(self) -> Answer:
        """What the charger says; its state changes with it. Ask once."""
        return self.station.honest_answer(self.action, self.payload)


class Behaviour:
    """Answers at once and honestly. Override `answer` for anything else."""

    async def answer(self, call: IncomingCall) -> Answer | None:
        """The answer to send, when it is time to; None sends nothing."""
        return call.honest()
