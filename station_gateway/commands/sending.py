"""Sends one command's frame, at most once, and says truthfully what became of it.

    not here, not booted, line too long, too late     NOT_SENT: nothing was written
    intent committed, frame written, socket lost      NO_ANSWER at once
    intent committed, frame written, time over        NO_ANSWER; a late answer is kept as evidence
    answered, whatever the station said               ANSWERED

The intent is committed before the frame is written, so that a crash in between can only make us
believe that we sent what we did not, never the other way round. From the intent on the work goes on
in its own task: whoever asked may go away, the answer is still written down.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import structlog
from opentelemetry import trace

from contract.commands import SendFrameInput, SendFrameResult, SendStatus
from domain.commands import transitions as changes
from domain.commands.table import COMMANDS
from domain.model.answers import StationAnswer
from domain.model.command import Command
from domain.model.outcomes import Cause
from fleet import sends, stations
from fleet.engine.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.keys import Sealer
from fleet.sends import AlreadySettled, Send, StaleEpoch
from journal.commands.record import committed, record
from station_gateway.commands.answers import stored, take_blame, to_row
from station_gateway.commands.frames import Unopenable, at_evse, build, traces
from station_gateway.commands.waiting import StationGone
from station_gateway.dialects.messages import OutgoingCall, Unsendable
from station_gateway.session.events import AnswerMissing, AnswerReceived, Missing, SessionOver
from station_gateway.session.masking import masked
from station_gateway.session.queue import QueueFull, priority_of
from station_gateway.settings import GatewaySettings
from station_gateway.sockets.registry import Registry
from station_gateway.sockets.station import ConnectedStation
from telemetry import metrics

log = structlog.get_logger(__name__)
tracer = trace.get_tracer("evcommand")
T = TypeVar("T")

RECORD_PAUSE_S = 0.5
_FIRST_STEP = "Stopping the session first; waiting for its end."


class _NotSent(Exception):
    def __init__(self, cause: Cause, *, retry: bool) -> None:
        super().__init__(cause)
        self.result = SendFrameResult(SendStatus.NOT_SENT, cause.value, retry=retry)


class Sender:
    """Sends the frames of commands through the sockets of this process."""

    def __init__(
        self,
        db: Database,
        sealer: Sealer,
        registry: Registry,
        settings: GatewaySettings,
        *,
        utc_now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._sealer = sealer
        self._registry = registry
        self._settings = settings
        self._utc_now = utc_now
        self._in_flight: set[asyncio.Task[SendFrameResult]] = set()
        self._stopped = False

    def stop(self) -> None:
        """Begin no more; whoever asks is told to try another gateway."""
        self._stopped = True

    async def finish(self, timeout_s: float) -> None:
        """Return when the frames in flight have their answers, or after `timeout_s`."""
        if self._in_flight:
            await asyncio.wait(self._in_flight, timeout=timeout_s)

    async def send(self, request: SendFrameInput) -> SendFrameResult:
        """Run one attempt of a command to its result. Never raises for what a station does."""
        station = self._registry.get(request.station)
        if station is None or self._stopped:
            return _NotSent(Cause.STATION_OFFLINE, retry=True).result
        try:
            self._build(station, request)
            return await self._take_turn(station, request)
        except _NotSent as not_sent:
            return not_sent.result

    def _build(
        self, station: ConnectedStation, request: SendFrameInput, remote_start_id: int = 0
    ) -> OutgoingCall:
        try:
            return build(station.dialect, self._sealer, request, remote_start_id)
        except Unopenable as error:
            log.warning("token_not_readable", command=request.command, station=request.station)
            raise _NotSent(Cause.FRAME_REFUSED, retry=False) from error
        except Unsendable as error:
            log.warning(
                "command_unsendable",
                command=request.command,
                station=request.station,
                why=str(error),
            )
            raise _NotSent(Cause.FRAME_REFUSED, retry=False) from error

    async def _take_turn(
        self, station: ConnectedStation, request: SendFrameInput
    ) -> SendFrameResult:
        key = uuid.uuid4().hex
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (request.not_after - self._utc_now()).total_seconds()
        try:
            try:
                await station.wait_booted(deadline)
            except TimeoutError:
                raise _NotSent(Cause.BOOT_NOT_ACCEPTED, retry=False) from None
            line = station.line()

            async def say(ahead: int) -> None:
                await self._say_waiting(request, ahead)

            await line.stand(key, priority_of(request.kind), deadline, say)
        except TimeoutError:
            raise _NotSent(Cause.NOT_AFTER_PASSED, retry=False) from None
        except QueueFull:
            raise _NotSent(Cause.STATION_QUEUE_FULL, retry=False) from None
        except StationGone:
            raise _NotSent(Cause.STATION_OFFLINE, retry=True) from None
        task = loop.create_task(self._send_now(station, request))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)
        task.add_done_callback(lambda _: line.leave(key))
        return await asyncio.shield(task)

    async def _say_waiting(self, request: SendFrameInput, ahead: int) -> None:
        if request.undo:
            return
        others = "1 command" if ahead == 1 else f"{ahead} commands"
        progress = f"Waiting in line behind {others} for {request.station}."
        now = self._utc_now()
        try:
            await self._db.batch(
                lambda tx: _note(
                    tx, request, "waiting", lambda command: changes.waiting(command, progress), now
                )
            )
        except (DatabaseUnavailable, LookupError):
            log.warning("progress_not_recorded", command=request.command)

    # --- from here on the frame may be on the wire

    async def _send_now(
        self, station: ConnectedStation, request: SendFrameInput
    ) -> SendFrameResult:
        try:
            request = await self._complete(station, request)
            send = await self._intend(station, request)
            call = self._build(station, request, remote_start_id=send.id)
        except _NotSent as not_sent:
            return not_sent.result
        except AlreadySettled as settled:
            return stored(settled.send)
        except StaleEpoch:
            station.end("stale_epoch", 1008)
            return _NotSent(Cause.STATION_OFFLINE, retry=True).result
        except DatabaseUnavailable:
            return _NotSent(Cause.GATEWAY_UNREACHABLE, retry=True).result
        return await self._exchange(station, request, send, call)

    async def _complete(self, station: ConnectedStation, request: SendFrameInput) -> SendFrameInput:
        """Many 1.6 stations refuse what names no connector: name it when there is only one."""
        spec = request.start or request.reserve
        if spec is None or spec.evse_id is not None or station.peer.ocpp_version != "1.6":
            return request
        async with self._db.read() as tx:
            found = [c for c in await stations.connectors(tx, request.station) if c.evse_id > 0]
        if len(found) != 1:
            return request
        return at_evse(request, found[0].evse_id)

    async def _intend(self, station: ConnectedStation, request: SendFrameInput) -> Send:
        """Commit what is about to be written, and that the command is SENT.

        Raises:
            AlreadySettled, StaleEpoch: nothing may be written.
        """
        found_by = traces(request)
        now = self._utc_now()
        if station.ended:
            raise _NotSent(Cause.STATION_OFFLINE, retry=True)
        if now >= request.not_after:
            raise _NotSent(Cause.NOT_AFTER_PASSED, retry=False)

        action, draft = self._build(station, request)

        async def write(tx: Tx) -> Send:
            await _never_twice(tx, request)
            send = await sends.intend(
                tx,
                command=request.command,
                tenant=request.tenant,
                workflow_id=request.workflow_id,
                station=request.station,
                kind=request.kind.value,
                attempt=request.attempt,
                message_id=str(uuid.uuid4()),
                epoch=station.peer.epoch,
                undo=request.undo,
                evse_id=found_by.evse_id,
                connector_id=found_by.connector_id,
                token_digest=found_by.token_digest,
                group_digest=found_by.group_digest,
                wire_id=found_by.wire_id,
                now=now,
                action=action,
                frame=masked(draft, self._sealer.mask),
            )
            _, frame = self._build(station, request, remote_start_id=send.id)
            if frame != draft:  # it carries the id that it has only now
                await sends.reframe(tx, send.id, masked(frame, self._sealer.mask))
            await _note(tx, request, "sent", lambda command: changes.sent(command, now), now)
            return send

        return await self._db.batch(write)

    async def _exchange(
        self, station: ConnectedStation, request: SendFrameInput, send: Send, call: OutgoingCall
    ) -> SendFrameResult:
        action, payload = call
        loop = asyncio.get_running_loop()
        with tracer.start_as_current_span(f"ocpp.{action}") as span:
            span.set_attribute("evcommand.command", request.command)
            span.set_attribute("evcommand.station", request.station)
            span.set_attribute("evcommand.attempt", request.attempt)
            span.set_attribute("evcommand.message_id", send.message_id)
            log.info("frame_sent", **_ids(request, send), action=action)
            begin_s = loop.time()
            try:
                event = await station.call(
                    send.message_id, action, payload, request.answer_timeout_s
                )
            except SessionOver:
                event = AnswerMissing(send.message_id, action, Missing.CONNECTION_LOST)
            if isinstance(event, AnswerMissing):
                return await self._without_answer(request, send, event)
            metrics.ANSWER_LATENCY.labels(kind=request.kind.value).observe(loop.time() - begin_s)
            return await self._with_answer(station, request, send, event)

    async def _with_answer(
        self, station: ConnectedStation, request: SendFrameInput, send: Send, event: AnswerReceived
    ) -> SendFrameResult:
        answer = station.dialect.read_answer(request.kind, event.answer)
        now = self._utc_now()
        take_blame(event.answer, event.action, request.station, request.command)
        log.info("frame_answered", **_ids(request, send), verdict=answer.verdict.value)

        async def write(tx: Tx) -> int:
            await sends.answered(tx, send.id, answer=to_row(answer), now=now)
            return await _note(tx, request, "answered", _heard(request, answer, now), now)

        return SendFrameResult(
            SendStatus.ANSWERED,
            answer=answer,
            send_time=send.send_time,
            answer_time=now,
            effect_timeout_s=station.peer.connection_timeout_s,
            revision=await self._surely(write, request) or 0,
            message_id=send.message_id,
        )

    async def _without_answer(
        self, request: SendFrameInput, send: Send, event: AnswerMissing
    ) -> SendFrameResult:
        lost = event.cause is Missing.CONNECTION_LOST
        cause = Cause.CONNECTION_LOST_AFTER_SEND if lost else Cause.ANSWER_TIMEOUT
        now = self._utc_now()
        log.warning("frame_unanswered", **_ids(request, send), cause=cause.value)

        async def write(tx: Tx) -> int:
            await sends.lost(tx, send.id, cause=cause.value, now=now)
            return await _note(tx, request, "lost", _unheard(request, cause, now), now)

        return SendFrameResult(
            SendStatus.NO_ANSWER,
            cause.value,
            send_time=send.send_time,
            revision=await self._surely(write, request) or 0,
            message_id=send.message_id,
        )

    async def _surely(
        self, write: Callable[[Tx], Awaitable[T]], request: SendFrameInput
    ) -> T | None:
        """Write, again if need be; when the database stays away, the result itself still goes out.

        The workflow gets the answer from us and records it: nothing is lost but time.
        """
        try:
            async with asyncio.timeout(self._settings.fact_timeout_s):
                while True:
                    try:
                        return await committed(self._db, write)
                    except DatabaseUnavailable:
                        await asyncio.sleep(RECORD_PAUSE_S)
        except TimeoutError:
            log.warning("answer_not_recorded", command=request.command, station=request.station)
            return None


def _ids(request: SendFrameInput, send: Send) -> dict[str, str | int]:
    """By what a line of the log is found again in the command's story."""
    return {
        "command": request.command,
        "station": request.station,
        "attempt": request.attempt,
        "message_id": send.message_id,
    }


