"""What every servicer works with."""

import asyncio
from dataclasses import dataclass

from broker.reading.following import LogFollower
from broker.reading.open_watches import OpenWatches
from broker.settings import BrokerSettings
from broker.temporal import Temporal
from fleet.database import Database
from fleet.keys import Passwords, Sealer
from journal.clock import Clock


@dataclass(frozen=True)
class Backend:
    """The broker's own things: one of each in a process.

    draining: set when the process ends; whoever waits returns then.
    now: the time, for everything that is decided in the broker.
    """

    db: Database
    temporal: Temporal
    sealer: Sealer
    passwords: Passwords
    follower: LogFollower
    watches: OpenWatches
    settings: BrokerSettings
    draining: asyncio.Event
    now: Clock
