"""What a station of a pool writes down beside its truth: when it was there, what was broken."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Presence:
    """A time at which it had a connection. unseen: no gateway was told that this had ended."""

    begin: datetime
    end: datetime | None = None
    unseen: bool = False


@dataclass
class Fault:
    """A time at which an EVSE was out of order."""

    evse: int
    begin: datetime
    end: datetime | None = None


@dataclass
class PoolRecord:
    """What a station of a pool writes down beside its truth."""

    present: list[Presence] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
