"""Sockets that have become too old are closed, so that their stations authenticate anew.

A station is let go as from a gateway that drains: with 1012, when no message waits for an answer in
either direction, and its commands wait until it is back. So stations also spread over gateways that
were added since they came. Each socket has an age of its own, up to a tenth below the limit: what
came together does not leave together.
"""

import asyncio
import random
from math import inf

from station_gateway.draining import Drain
from station_gateway.settings import GatewaySettings
from station_gateway.stations.registry import Registry

AGED = "aged"
"""Why a socket was closed, in the metric."""

_SPREAD = 0.1


def leave_time_s(now_s: float, max_age_s: float) -> float:
    """When a socket that opens now has become too old; infinite when there is no limit (0)."""
    if max_age_s <= 0.0:
        return inf
    return now_s + max_age_s * (1.0 - random.uniform(0.0, _SPREAD))  # noqa: S311 - no secret


class OldSockets:
    """Closes the old sockets of one gateway."""

    def __init__(self, registry: Registry, drain: Drain, settings: GatewaySettings) -> None:
        self._registry = registry
        self._drain = drain
        self._settings = settings

    async def run(self) -> None:
        """Look for them regularly, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._settings.sweep_interval_s)
            now_s = loop.time()
            due = [each for each in self._registry if each.peer.leave_s <= now_s and each.idle]
            await self._drain.close(due[: self._settings.drain_batch], AGED)
