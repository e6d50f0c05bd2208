"""Flaws in how a station comes, goes, and connects."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from websockets.exceptions import InvalidHandshake

from simulator.behaviour import Behaviour
from simulator.connection.socket import CallRefused, LinkLost

if TYPE_CHECKING:
    from simulator.station import SimulatedStation


@dataclass(frozen=True)
class NeverBootsAfterReset(Behaviour):
    """Accepts a reset, goes down, and stays down."""

    comes_back = False


@dataclass(frozen=True)
class ReportsSessionsAfterBoot(Behaviour):
    """Goes down for a reset at once; the end of what ran is told only after the boot."""

    goes_down_first = True


@dataclass(frozen=True)
class DoubleSocket(Behaviour):
    """Opens a second authenticated connection beside each of its first so many, and answers on it.

    Once closed, the second one stays closed; the first is opened again as by any station.
    """

    times: int = 1

    def connected(self, station: "SimulatedStation") -> None:
        """The twin lives until somebody closes it."""
        if station.connections <= self.times:
            station.spawn(_twin(station))


async def _twin(station: "SimulatedStation") -> None:
    try:
        async with station.opened_twin() as twin:
            station.tell("opened a second connection")
            reading = asyncio.create_task(twin.read())
            try:
                with suppress(LinkLost, CallRefused, TimeoutError):
                    await twin.call("Heartbeat", {}, station.config.call_timeout_s)
                await reading
            finally:
                reading.cancel()
    except (OSError, InvalidHandshake) as error:
        station.tell(f"second connection refused: {error}")
