"""A station of a pool: it can break down at one EVSE, and keeps a record of when it was there."""

from typing import Any

from tests.simulation.bookings.pool_record import Fault, PoolRecord, Presence
from tests.simulation.servers.wire import Wire
from tests.simulation.station.station import Station


class PoolStation(Station):
    """One station of a pool. id: its identity."""

    def __init__(self, id: str, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.id = id
        self.record = PoolRecord()
        self._broken: set[int] = set()

    # --- connections

    def _connect(self) -> None:
        super()._connect()
        if self.wire is not None:
            self.record.present.append(Presence(self.loop.utc_now()))

    def drop(self, *, away_s: float | None = None, quiet: bool = False) -> None:
        """Lose the connection, and write it down."""
        self._left(unseen=quiet)
        super().drop(away_s=away_s, quiet=quiet)

    def hung_up(self, wire: Wire) -> None:
        """See `wire.StationEnd`."""
        if wire is self.wire:  # the other side has gone: nobody may have told that it had
            self._left(unseen=True)
        super().hung_up(wire)

    def _left(self, *, unseen: bool) -> None:
        for one in self.record.present[-1:]:
            if one.end is None:
                one.end, one.unseen = self.loop.utc_now(), unseen

    # --- faults

    def breaks(self, evse: int) -> None:
        """An EVSE is out of order: what runs there goes on, and nothing begins."""
        self._broken.add(evse)
        self.record.faults.append(Fault(evse, self.loop.utc_now()))
        self.tell(f"EVSE {evse} is out of order")
        self.status_now(evse)

    def mended(self, evse: int) -> None:
        """It works again."""
        self._broken.discard(evse)
        for one in self.record.faults:
            if one.evse == evse and one.end is None:
                one.end = self.loop.utc_now()
        self.status_now(evse)

    def is_taken(self, evse: int) -> bool:
        """Nobody begins anything at an EVSE that is out of order."""
        return evse in self._broken or super().is_taken(evse)

    def status_now(self, evse: int) -> None:
        """Report how the connector really is."""
        if evse in self._broken and self.on_evse(evse) is None:
            self.status(evse, "Faulted")
            return
        super().status_now(evse)

    # --- drivers

    def leave(self, evse: int) -> None:
        """Whoever charges there ends it, and drives away."""
        session = self.on_evse(evse)
        if session is not None:
            self.end_session(session, "driver", "Local")
        if self.plugged[evse]:
            self.plugged[evse] = False
            self.status_now(evse)
