"""One station at its socket: it drives the pure `OcppSession` and gives commands their turn.

The task of the socket reads, and never waits for a handler. It hands over an answer to a CALL of
ours as soon as the answer arrives. A CALL of the station is served by a second task, which lives
only as long as there is something to serve. An idle station is one task and a few slotted objects.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import Booted, CallRefused, Payload
from station_gateway.session.engine import OcppSession, SessionLimits
from station_gateway.session.events import (
    POLICY_VIOLATION,
    AnswerMissing,
    AnswerReceived,
    AnswerRefused,
    CallReceived,
    Closing,
    Event,
    FrameRefused,
    SendReceived,
)
from station_gateway.session.flood import FloodGate, FloodLimits
from station_gateway.settings import GatewaySettings
from station_gateway.stations.boot import StationBoot, waits_of
from station_gateway.stations.odd_calls import OddCalls
from station_gateway.stations.peer import Peer
from station_gateway.stations.ports import (
    CallHandler,
    ReportBook,
    SocketGone,
    TextSocket,
    Unanswered,
)
from station_gateway.stations.standing import Displaced, Revoked
from station_gateway.stations.waiting import StationGone, StationQueue
from telemetry import metrics

log = structlog.get_logger(__name__)

LateAnswer = Callable[["ConnectedStation", AnswerReceived], Coroutine[Any, Any, None]]
AskStation = Callable[["ConnectedStation"], Coroutine[Any, Any, None]]
OnStation = Callable[["ConnectedStation"], None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all stations of a process share.

    session_limits: by OCPP version.
    late_answer: stores an answer that came after its CALL was given up.
    reports: keeps what was odd.
    on_boot: called after each accepted boot. ask_boot: asks a station to boot.
    on_flood: called when a station was closed for flooding.
    look_at_displaced: asks a displaced socket whether it lives, and closes it.
    tasks: what runs beside the sockets; the process waits for it when it stops.
    """

    settings: GatewaySettings
    session_limits: Mapping[str, SessionLimits]
    flood_limits: FloodLimits
    handlers: CallHandler
    reports: ReportBook
    utc_now: Callable[[], datetime]
    late_answer: LateAnswer
    on_boot: OnStation
    ask_boot: AskStation
    on_flood: OnStation
    look_at_displaced: AskStation
    tasks: set[asyncio.Task[None]]

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the socket; it is waited for when the process stops."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            metrics.TASK_FAILURES.labels(task="beside-socket").inc()
            log.error("task_beside_socket_failed", exc_info=error)


