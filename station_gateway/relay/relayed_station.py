"""A station that another back end (CSMS) serves: each frame is passed on, as the bytes that it was.

    station  --- frame --->  back end        first it is passed on,
    station  <-- frame ----  back end        then a copy is recorded

The back end answers the station, boots it, judges its tokens and gives its ids. Nothing of that is
done here. In the mode `observe` not one byte of ours goes to the station: it is sent no command and
asked no question. In the mode `command` our CALLs go in between: all CALLs to the station stand in
one queue, and each answer goes to whoever sent the CALL.

When the station ends, the socket to the back end is closed. When the back end ends, the station's
socket is closed as well, or held until the back end is back (`lines`): either way no message is
only with us, for a station that got no answer has it still.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog

from domain.ocpp_words import StationMessage
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import Booted, StationCall
from station_gateway.relay.lines import BackEndLine, HeldLine, Holding, MirrorLine
from station_gateway.relay.recorder import Recorder
from station_gateway.relay.recording import Recording
from station_gateway.relay.their_calls import TheirCalls
from station_gateway.relay_settings import COMMAND
from station_gateway.session import frames
from station_gateway.session.copies import From
from station_gateway.session.events import GOING_AWAY, POLICY_VIOLATION, SERVICE_RESTART
from station_gateway.session.frames import MessageId
from station_gateway.session.pairing import Pairing, Side, head_of
from station_gateway.stations.peer import Peer
from station_gateway.stations.ports import Redial, SocketGone, TextSocket
from station_gateway.stations.station import ConnectedStation
from station_gateway.stations.waiting import ObservedOnly, StationGone, StationQueue
from telemetry import metrics

log = structlog.get_logger(__name__)

_FROM_STATION = metrics.RELAYED_FRAMES.labels(said_by="station")
_FROM_BACK_END = metrics.RELAYED_FRAMES.labels(said_by="back_end")

HEAD_CHARS = 200
"""Where the action of a frame stands."""


@dataclass(frozen=True, slots=True)
class BackEndSocket:
    """The socket to the back end. redial: opens the next one; None: the line ends with this one."""

    socket: TextSocket
    redial: Redial | None


class RelayedStation(ConnectedStation):
    """One socket of a station and the line to its back end, until either ends."""

    __slots__ = (
        "_boot_timer",
        "_boots",
        "_commands",
        "_line",
        "_pairing",
        "_pairs",
        "_pump",
        "_recorder",
        "_their_calls",
    )

    def __init__(
        self,
        socket: TextSocket,
        back_end: BackEndSocket,
        peer: Peer,
        dialect: Dialect,
        recording: Recording,
    ) -> None:
        super().__init__(socket, peer, dialect, recording.surroundings)
        self._line = self._line_to(back_end, recording)
        self._recorder = Recorder(self, dialect, recording)
        self._commands = recording.settings.upstream_mode == COMMAND
        self._pairs = self._commands or back_end.redial is not None
        self._pairing = Pairing()
        self._their_calls: TheirCalls | None = None
        self._pump: asyncio.Task[None] | None = None
        self._boots = 0
        self._boot_timer: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """See `ConnectedStation.idle`: the back end owes the answers here."""
        return super().idle and self._recorder.idle and self._line.idle

    @property
    def sockets(self) -> tuple[TextSocket, ...]:
        """The websockets of both sides, for pings and closing."""
        return (self.socket, *self._line.sockets)

    def _line_to(self, back_end: BackEndSocket, recording: Recording) -> BackEndLine:
        if back_end.redial is None:
            return MirrorLine(back_end.socket)
        held = Holding(
            self.peer.id, recording.settings, recording.held, back_end.redial, self._wait_for_line
        )
        return HeldLine(back_end.socket, held)

    async def run(self) -> None:
        """Pass on what either side says until one of them is gone."""
        self._pump = self._loop.create_task(self._pass_back())
        try:
            await super().run()
        finally:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)

    # --- what the station says

    async def _handle(self, data: str | bytes) -> None:
        taken = self._taken(data) if self._pairs else data
        if taken is None:
            return
        try:
            try:
                self._line.say(taken)
            finally:  # it was said, also when nobody can keep it
                _FROM_STATION.inc()
                self._recorder.copy(From.STATION, taken)
            await self._line.flowing()
        except SocketGone as gone:
            self._lose_back_end(str(gone))

    def _taken(self, data: str | bytes) -> str | bytes | None:
        """What the back end gets of a frame; None: it answers a CALL that is not of this one."""
        head = head_of(data)
        if self._commands and head.type_number == frames.CALL:
            self._look_for_boot(str(data)[:HEAD_CHARS])
        if not head.is_answer:
            return data
        paired = self._pairing.answer(data)
        if paired.side is Side.OURS:
            self._act(self._session.receive(paired.frame, self.message_s))
            self._write()
            return None
        if self._their_calls is not None:
            self._their_calls.answered(head.message_id)
        if paired.side is None:
            self._line.drop_answer()  # to whose start it may belong is a doubt that stays
            return None
        return paired.frame

    def _look_for_boot(self, head: str) -> None:
        """Have no command go out between a boot, the newest one, and its answer."""
        if StationMessage.BOOT_NOTIFICATION in head:
            self.boot.arrived()
            self._boots += 1
            self._forget_boot_timer()
            wait_s = self._surroundings.settings.relay_answer_s
            self._boot_timer = self._loop.call_later(wait_s, self._leave_boots)

    def _leave_boots(self) -> None:
        """The back end has left every boot unanswered for too long."""
        self._boots = 0
        self.boot.left_unanswered()

    def _forget_boot_timer(self) -> None:
        if self._boot_timer is not None:
            self._boot_timer.cancel()
            self._boot_timer = None

    # --- what the back end says

    async def _pass_back(self) -> None:
        try:
            while not self._ended:
                data = await self._line.read()
                self._recorder.copy(From.BACK_END, data)
                _FROM_BACK_END.inc()
                if self._pairs and head_of(data).type_number == frames.CALL:
                    await self._pass_call(str(data))
                else:
                    self.socket.write(data)
                await self.socket.flowing()
        except SocketGone as gone:
            self._lose_back_end(str(gone))
        except Exception:
            log.exception("relay_failed", station=self.peer.id)
            self.end("failed", SERVICE_RESTART)

    async def _pass_call(self, frame: str) -> None:
        if not self._commands:
            self._write_theirs(frame)
            return
        with suppress(StationGone):  # it has to go: the answer to ours may still come
            await self._calls_of_back_end().add(frame)

    def lose(self, socket: TextSocket, reason: str) -> None:
        """See `ConnectedStation.lose`. A line that is held looks for its next socket."""
        if socket is self.socket:
            self.end(reason)
        elif not self._line.outlives_its_socket:
            self.end(reason, SERVICE_RESTART)

    def _wait_for_line(self, until_s: float) -> None:
        """The back end is away: nobody is there for whom its CALLs would be answered."""
        self._pairing.lose()
        self._recorder.wait_for_back_end(until_s)
        if self._their_calls is not None:
            dropped = self._their_calls.drop_waiting()
            metrics.RELAY_HELD_FRAMES.labels(end="not_asked").inc(dropped)

    def _lose_back_end(self, why: str) -> None:
        if not self._ended:
            log.info("upstream_lost", station=self.peer.id, why=why)
        self.end("upstream_lost", SERVICE_RESTART)

    def _calls_of_back_end(self) -> TheirCalls:
        if self._their_calls is None:
            settings = self._surroundings.settings
            self._their_calls = TheirCalls(
                super().queue(),
                self._write_theirs,
                self._surroundings.spawn,
                give_up_ours=self._give_up_ours,
                dropped=partial(self._recorder.copy, From.DROPPED),
                hold_s=settings.upstream_hold_s,
                turn_s=settings.upstream_turn_s,
            )
        return self._their_calls

    def _write_theirs(self, frame: str) -> MessageId | None:
        on_wire = self._pairing.call(Side.BACK_END, frame)
        self.socket.write(on_wire)
        return head_of(on_wire).message_id

    def _give_up_ours(self) -> None:
        deadline = self._session.next_deadline()
        if deadline is not None:
            self._act(self._session.check_timeouts(deadline))

    # --- our own CALLs

    def queue(self) -> StationQueue:
        """See `ConnectedStation.queue`. A station that is only observed has none."""
        if not self._commands:
            raise ObservedOnly
        return super().queue()

    async def wait_booted(self, deadline: float) -> None:
        """See `ConnectedStation.wait_booted`. Raises: ObservedOnly."""
        if not self._commands:
            raise ObservedOnly
        await super().wait_booted(deadline)

    def _write(self) -> None:
        for frame in self._session.data_to_send():
            is_call = head_of(frame).type_number == frames.CALL
            self.socket.write(self._pairing.call(Side.OURS, frame) if is_call else frame)

    # --- what was recorded

    async def recorded(self) -> None:
        """See `ConnectedStation.recorded`."""
        await self._recorder.done()

    async def caught_up(self) -> None:
        """Return when all that was passed on so far is recorded."""
        await self._recorder.caught_up()

    def heard(self, message: StationCall) -> None:
        """See `RecordedStation.heard`."""
        match message:
            case Booted(answered=None):
                self._boots -= 1
                if self._boots <= 0:  # else a newer one waits for its own answer
                    self._forget_boot_timer()
                    self._leave_boots()
            case Booted():
                self._boots = 0
                self._forget_boot_timer()
                self.boot.arrived()
                self.boot.answered()
                if self._commands:  # else it is asked nothing
                    self._surroundings.on_boot(self)
            case _:
                self.boot.heard()
        self.boot.look()

    def ask_to_boot(self) -> None:
        """Ask nothing: the boot of the station is the matter of its back end."""

    def end(self, reason: str, code: int = 0) -> None:
        """End both sockets. See `ConnectedStation.end`."""
        if self._ended:
            return
        super().end(reason, code)
        self._forget_boot_timer()
        if self._their_calls is not None:
            self._their_calls.end()
        self._line.hang_up(code if code not in {0, POLICY_VIOLATION} else GOING_AWAY, reason)
        self._recorder.end()
