"""Records what a relayed station and its back end (CSMS) say to each other, from a copy.

The relay passes a frame on and hands a copy over; it never waits for anything here. The copies are
read in their order, by one task that lives only as long as some wait, and become the same facts as
in a gateway that answers by itself. A fact has the time at which its frame was passed on, also when
the database takes it a minute later.

What could not be kept is marked as a report that nobody could take. So no command of that time is
told that nothing happened.
"""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

import msgspec
import structlog

from domain.evidence.proof import RELAY_GAP
from domain.model.answers import CallError
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import (
    Answer,
    AuthorizationAsked,
    Booted,
    CallRefused,
    StationCall,
)
from station_gateway.dialects.station_calls.back_end_calls import (
    asks_to_boot,
    may_command,
    may_move_away,
)
from station_gateway.dialects.station_calls.confirmations import (
    confirmed,
    confirmed_late,
    may_answer,
    may_follow_start,
    needs_answer,
    told_at_once,
)
from station_gateway.facts.reports import PATIENCE_S
from station_gateway.relay.asked_boots import AskedBoot
from station_gateway.relay.recording import RecordedStation, Recording
from station_gateway.relay.their_commands import TheirCommands
from station_gateway.relay.their_tokens import TheirTokens
from station_gateway.session import frames
from station_gateway.session.copies import Copies, Copy, From
from station_gateway.session.engine import OcppSession, SessionLimits
from station_gateway.session.events import (
    AnswerRefused,
    CallReceived,
    Closing,
    FrameRefused,
    SendReceived,
    Untaken,
)
from station_gateway.session.exchanges import Exchanges, OpenCall
from station_gateway.session.pairing import head_of
from station_gateway.stations.odd_calls import OddCalls
from station_gateway.stations.ports import CallHandler, Unanswered
from station_gateway.stations.standing import Displaced, Revoked
from telemetry import metrics

log = structlog.get_logger(__name__)

SHORTEST_S = 0.5
"""What one that is too old gets all the same."""

DOUBT_AFTER_S = 5.0
"""Without an answer a message is a doubt then: less than a start is given beyond its timeout."""


