"""Which station is at the other end of a socket, for all that handles its messages."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf

from domain.evidence.station_clock import StationClock

KNOWN_SESSIONS = 64
"""1.6 transaction ids that are remembered per connection."""


@dataclass(slots=True)
class Peer:
    """The station at the other end of one socket, as facts and commands need to know it.

    generation: of the station, as the handshake saw it (`fleet.generations`).
    tls: its socket is encrypted, by us or by a proxy. certified: it showed its certificate there.
    leave_s: loop time from which on its socket is too old.
    epoch: of its connection lease; the fleet refuses a send with an older one.
    boot_known: its boot was accepted on an earlier socket.
    boot_accepted: on this one, or it was taken as booted; no command is sent before.
    boot_asked: it has agreed to boot because we asked: its next boot is no restart.
    connection_timeout_s: how long the station waits for the cable; None while it is not known.
    boots: how many boots were accepted on this connection.
    sessions: 1.6 transaction ids that the fleet knows already, bounded; None before the first.
    alive: when a session's sign of life was last written, as bounded.
    registers: the energy register that an EVSE last told without a session, as bounded.
    moves: its gateway closes its socket, so that it goes to another gateway.
    relayed: another back end (CSMS) stands behind the gateway: it answers the station, and gives
        the ids.
    awaits_boot: the transaction of its last boot found a reset of that back end which may be its
        cause; also before one has looked.
    settled_time: when the last CALL of ours had its answer, or was given up.
    clock: what is known of its clocks. stored_clock: what of it the fleet has, since
        clock_stored_time; None: since before this connection.
    """

    id: str
    tenant: str
    ocpp_version: str
    connection_id: str
    generation: str = ""
    tls: bool = False
    certified: bool = False
    leave_s: float = inf
    epoch: int = 0
    boot_known: bool = False
    boot_accepted: bool = False
    boot_asked: bool = False
    connection_timeout_s: float | None = None
    boots: int = 0
    sessions: set[str] | None = None
    alive: dict[str, datetime] = field(default_factory=dict)
    registers: dict[int, int] = field(default_factory=dict)
    clock: StationClock = field(default_factory=StationClock)
    stored_clock: StationClock = field(default_factory=StationClock)
    clock_stored_time: datetime | None = None
    settled_time: datetime | None = None
    relayed: bool = False
    awaits_boot: bool = True
    moves: bool = False

    def knows(self, session: str) -> bool:
        """Whether a session was seen on this connection."""
        return self.sessions is not None and session in self.sessions

    def learn(self, session: str) -> None:
        """Remember a session. All are forgotten when there are too many, and learned again."""
        if self.sessions is None or len(self.sessions) >= KNOWN_SESSIONS:
            self.sessions = set()
        self.sessions.add(session)

    def forget(self, session: str) -> None:
        """Take a session for one that was never seen."""
        if self.sessions is not None:
            self.sessions.discard(session)

    def must_note_life(self, session: str, now: datetime, pace: timedelta) -> bool:
        """Whether a sign of life of a session is to be written now: at most one in each pace."""
        last = self.alive.get(session)
        if last is not None and now < last + pace:
            return False
        if len(self.alive) >= KNOWN_SESSIONS:
            self.alive.clear()
        self.alive[session] = now
        return True

    def note_next_life(self) -> None:
        """Have the next sign of life of each session written, whenever the last one was."""
        self.alive.clear()

    def booted(self) -> None:
        """Note that a boot is accepted and recorded."""
        self.boot_accepted = True
        self.boots += 1

    def held(self) -> None:
        """Note that we do not accept its boot: it gets no commands."""
        self.boot_accepted = self.boot_known = False
