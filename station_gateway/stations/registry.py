"""Which stations have their socket in this process: at most one socket per station."""

from collections.abc import Iterator

from station_gateway.stations.station import ConnectedStation
from telemetry import metrics

REPLACED = 1008
"""The websocket close code for a socket that a newer one replaces (policy violation)."""


class Registry:
    """Stations by id. The newest authenticated socket wins, by the epoch of its lease."""

    def __init__(self) -> None:
        self._by_id: dict[str, ConnectedStation] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[ConnectedStation]:
        return iter(list(self._by_id.values()))

    def get(self, station: str) -> ConnectedStation | None:
        """The station's socket, when it is here and alive."""
        found = self._by_id.get(station)
        return None if found is None or found.ended else found

    def put(self, station: ConnectedStation) -> bool:
        """Make this socket the station's only one. The older one is out; its CALL ends at once.

        Returns False when a newer socket is here already: then the caller closes this one.
        """
        incumbent = self._by_id.get(station.peer.id)
        if incumbent is not None and incumbent.peer.epoch > station.peer.epoch:
            return False
        self._by_id[station.peer.id] = station
        metrics.CONNECTED_STATIONS.labels(version=station.peer.ocpp_version).inc()
        if incumbent is not None:
            _count_down(incumbent)
            incumbent.displace()
        return True

    def remove(self, station: ConnectedStation) -> bool:
        """Forget this socket. False when another one has replaced it: nothing is removed then."""
        if self._by_id.get(station.peer.id) is not station:
            return False
        del self._by_id[station.peer.id]
        _count_down(station)
        return True


def _count_down(station: ConnectedStation) -> None:
    metrics.CONNECTED_STATIONS.labels(version=station.peer.ocpp_version).dec()