async def _never_twice(tx: Tx, request: SendFrameInput) -> None:
    """Whatever attempt this is: what must not be repeated is not written again (invariant I2).

    Raises:
        AlreadySettled: such a frame of this command was perhaps written before.
    """
    if request.attempt == 1 or COMMANDS[request.kind].repeatable:
        return
    for send in await sends.by_command(tx, request.tenant, request.command):
        if repeats(request, send):
            raise AlreadySettled(send)


def repeats(request: SendFrameInput, send: Send) -> bool:
    """Whether this would be the same frame of the same command once more."""
    return send.kind == request.kind.value and send.attempt != request.attempt


def _heard(
    request: SendFrameInput, answer: StationAnswer, now: datetime
) -> Callable[[Command], Command]:
    """What an answer means for the command; that of a first step says nothing about the last."""

    def change(command: Command) -> Command:
        if command.kind is request.kind:
            return changes.answered(command, answer, now)
        return changes.waiting(command, _FIRST_STEP)

    return change


def _unheard(request: SendFrameInput, cause: Cause, now: datetime) -> Callable[[Command], Command]:
    """What a lost answer means for the command."""

    def change(command: Command) -> Command:
        if command.kind is request.kind:
            return changes.lost(command, cause.value, now)
        return changes.waiting(command, _FIRST_STEP)

    return change


async def _note(
    tx: Tx,
    request: SendFrameInput,
    what: str,
    change: Callable[[Command], Command],
    now: datetime,
) -> int:
    """Write down what became of this attempt; the command's revision.

    An undo leaves the command's own state alone: 0.
    """
    if request.undo:
        return 0
    command = await record(
        tx,
        tenant=request.tenant,
        name=request.command,
        key=f"{what}:{request.attempt}",
        change=change,
        now=now,
    )
    return command.revision
