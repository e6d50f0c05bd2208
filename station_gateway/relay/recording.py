"""What a recorder of a relayed station works with: the station, and what all recorders share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fleet.database import Database
from fleet.keys import Sealer
from station_gateway.dialects.messages import StationCall
from station_gateway.session.copies import Allowance
from station_gateway.settings import GatewaySettings
from station_gateway.stations.peer import Peer
from station_gateway.stations.ports import CallHandler
from station_gateway.stations.standing import Revoked
from station_gateway.stations.station import Surroundings

HandlersAt = Callable[[Callable[[], datetime]], CallHandler]
"""Makes handlers of messages whose clock is the one given: what they write has its time."""


class RecordedStation(Protocol):
    """The station whose messages are recorded. Its methods return at once."""

    peer: Peer

    def heard(self, message: StationCall) -> None:
        """The facts of this message are written; one without an answer that it needs tells none."""

    def revoke(self, over: Revoked) -> None:
        """The socket is no longer its station's."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What the recorders of all stations of a process share.

    allowance: of the copies that wait. held: of the frames that wait for a back end that is away.
    """

    settings: GatewaySettings
    db: Database
    sealer: Sealer
    surroundings: Surroundings
    handlers_at: HandlersAt
    allowance: Allowance
    held: Allowance
