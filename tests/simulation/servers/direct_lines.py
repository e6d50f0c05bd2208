"""The gateways' direct lines in a world: slow at times, cut at times, on either side of the work.

A request that is lost was never there; a reply that is lost says nothing of the frame that its
gateway took; a gateway that is killed in between says nothing either.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from contract.commands import SendFrameInput
from domain.model.ways import LineUse
from station_gateway.gateway import Gateway
from tests.simulation.repeatable.chance import Chance
from tests.simulation.servers.processes import Process
from workflows.activities.offers import Offered

WAIT_S = 1.5


class House(Protocol):
    """A gateway in its process."""

    process: Process
    gateway: Gateway


class DirectLines:
    """The worker's end of all lines. loses: how often a message is lost, in each direction."""

    def __init__(self, houses: Sequence[House], chance: Chance, *, loses: float) -> None:
        self._houses = houses
        self._chance = chance
        self._loses = loses

    async def offer(self, gateway: str, address: str, frame: SendFrameInput) -> Offered:
        """As `workflows.activities.lines.DirectLines.offer`."""
        if not address:
            return Offered(LineUse.NO_LINE)
        await asyncio.sleep(self._chance.latency())
        house = next((one for one in self._houses if one.gateway.gateway_id == gateway), None)
        if house is None or not house.process.alive or self._chance.happens(self._loses):
            return Offered(LineUse.UNREACHABLE)
        working = house.process.spawn(house.gateway.runs.offer(frame, WAIT_S))
        await asyncio.wait({working}, timeout=WAIT_S + 1.0)
        await asyncio.sleep(self._chance.latency())
        lost = self._chance.happens(self._loses) or not house.process.alive
        if lost or not working.done():
            return Offered(LineUse.NO_REPLY)
        sent = working.result()
        return Offered(LineUse.PENDING) if sent is None else Offered(LineUse.USED, sent)
