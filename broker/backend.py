"""What every servicer works with."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from broker.reading.following import LogFollower
from broker.reading.open_watches import OpenWatches
from broker.settings import BrokerSettings
from broker.temporal import Temporal
from fleet.database import Database
from fleet.keys import Passwords, Sealer


@dataclass(frozen=True)
class Backend:
    """The broker's own things: one of each in a process.

    draining: set when the process ends; whoever waits returns then.
    """

    db: Database
    temporal: Temporal
    sealer: Sealer
    passwords: Passwords
    follower: LogFollower
    watches: OpenWatches
    settings: BrokerSettings
    draining: asyncio.Event

    def now(self) -> datetime:
        """The time, for everything that is decided in the broker."""
        return datetime.now(UTC)