class Recorder:
    """Records one relayed connection. An idle one costs three small objects."""

    __slots__ = (
        "_asked_boot",
        "_back_s",
        "_copies",
        "_dialect",
        "_doubts",
        "_exchanges",
        "_gaps",
        "_loop",
        "_odd",
        "_over",
        "_reads",
        "_rest",
        "_session",
        "_shared",
        "_station",
        "_theirs",
        "_time",
        "_timer",
        "_tokens",
    )

    def __init__(self, station: RecordedStation, dialect: Dialect, shared: Recording) -> None:
        self._station = station
        self._dialect = dialect
        self._shared = shared
        self._loop = asyncio.get_running_loop()
        self._copies = Copies(shared.settings.relay_copy_bytes, shared.allowance)
        self._exchanges = Exchanges()
        self._session = self._new_session()
        around = shared.surroundings
        self._odd = OddCalls(
            station.peer, dialect, around.reports, self._spawn_doubt, shared.settings.strict
        )
        self._theirs = TheirCommands(station.peer, dialect, shared.db, shared.sealer)
        self._tokens = TheirTokens(station.peer, shared.db, shared.sealer)
        self._time = around.utc_now()
        self._timer: asyncio.TimerHandle | None = None
        self._asked_boot = AskedBoot(station.peer, shared.settings.boot_talk_s)
        self._reads = self._over = False
        self._gaps, self._doubts, self._back_s = 0, 0, 0.0
        self._rest: asyncio.Future[None] | None = None

    def copy(self, said_by: From, data: str | bytes) -> None:
        """Have a frame recorded that was passed on just now. Returns at once, whatever happens."""
        if not self._copies.put(Copy(said_by, data, self._shared.surroundings.utc_now())):
            metrics.RELAY_GAPS.inc()
        self._go_on()

    def wait_for_back_end(self, until_s: float) -> None:
        """The back end is away until then at most: what it owes is awaited longer."""
        self._back_s = until_s
        self._exchanges.postpone(until_s + self._shared.settings.relay_answer_s)

    def end(self) -> None:
        """The connection is over. What waits is recorded still, and nothing is awaited any more."""
        self._over = True
        self._go_on()

    @property
    def idle(self) -> bool:
        """Whether no message waits to be recorded, nor for the answer of the back end."""
        return not self._reads and self._exchanges.look_again() is None

    async def done(self) -> None:
        """Return when the connection is over and all that was passed on is recorded."""
        while not (self._over and self._has_caught_up):
            await self._resting()

    async def caught_up(self) -> None:
        """Return when nothing waits to be recorded. The connection may go on."""
        while not self._has_caught_up:
            await self._resting()

    @property
    def _has_caught_up(self) -> bool:
        return not (self._reads or self._copies or self._doubts)

    async def _resting(self) -> None:
        """Return the next time that nothing is recorded; it may not be for long."""
        if self._rest is None:
            self._rest = self._loop.create_future()
        await asyncio.shield(self._rest)

    def _tell_rest(self) -> None:
        if self._rest is not None and not (self._reads or self._doubts):
            self._rest.set_result(None)
            self._rest = None

    def _spawn_doubt(self, work: Coroutine[Any, Any, None]) -> None:
        self._doubts += 1
        self._shared.surroundings.spawn(self._keep_doubt(work))

    async def _keep_doubt(self, work: Coroutine[Any, Any, None]) -> None:
        await work
        self._doubts -= 1
        self._tell_rest()

    # --- one task, as long as there is something to record

    def _go_on(self) -> None:
        if not self._reads:
            self._reads = True
            self._shared.surroundings.spawn(self._record_all())

    async def _record_all(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        handlers = self._shared.handlers_at(lambda: self._time)
        try:
            while self._copies:
                copy = self._copies.take()
                self._time = copy.time
                await self._keep(copy, handlers)
            for late in self._exchanges.overdue(self._loop.time()):
                await self._told(late, None, handlers)
            for late in self._exchanges.end() if self._over else ():
                await self._told(late, None, handlers)
        except Exception:  # one that is cancelled is never done: what it read is lost
            self._reads = False
            raise
        self._reads = False
        self._look_again()
        self._tell_rest()

    def _look_again(self) -> None:
        if self._copies:
            self._go_on()  # they came while the last ones were given up
        elif (due := self._exchanges.look_again()) is not None:
            self._timer = self._loop.call_at(due, self._go_on)

    async def _keep(self, copy: Copy, handlers: CallHandler) -> None:
        """Record a frame; whatever goes wrong with it, the others follow."""
        try:
            await self._record(copy, handlers)
        except Exception:
            log.exception("copy_not_recorded", station=self._station.peer.id)
            self._gap("a relayed message was not kept: the gateway failed")

    async def _record(self, copy: Copy, handlers: CallHandler) -> None:
        if copy.data is None:
            self._gap("relayed messages were not kept: the database was too slow")
        elif copy.said_by is From.DROPPED:
            await self._theirs.dropped(copy.data)
        elif copy.said_by is From.STATION:
            await self._from_station(copy.data, handlers)
        else:
            await self._from_back_end(copy.data, handlers)

    def _gap(self, detail: str) -> None:
        self._gaps += 1
        key = f"relay:{self._station.peer.connection_id}:{self._gaps}"
        self._odd.untaken(Untaken(key, "", RELAY_GAP, detail))

    # --- what the station says

    async def _from_station(self, data: str | bytes, handlers: CallHandler) -> None:
        head = head_of(data)
        if head.is_answer:  # to a CALL of the back end: that is no report
            if head.message_id is not None and self._theirs.awaits(head.message_id):
                await self._theirs.settled(head.message_id, data, self._limits.frame, self._time)
            return
        for event in self._session.receive(data, self._loop.time()):
            match event:
                case CallReceived():
                    self._session.abandon(event.message_id)
                    await self._called(event, handlers)
                case FrameRefused():
                    metrics.BAD_FRAMES.labels(reason=event.reason).inc()
                    self._odd.untaken(event.untaken)
                case SendReceived():
                    metrics.FRAMES.labels(direction="in", action=event.action).inc()
                case AnswerRefused():
                    metrics.BAD_FRAMES.labels(reason="answer_refused").inc()
                case Closing():
                    self._session = self._new_session()
        self._session.data_to_send()  # it is not ours to answer

    async def _called(self, call: CallReceived, handlers: CallHandler) -> None:
        metrics.FRAMES.labels(direction="in", action=call.action).inc()
        try:
            message = self._odd.read(call, self._time)
        except CallRefused as refused:
            self._odd.refused(call, "invalid_payload", refused.description)
            return
        opened = OpenCall(call, message, self._time, self._due(message))
        behind = may_follow_start(message) and self._exchanges.wait_for_start()
        if not (behind or needs_answer(message)):
            self._exchanges.pass_by(call.message_id)
            await self._told(opened, None, handlers)
            return
        if (told := told_at_once(message)) is not None:
            await self._write(opened, told, handlers)
        given_up = self._exchanges.begin(opened)
        if not isinstance(message, AuthorizationAsked):  # that tells no fact
            self._loop.call_later(DOUBT_AFTER_S, self._doubt, opened)
        if given_up is not None:
            await self._told(given_up, None, handlers)

    def _due(self, message: StationCall) -> float:
        """Until when the answer to a message is awaited before it is recorded without."""
        now_s = self._loop.time()
        if isinstance(message, AuthorizationAsked):
            return self._tokens.until(now_s)
        return max(now_s, self._back_s) + self._shared.settings.relay_answer_s

    def _doubt(self, opened: OpenCall) -> None:
        """Keep a doubt: what a message told is no fact before the back end has answered it."""
        if self._exchanges.waits_for(opened):
            self._odd.waits(opened.call)

    # --- what the back end says

    async def _from_back_end(self, data: str | bytes, handlers: CallHandler) -> None:
        try:
            frame = frames.decode(data, self._limits.frame)
        except frames.FrameError as unread:
            if head_of(data).type_number == frames.CALL and may_command(unread.action):
                self._gap("a CALL of the back end could not be read")
            return
        if frame.type_number == frames.CALL:
            await self._commanded(frame)
        if frame.type_number not in {frames.CALL_RESULT, frames.CALL_ERROR}:
            return
        answer = CallError(*frame.error) if frame.error else frame.body
        fits = partial(may_answer, answer)
        if (opened := self._exchanges.answered(frame.message_id, fits)) is not None:
            await self._told(opened, answer, handlers)
        elif (late := self._exchanges.answered_late(frame.message_id)) is not None:
            await self._told_late(late, answer, handlers)

    async def _commanded(self, call: frames.DecodedFrame) -> None:
        """Keep what the back end itself asks of the station and what would be taken for ours."""
        if asks_to_boot(call.action, call.body):
            self._asked_boot.asked()
        if may_move_away(call.action, call.body):
            peer, moved = self._station.peer.id, "moved_by_back_end"
            metrics.SECURITY_EVENTS.labels(event=moved).inc()
            log.warning("security_event", station=peer, event_type=moved, action=call.action)
        if not await self._theirs.keep(call, self._time):
            self._gap("a command of the back end was not kept, or may be taken for one of ours")

    # --- writing

    async def _told(self, opened: OpenCall, answer: Answer | None, handlers: CallHandler) -> None:
        """Record a message whose answer is known, or will not come (None)."""
        if isinstance(opened.message, AuthorizationAsked):
            await self._tokens.answered(opened.message.token, answer, opened.time, self._time)
            return
        message = confirmed(opened.message, answer)
        self._time = opened.time
        if message is not None:
            await self._write(opened, message, handlers)
        else:
            self._station.heard(opened.message)

    async def _told_late(self, opened: OpenCall, answer: Answer, handlers: CallHandler) -> None:
        """Record what an answer tells of a message that was recorded without it."""
        if (message := confirmed_late(opened.message, answer)) is None:
            return
        told = msgspec.structs.replace(opened, time=self._time)
        if isinstance(message, Booted):
            self._time = opened.time  # the station booted then
        await self._write(told, message, handlers)

    async def _write(self, opened: OpenCall, message: StationCall, handlers: CallHandler) -> None:
        """Write the facts of a message, as soon as the database takes them."""
        try:
            async with asyncio.timeout(self._patience_s(opened)):
                await self._written(message, handlers)
                await self._decide(message)
        except CallRefused as refused:
            self._odd.refused(opened.call, "invalid_payload", refused.description)
        except Displaced as over:
            detail = "a newer socket came before the database"
            self._odd.refused(opened.call, "not_written", detail)
            self._station.revoke(over)
        except Revoked as over:
            self._station.revoke(over)
        except TimeoutError:
            detail = "the database did not take it in time"
            self._odd.refused(opened.call, "not_written", detail)
        except Exception:
            log.exception("handler_failed", station=self._station.peer.id)
            self._odd.refused(opened.call, "handler_failed", "the gateway failed")
        else:
            self._odd.taken(opened.call)
            self._station.heard(message)

    async def _decide(self, message: StationCall) -> None:
        """Decide what came of the back end's commands. That fails alone: the facts are written."""
        try:
            await self._theirs.heard(message, self._time)
        except Exception:
            log.exception("command_of_back_end_undecided", station=self._station.peer.id)

    def _patience_s(self, opened: OpenCall) -> float:
        """How long it may still take. All that waits behind it has grown older as well."""
        age = self._shared.surroundings.utc_now() - opened.time
        return max(PATIENCE_S - age.total_seconds(), SHORTEST_S)

    async def _written(self, message: StationCall, handlers: CallHandler) -> None:
        while True:
            try:
                await handlers.handle(self._station.peer, message)
            except Unanswered:
                await asyncio.sleep(self._shared.settings.retry_pause_s)
            else:
                return

    # --- limits

    @property
    def _limits(self) -> SessionLimits:
        return self._shared.surroundings.session_limits[self._dialect.VERSION]

    def _new_session(self) -> OcppSession:
        """What reads the station's frames: with all that is mended, and without our answers."""
        return OcppSession(self._dialect, self._limits)
