"""What both kinds of our websockets have in common: a station's, and the one to a back end.

It is the connection of `websockets` with other rules for reading, writing and closing: a message
that arrived is read before the end is told, a write never waits, and a peer that does not take our
bytes is cut.
"""

import asyncio

from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed, TooManyFragments
from websockets.protocol import State

from station_gateway.stations.ports import SocketGone


class PeerSocket(Connection):
    """One websocket.

    write_timeout_s: how long it may refuse our bytes before it counts as dead.
    heard_s: loop time when the last byte came. pinged: a ping of ours has no answer yet.
    """

    write_timeout_s: float
    heard_s: float = 0.0
    pinged: bool = False
    _end: str = "closed"

    async def read(self) -> str | bytes:
        """The next message. Messages that arrived before the end are read before the end is told.

        Raises:
            SocketGone: as soon as either side began to close, not only when TCP has ended.
        """
        try:
            return await self.recv_messages.get()
        except EOFError as error:
            raise SocketGone(self._end) from error
        except UnicodeDecodeError as error:
            self.hang_up(1007, "text that is not UTF-8")
            raise SocketGone("not_utf8") from error
        except TooManyFragments as error:
            self.hang_up(1009, "too many fragments")
            raise SocketGone("too_many_fragments") from error

    @property
    def alive(self) -> bool:
        """Whether nobody has begun to close it."""
        return self.state is State.OPEN and not self.transport.is_closing()

    @property
    def backlog(self) -> int:
        """How many frames have arrived that nobody has read yet."""
        return len(self.recv_messages.frames)

    def write(self, frame: str | bytes) -> None:
        """Hand one frame to the transport, text or binary; a closed socket swallows it."""
        if self.state is not State.OPEN:
            return
        if isinstance(frame, str):
            self.protocol.send_text(frame.encode())
        else:
            self.protocol.send_binary(frame)
        self.send_data()

    async def flowing(self) -> None:
        """Return when the peer takes our bytes.

        Raises:
            SocketGone: it did not for too long; the connection is cut.
        """
        if not self.paused:
            return
        try:
            async with asyncio.timeout(self.write_timeout_s):
                await self.drain()
        except (TimeoutError, OSError) as error:
            self.transport.abort()
            raise SocketGone("stuck") from error

    def ping_now(self) -> None:
        """Ask the peer whether it lives. Whatever it sends next is the answer."""
        if self.state is State.OPEN and not self.paused:
            self.pinged = True
            self.protocol.send_ping(b"")
            self.send_data()

    async def answers(self, within_s: float) -> bool:
        """Whether the peer answers a ping in this time, and does not close instead."""
        try:
            async with asyncio.timeout(within_s):
                await (await self.ping())
        except (TimeoutError, ConnectionClosed):
            return False
        return True

    def abort(self) -> None:
        """End TCP at once."""
        self.transport.abort()

    def hang_up(self, code: int, reason: str) -> None:
        """Start closing without waiting. TCP ends after the closing timeout at the latest."""
        if self.state is State.OPEN:
            self.protocol.send_close(code, reason)
            self.send_data()
            self.recv_messages.close()
            self.loop.call_later(self.close_timeout or 0.0, self.transport.abort)
