"""Who makes a call, and what it may do. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from broker.places import Holder, Share
from broker.settings import Right
from fleet.log.event_log import Filter

DEFAULT_TENANT = "default"


@dataclass(frozen=True)
class Caller:
    """Who made a call. `name` is empty when the broker runs without credentials.

    rights: which calls the caller may make. Without credentials: all.
    groups: beginnings of the identities of the stations that the caller may see and command.
    Empty: all stations of its tenant.
    until: when its credential ends. None: never.
    call_rate: reads a second, and changes a second, that it may make. 0: as many as it likes. None:
    as many as the broker's setting says.
    """

    name: str = ""
    tenant: str = DEFAULT_TENANT
    rights: frozenset[Right] = frozenset(Right)
    groups: tuple[str, ...] = ()
    until: datetime | None = None
    call_rate: float | None = None

    def covers(self, station: str) -> bool:
        """Whether the caller may see and command this station of its tenant."""
        return not self.groups or station.startswith(self.groups)

    def limited(self, which: Filter) -> Filter:
        """A selection without what the caller may not see."""
        return replace(which, groups=self.groups)

    @property
    def shares(self) -> dict[Share, Holder]:
        """The shares from which the caller takes places. None without credentials."""
        if not self.name:
            return {}
        return {Share.TENANT: (self.tenant,), Share.CREDENTIAL: (self.tenant, self.name)}
