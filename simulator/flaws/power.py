"""Flaws in how a station boots, goes down, and connects."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from websockets.exceptions import InvalidHandshake

from simulator.behaviour import Behaviour
from simulator.connection.socket import CallErrorReceived, SocketLost

if TYPE_CHECKING:
    from simulator.station import SimulatedStation


@dataclass(frozen=True)
class NeverBootsAfterReset(Behaviour):
    """Accepts a reset, goes down, and stays down."""

    comes_back = False


@dataclass(frozen=True)
class ReportsSessionsAfterBoot(Behaviour):
    """Goes down for a reset at once, and reports the ends of its sessions only after the boot."""

    goes_down_first = True


@dataclass(frozen=True)
class DoubleSocket(Behaviour):
    """Opens a second authenticated connection beside each of its first so many connections.

    It answers commands on the second one. When the second one is closed, it stays closed.
    """

    times: int = 1

    def connected(self, station: "SimulatedStation") -> None:
        """Opens the second connection beside one of the first."""
        if station.connections <= self.times:
            station.spawn(_second_connection(station))


async def _second_connection(station: "SimulatedStation") -> None:
    try:
        async with station.opened_second_socket() as second:
            station.tell("opened a second connection")
            reading = asyncio.create_task(second.read())
            try:
                with suppress(SocketLost, CallErrorReceived, TimeoutError):
                    await second.call("Heartbeat", {}, station.config.call_timeout_s)
                await reading
            finally:
                reading.cancel()
    except (OSError, InvalidHandshake) as error:
        station.tell(f"second connection refused: {error}")
