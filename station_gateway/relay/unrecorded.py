"""The relayed connections of this process of which something may wait to be recorded.

Who reads the facts takes them for all that was said. So two things wait for these connections: a
newer socket of the same station, whose claim ends what the older one may write; and the lease of a
gateway that had lost it (`lease`).
"""

import asyncio
from contextlib import suppress

from station_gateway.relay.relayed_station import RelayedStation


class Unrecorded:
    """The connections by station. Nearly always it is one, and nothing of it waits."""

    def __init__(self) -> None:
        self._stations: dict[str, list[RelayedStation]] = {}

    def add(self, station: RelayedStation) -> None:
        """Copies of this connection may wait from now on."""
        self._stations.setdefault(station.peer.id, []).append(station)

    def discard(self, station: RelayedStation) -> None:
        """It is over, and all of it is recorded."""
        held = self._stations[station.peer.id]
        held.remove(station)
        if not held:
            del self._stations[station.peer.id]

    def connections(self) -> frozenset[str]:
        """The ids of all of them."""
        held = self._stations.values()
        return frozenset(each.peer.connection_id for stations in held for each in stations)

    async def caught_up(self) -> None:
        """Return when all that was passed on until now is recorded, of every station."""
        held = [each for stations in self._stations.values() for each in stations]
        await asyncio.gather(*(each.caught_up() for each in held))

    async def caught_up_with(self, station: str, within_s: float) -> None:
        """Return when that is so for one station, or when the time is over."""
        older = self._stations.get(station)
        if older is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await asyncio.gather(
                    *(each.recorded() if each.ended else each.caught_up() for each in older)
                )
