"""Who is at the other end of a socket, for everything that handles its messages."""

from dataclasses import dataclass

KNOWN_SESSIONS = 64


@dataclass(slots=True)
class Peer:
    """One connected station.

    epoch: of its connection lease; a send with an older one is refused by the fleet.
    boot_accepted: nothing is sent before.
    boots: how many boots were accepted on this connection.
    sessions: 1.6 transaction ids that the fleet knows already, bounded; None before the first.
    """

    id: str
    tenant: str
    ocpp_version: str
    connection_id: str
    epoch: int = 0
    boot_accepted: bool = False
    connection_timeout_s: float | None = None
    boots: int = 0
    sessions: set[str] | None = None

    def knows(self, session: str) -> bool:
        """Whether a session was seen on this connection."""
        return self.sessions is not None and session in self.sessions

    def learn(self, session: str) -> None:
        """Remember a session; forgets all of them when there are absurdly many."""
        if self.sessions is None or len(self.sessions) >= KNOWN_SESSIONS:
            self.sessions = set()
        self.sessions.add(session)

    def booted(self) -> None:
        """Its boot is accepted and written down."""
        self.boot_accepted = True
        self.boots += 1
