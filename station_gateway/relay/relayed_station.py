"""A station that another back end (CSMS) serves: each frame is passed on, as the bytes that it was.

    station  --- frame --->  back end        first it is passed on,
    station  <-- frame ----  back end        then a copy is recorded

The back end answers the station, boots it, judges its tokens and gives its ids. Nothing of that is
done here. In the mode `observe` not one byte of ours goes to the station: it is sent no command and
asked no question.

When one side ends, the other side's socket is closed: a station keeps its own queue of messages and
connects again, and no message is only with us.
"""

import asyncio

import structlog

from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import Booted, StationCall
from station_gateway.relay.recorder import Recorder, Recording
from station_gateway.session.copies import From
from station_gateway.session.events import POLICY_VIOLATION
from station_gateway.stations.peer import Peer
from station_gateway.stations.ports import SocketGone, TextSocket
from station_gateway.stations.station import ConnectedStation
from station_gateway.stations.waiting import StationGone, StationQueue
from telemetry import metrics

log = structlog.get_logger(__name__)

SERVICE_RESTART = 1012
GOING_AWAY = 1001
"""Websocket close codes (RFC 6455 section 7.4.1, and the registry of IANA)."""


class RelayedStation(ConnectedStation):
    """One socket of a station and the socket to its back end, until either ends."""

    __slots__ = ("_pump", "_recorder", "_upstream")

    def __init__(
        self,
        socket: TextSocket,
        upstream: TextSocket,
        peer: Peer,
        dialect: Dialect,
        recording: Recording,
    ) -> None:
        super().__init__(socket, peer, dialect, recording.surroundings)
        self._upstream = upstream
        self._recorder = Recorder(self, dialect, recording)
        self._pump: asyncio.Task[None] | None = None

    @property
    def sockets(self) -> tuple[TextSocket, ...]:
        """Both websockets, for pings and closing."""
        return (self._socket, self._upstream)

    async def run(self) -> None:
        """Pass on what either side says until one of them is gone."""
        self._pump = self._loop.create_task(self._pass_back())
        try:
            await super().run()
        finally:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)

    async def _handle(self, data: str | bytes) -> None:
        self._upstream.write(data)
        metrics.RELAYED_FRAMES.labels(said_by="station").inc()
        self._recorder.copy(From.STATION, data)
        await self._upstream.flowing()

    async def _pass_back(self) -> None:
        try:
            while not self._ended:
                data = await self._upstream.read()
                self._socket.write(data)
                metrics.RELAYED_FRAMES.labels(said_by="back_end").inc()
                self._recorder.copy(From.BACK_END, data)
                await self._socket.flowing()
        except SocketGone as gone:
            log.info("upstream_lost", station=self.peer.id, why=str(gone))
            self.end("upstream_lost", SERVICE_RESTART)
        except Exception:
            log.exception("relay_failed", station=self.peer.id)
            self.end("failed", SERVICE_RESTART)

    # --- what was recorded

    def heard(self, message: StationCall) -> None:
        """See `RecordedStation.heard`."""
        if isinstance(message, Booted):
            self.boot.arrived()
        self.boot.answered()
        self.boot.look()

    def ask_to_boot(self) -> None:
        """Ask nothing: the boot of the station is the matter of its back end."""

    def queue(self) -> StationQueue:
        """No command and no question is sent: the station is only observed.

        Raises: StationGone.
        """
        raise StationGone

    def end(self, reason: str, code: int = 0) -> None:
        """End both sockets. See `ConnectedStation.end`."""
        if self._ended:
            return
        super().end(reason, code)
        self._upstream.hang_up(code if code not in {0, POLICY_VIOLATION} else GOING_AWAY, reason)
        self._recorder.end()
