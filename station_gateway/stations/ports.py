"""What a connected station needs of others: a socket, and somebody who answers its CALLs.

With these ports only `sockets/` knows the websocket library, and only `facts/` knows what a message
of a station writes down. The simulation gives a station other sockets.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from station_gateway.dialects.mending.mends import Mends
from station_gateway.dialects.messages import Confirmation, StationCall
from station_gateway.session.events import Untaken
from station_gateway.stations.peer import Peer


class SocketGone(Exception):
    """Nothing can be read or written any more; the text is a word for metrics and log."""


class BackEndAway(Exception):
    """A back end (CSMS) did not take a connection; the text is a word for metrics and log.

    retry_after_s: 0 when it did not tell when to come again. final: it does not want this station,
    or the station is not its any longer.
    """

    retry_after_s: int = 0
    final: bool = False


class TextSocket(Protocol):
    """The socket of one station. `sockets.station_socket.StationSocket` implements it.

    heard_s: loop time when the peer last sent a byte. pinged: a ping of ours has no answer yet.
    """

    heard_s: float
    pinged: bool

    @property
    def alive(self) -> bool:
        """Whether what is written now goes out, as far as anybody can know."""

    @property
    def backlog(self) -> int:
        """How many frames have arrived that nobody has read yet."""

    @property
    def close_code(self) -> int | None:
        """The websocket close code, once the socket is closed."""

    async def read(self) -> str | bytes:
        """The next message. Raises: SocketGone."""

    def write(self, frame: str | bytes) -> None:
        """Hand one frame to the transport, text or binary; a closed socket swallows it."""

    async def flowing(self) -> None:
        """Return when the peer takes our bytes. Raises: SocketGone."""

    def ping_now(self) -> None:
        """Ask the peer whether it lives. Whatever it sends next is the answer."""

    async def answers(self, within_s: float) -> bool:
        """Whether the peer answers a ping in this time, and does not close instead."""

    def hang_up(self, code: int, reason: str) -> None:
        """Start closing without waiting."""

    def abort(self) -> None:
        """End TCP at once."""


Redial = Callable[[], Awaitable[TextSocket]]
"""Connects to the back end of one station once more. Raises: BackEndAway."""


class Unanswered(Exception):
    """The message gets no answer: its fact could not be written, so the station must keep it."""


class ReportBook(Protocol):
    """Keeps what was odd in the reports of stations. `facts.reports.OddReports` implements it."""

    async def untaken(self, peer: Peer, told: Untaken) -> None:
        """Keep a report that nobody could take. Never raises."""

    async def taken(self, peer: Peer, told: Untaken) -> None:
        """A report that was kept for its reason was taken after all. Never raises."""

    async def persist(
        self, peer: Peer, action: str, write: Callable[[], Awaitable[object]]
    ) -> None:
        """Try to write until the database is back. Never raises."""

    def mended(self, peer: Peer, action: str, mends: Mends) -> bool:
        """Count a message that was mended. Returns whether to flush soon."""

    async def flush(self) -> None:
        """Write what was counted."""


class CallHandler(Protocol):
    """Does what a message of a station asks for. `facts.handlers.Handlers` implements it."""

    async def handle(self, peer: Peer, call: StationCall) -> Confirmation:
        """Do it and say what to answer. Raises: Unanswered."""

    async def take_as_booted(self, peer: Peer) -> None:
        """Record that a station without a boot counts as booted, unless boots are held.

        Raises: Unanswered when it could not be recorded.
        """