class ConnectedStation:
    """One socket of one station, from its claim to its end."""

    __slots__ = (
        "_answer",
        "_displaced",
        "_ended",
        "_gate",
        "_loop",
        "_odd",
        "_queue",
        "_session",
        "_surroundings",
        "_timer",
        "boot",
        "dialect",
        "message_s",
        "peer",
        "socket",
    )

    def __init__(
        self, socket: TextSocket, peer: Peer, dialect: Dialect, surroundings: Surroundings
    ) -> None:
        self.peer = peer
        self.dialect = dialect
        self.socket = socket
        self._surroundings = surroundings
        self._loop = asyncio.get_running_loop()
        self._session = OcppSession(dialect, surroundings.session_limits[dialect.VERSION])
        self._gate = FloodGate(surroundings.flood_limits, self._loop.time())
        self._odd = OddCalls(
            peer, dialect, surroundings.reports, surroundings.spawn, surroundings.settings.strict
        )
        self._queue: StationQueue | None = None
        self._answer: asyncio.Future[AnswerReceived | AnswerMissing] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.boot = StationBoot(self, waits_of(surroundings.settings))
        self._ended = self._displaced = False
        self.message_s = self._loop.time()

    @property
    def ended(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._ended

    @property
    def idle(self) -> bool:
        """Whether no CALL waits for an answer, ours or theirs, and nobody for a turn."""
        return self._session.idle and not (self._queue and self._queue.busy)

    @property
    def sockets(self) -> tuple[TextSocket, ...]:
        """Every websocket that has to live."""
        return (self.socket,)

    async def run(self) -> None:
        """Read until the socket is gone. What comes after it was displaced is dropped."""
        self.boot.look()
        try:
            while not self._ended:
                await self._take(await self.socket.read())
            while self._displaced:
                await self.socket.read()
        except SocketGone as gone:
            self.end(str(gone))
        finally:
            self.end("failed")

    async def _take(self, data: str | bytes) -> None:
        self.message_s = self._loop.time()
        pause_s = self._gate.admit(self.message_s, more=bool(self.socket.backlog))
        if isinstance(pause_s, Closing):
            self._act([pause_s])  # a flood: the message is not handled any more
            return
        await self._handle(data)
        if pause_s > 0.0:
            await asyncio.sleep(pause_s)

    async def _handle(self, data: str | bytes) -> None:
        self._act(self._session.receive(data, self.message_s))
        self._write()
        self.boot.look()
        await self.socket.flowing()

    def _act(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, AnswerReceived):
                self._odd.answered(event.action, event.mends)
            match event:
                case CallReceived():
                    self._surroundings.spawn(self._serve(event))
                case AnswerReceived(late=False) | AnswerMissing():
                    self._settle(event)
                case AnswerReceived():
                    self._surroundings.spawn(self._surroundings.late_answer(self, event))
                case FrameRefused():
                    self._refused(event)
                case SendReceived():
                    metrics.FRAMES.labels(direction="in", action=event.action).inc()
                    log.info("send_noted", station=self.peer.id, action=event.action)
                case AnswerRefused():
                    self._answer_refused(event)
                case Closing():
                    if event.code == POLICY_VIOLATION:
                        self._surroundings.on_flood(self)
                    self._write()
                    self.end(event.reason, event.code)

    def _refused(self, event: FrameRefused) -> None:
        self.boot.heard()
        metrics.BAD_FRAMES.labels(reason=event.reason).inc()
        told = event.untaken
        facts = {"action": told.action if told else "", "detail": event.detail}
        log.info("frame_refused", station=self.peer.id, reason=event.reason, **facts)
        self._odd.untaken(told)

    def _answer_refused(self, event: AnswerRefused) -> None:
        """Our answer stands, for its fact is committed; an operator has to look at it."""
        metrics.BAD_FRAMES.labels(reason="answer_refused").inc()
        log.warning("answer_refused", station=self.peer.id, code=event.error.code)

    # --- the station's own CALLs

    async def _serve(self, call: CallReceived) -> None:
        """Answer a CALL, and the ones that wait behind it."""
        following: CallReceived | None = call
        while following is not None:
            metrics.FRAMES.labels(direction="in", action=following.action).inc()
            events = await self._answer_call(following)
            following = next((e for e in events if isinstance(e, CallReceived)), None)
            self._act([event for event in events if event is not following])
            self._write()
            self.boot.look()
            try:
                await self.socket.flowing()
            except SocketGone:
                return

    async def _answer_call(self, call: CallReceived) -> list[Event]:
        peer, session, handlers = self.peer, self._session, self._surroundings.handlers
        boot, boots = self.boot, peer.boots
        try:
            message = self._odd.read(call, self._surroundings.utc_now())
            if isinstance(message, Booted):
                boot.arrived()
            said = await handlers.handle(peer, message)
            payload = self.dialect.reply(message, said)
        except CallRefused as refused:
            boot.heard()
            self._odd.refused(call, "invalid_payload", refused.description)
            return session.reply_error(call.message_id, refused.code, refused.description)
        except Revoked as over:
            self.revoke(over)
            return []
        except Unanswered:
            boot.left_unanswered()
            self._odd.unanswered(call, message, handlers)
            return session.abandon(call.message_id)
        except Exception:
            boot.left_unanswered()
            log.exception("handler_failed", station=peer.id, action=call.action)
            self._odd.refused(call, "handler_failed", "the gateway failed")
            return session.reply_error(call.message_id, self.dialect.ERRORS.internal)
        events = session.reply(call.message_id, payload)
        # First the answer to a boot, then commands: a station takes none before.
        self._write()
        boot.answered()
        if peer.boots != boots:
            self._surroundings.on_boot(self)
        return events

    def ask_to_boot(self) -> None:
        """See `BootHost.ask_to_boot`."""
        self._surroundings.spawn(self._surroundings.ask_boot(self))

    def take_as_booted(self) -> None:
        """See `BootHost.take_as_booted`."""
        self._surroundings.spawn(self._take_as_booted())

    async def _take_as_booted(self) -> None:
        try:
            await self._surroundings.handlers.take_as_booted(self.peer)
        except Revoked as over:
            self.revoke(over)
            return
        except Unanswered:
            self.boot.not_taken(self._surroundings.settings.retry_pause_s)
            return
        self.boot.taken()
        if self.peer.boot_accepted:
            self._surroundings.on_boot(self)

    # --- our CALLs

    def queue(self) -> StationQueue:
        """The queue in which commands wait for their turn.

        Raises:
            StationGone: nobody gets a turn here any more.
        """
        if self._ended:
            raise StationGone
        if self._queue is None:
            settings = self._surroundings.settings
            self._queue = StationQueue(
                limit=settings.command_queue, progress_delay_s=settings.progress_delay_s
            )
        return self._queue

    async def wait_booted(self, deadline: float) -> None:
        """Return when the station's boot is accepted. `deadline` is loop time.

        Raises:
            TimeoutError: the deadline came first.
            StationGone: the socket went away meanwhile.
        """
        if self._ended:
            raise StationGone
        await self.boot.wait(deadline)

    def dismiss_waiters(self) -> None:
        """Send away everybody who waits, without touching the CALL in flight or the socket."""
        if self._queue is not None:
            self._queue.end()
        self.boot.dismiss()

    def later(self, delay_s: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run something in a while, unless the socket is gone by then."""

        def begin() -> None:
            if not self._ended:
                self._surroundings.spawn(work())

        self._loop.call_later(delay_s, begin)

    async def call(
        self, message_id: str, action: str, payload: Payload, timeout_s: float
    ) -> AnswerReceived | AnswerMissing:
        """Write a CALL and wait for what becomes of it. Only for the one whose turn it is.

        Raises:
            SessionOver: the session had ended before; nothing was written.
        """
        self._session.call(message_id, action, payload, self._loop.time(), timeout_s)
        self._answer = self._loop.create_future()
        self._timer = self._loop.call_at(self._loop.time() + timeout_s, self._check_timeouts)
        metrics.FRAMES.labels(direction="out", action=action).inc()
        self._write()
        return await self._answer

    def _check_timeouts(self) -> None:
        self._timer = None
        self._act(self._session.check_timeouts(self._loop.time()))
        deadline = self._session.next_deadline()
        if deadline is not None:
            self._timer = self._loop.call_at(deadline, self._check_timeouts)

    def _settle(self, event: AnswerReceived | AnswerMissing) -> None:
        self.peer.settled_time = self._surroundings.utc_now()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(event)

    def _write(self) -> None:
        for frame in self._session.data_to_send():
            self.socket.write(frame)

    def revoke(self, over: Revoked) -> None:
        """End the session: the socket is no longer its station's."""
        if isinstance(over, Displaced):
            self.displace()
            return
        if not self._ended:
            log.warning("station_revoked", station=self.peer.id)
        self.end("revoked", POLICY_VIOLATION)

    def displace(self) -> None:
        """End the session: a newer socket has the station. This one is closed a moment later."""
        if not self._ended:
            self._displaced = True
            self.end("replaced")
            self._surroundings.spawn(self._surroundings.look_at_displaced(self))

    def lose(self, socket: TextSocket, reason: str) -> None:
        """One of `sockets` is dead."""
        if socket is self.socket:
            self.end(reason)

    async def recorded(self) -> None:
        """Return when nothing waits any more that only we have: a station repeats the rest."""

    def end(self, reason: str, code: int = 0) -> None:
        """End the session at once, and tell the CALL in flight and all who wait. Idempotent.

        code: of the close frame; 0 when the socket is gone already.
        """
        if self._ended:
            return
        self._ended = True
        self._act(self._session.connection_lost())
        self.dismiss_waiters()
        self.boot.end()
        metrics.CLOSED_SOCKETS.labels(reason=reason.replace(" ", "_")).inc()
        if code:
            self.socket.hang_up(code, reason)
