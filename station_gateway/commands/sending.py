"""Sends one command's frame, at most once, and says truthfully what became of it.

    not here, not booted, queue full, too late        NOT_SENT: nothing was written
    intent committed, frame written, socket lost      NO_ANSWER at once
    intent committed, frame written, time over        NO_ANSWER; a late answer is kept as evidence
    answered, whatever the station said               ANSWERED

The intent is committed before the frame is written. A crash in between can only make us believe
that we sent a frame that we did not send, never the other way round. From the turn on, the work
runs in a task of its own: the caller may go away, and the answer is still written down. The turn
ends with the answer, and the answer is written down beside the next one's turn (`turns`).
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

import structlog
from opentelemetry import trace

from contract.commands import SendFrameInput, SendFrameResult, SendStatus
from domain.commands import transitions as changes
from domain.model.outcomes import Cause
from domain.model.ways import STALE_EPOCH, LineUse
from fleet import sends, stations
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.keys import Sealer
from fleet.sends import AlreadySettled, Send, StaleEpoch
from journal.commands.answers import answer_to_row
from journal.commands.requested import name_by_answer
from journal.commands.weighing import decides
from station_gateway.commands.answers import (
    as_it_stands,
    stored,
    take_blame,
    without_echoes,
    written_within,
)
from station_gateway.commands.frames import Unopenable, at_evse, build, kept_of, lacks_evse
from station_gateway.commands.recording import (
    ids_of,
    never_twice,
    note,
    note_sent,
    revision_of,
    say_waiting,
    unheard,
)
from station_gateway.commands.session_ids import WithoutId, with_session_id
from station_gateway.commands.timeliness import is_barred, is_in_time, last_moment
from station_gateway.commands.turns import Turn
from station_gateway.dialects.masking import masked
from station_gateway.dialects.messages import OutgoingCall, Unsendable
from station_gateway.session.events import (
    AnswerMissing,
    AnswerReceived,
    Missing,
    SessionOver,
)
from station_gateway.session.queue import QueueFull, priority_of
from station_gateway.settings import GatewaySettings
from station_gateway.stations.registry import Registry
from station_gateway.stations.standing import Revoked, check_standing
from station_gateway.stations.station import ConnectedStation
from station_gateway.stations.waiting import ObservedOnly, StationGone
from telemetry import metrics

log = structlog.get_logger(__name__)
tracer = trace.get_tracer("evcommand")
T = TypeVar("T")


class _NotSent(Exception):
    def __init__(self, cause: Cause, *, retry: bool, why: str = "") -> None:
        super().__init__(cause)
        self.result = SendFrameResult(SendStatus.NOT_SENT, cause.value, retry=retry, why=why)


class Sender:
    """Sends the frames of commands through the sockets of this process."""

    def __init__(
        self,
        db: Database,
        sealer: Sealer,
        registry: Registry,
        settings: GatewaySettings,
        *,
        gateway: str,
        utc_now: Callable[[], datetime],
    ) -> None:
        self._gateway = gateway
        self._db = db
        self._sealer = sealer
        self._registry = registry
        self._settings = settings
        self._utc_now = utc_now
        self._in_flight: set[asyncio.Task[SendFrameResult]] = set()
        self._stopped = False

    def stop(self) -> None:
        """Send nothing more: each later request is told to try another gateway."""
        self._stopped = True

    async def finish(self, timeout_s: float) -> None:
        """Return when the frames in flight have their answers, or after `timeout_s`."""
        if self._in_flight:
            await asyncio.wait(self._in_flight, timeout=timeout_s)

    async def send(self, request: SendFrameInput) -> SendFrameResult:
        """Run one attempt of a command to its result. Never raises for what a station does.

        Raises: DatabaseUnavailable: the attempt was offered before, and its intent cannot be read.
        """
        result = await self._try(request)
        if request.offered and result.status is SendStatus.NOT_SENT:
            return await as_it_stands(self._db, request, result, self._utc_now())
        return result

    async def _try(self, request: SendFrameInput) -> SendFrameResult:
        station = self._registry.get(request.station)
        if station is None or self._stopped or station.peer.tenant != request.tenant:
            return _NotSent(Cause.STATION_OFFLINE, retry=True).result
        try:
            # Built once only to learn whether it can be built: what OCPP cannot say does not queue.
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
        loop = asyncio.get_running_loop()
        # Nothing is written afterwards, so the wait for the boot and for the turn ends then.
        deadline = loop.time() + (last_moment(request) - self._utc_now()).total_seconds()
        try:
            # The boot first: while a station is not accepted, its queue stays empty, and a command
            # that waits for the boot does not count against the queue's limit.
            await self._wait_booted(station, deadline)
            say = partial(say_waiting, self._db, request, self._utc_now)
            turn = Turn(station.queue(), uuid.uuid4().hex, deadline, say)
            await turn.come(priority_of(request.kind))
        except TimeoutError:
            raise _NotSent(Cause.NOT_AFTER_PASSED, retry=False) from None
        except QueueFull:
            raise _NotSent(Cause.STATION_QUEUE_FULL, retry=False) from None
        except ObservedOnly:
            raise _NotSent(Cause.STATION_OBSERVED, retry=False) from None
        except StationGone:
            # Nothing was written here: another gateway, or a later socket, may still send it.
            raise _NotSent(Cause.STATION_OFFLINE, retry=True) from None
        # A task of its own, shielded: a cancelled activity must not cut off a frame that may be on
        # the wire. The turn ends with the answer, not with the caller: one CALL at a time.
        task = loop.create_task(self._send_now(station, request, turn))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)
        task.add_done_callback(lambda _: turn.leave())
        return await asyncio.shield(task)

    async def _wait_booted(self, station: ConnectedStation, deadline: float) -> None:
        try:
            await station.wait_booted(deadline)
        except TimeoutError:
            raise _NotSent(Cause.BOOT_NOT_ACCEPTED, retry=False) from None

    # --- from here on the frame may be on the wire

    async def _send_now(
        self, station: ConnectedStation, request: SendFrameInput, turn: Turn
    ) -> SendFrameResult:
        try:
            # Intent before frame: a row without a frame is found and settled, a frame without a
            # row would be sent again.
            send, call = await turn.prepare(partial(self._prepare, station, request, turn))
        except _NotSent as not_sent:
            return not_sent.result
        except TimeoutError:
            return _NotSent(Cause.NOT_AFTER_PASSED, retry=False).result
        except StationGone:
            return _NotSent(Cause.STATION_OFFLINE, retry=True).result
        except AlreadySettled as settled:
            # This attempt was decided before, by an earlier run or by who gave up on it.
            return stored(settled.send)
        except StaleEpoch:
            # A newer socket of the station has the lease: this one may only be closed.
            station.displace()
            return _NotSent(Cause.STATION_OFFLINE, retry=True, why=STALE_EPOCH).result
        except DatabaseUnavailable:
            # Without an intent nothing is written.
            return _NotSent(Cause.GATEWAY_UNREACHABLE, retry=True).result
        event = await self._exchange(station, request, send, call)
        turn.answered()
        if isinstance(event, AnswerMissing):
            return await self._without_answer(request, send, event)
        return await self._with_answer(station, request, send, event)

    async def _prepare(
        self, station: ConnectedStation, request: SendFrameInput, turn: Turn
    ) -> tuple[Send, OutgoingCall]:
        request = await self._complete(station, request)
        try:
            request = await with_session_id(self._db, request, relayed=station.peer.relayed)
        except WithoutId as unknown:
            raise _NotSent(Cause.SESSION_WITHOUT_ID, retry=unknown.may_come) from None
        send = await self._intend(station, request, turn)
        return send, self._build(station, request, remote_start_id=send.number)

    async def _complete(self, station: ConnectedStation, request: SendFrameInput) -> SendFrameInput:
        """Name the EVSE where the version's stations want one named and there is only one.

        OCPP numbers them from 1: a station that has shown only a later one has another one.
        """
        if not lacks_evse(station.dialect, request):
            return request
        async with self._db.read() as tx:
            found = [c for c in await stations.connectors(tx, request.station) if c.evse_id > 0]
        if [c.evse_id for c in found] != [1]:
            return request
        return at_evse(request, 1)

    async def _intend(self, station: ConnectedStation, request: SendFrameInput, turn: Turn) -> Send:
        """Commit what is about to be written, and that the command is SENT.

        Raises:
            AlreadySettled, StaleEpoch, Overtaken: nothing may be written.
        """
        # Its turn may have come long after it was queued: the socket and the clock are asked again.
        if station.ended:
            raise _NotSent(Cause.STATION_OFFLINE, retry=True)

        async def write(tx: Tx) -> Send:
            now = self._utc_now()
            if not await is_in_time(tx, request, now):
                raise _NotSent(Cause.NOT_AFTER_PASSED, retry=False)
            if await is_barred(tx, request, now):
                raise _NotSent(Cause.STATION_QUARANTINED, retry=False)
            await never_twice(tx, request)
            send = await self._write_intent(tx, station, request, now)
            version = station.peer.ocpp_version
            noted = await note_sent(tx, request, now, gateway=self._gateway, ocpp_version=version)
            if noted is not None and changes.ended_unsent(noted):
                raise _NotSent(Cause.NOT_AFTER_PASSED, retry=False)  # nobody waits for it
            turn.keep()
            return send

        return await self._db.batch(write)

    async def _write_intent(
        self, tx: Tx, station: ConnectedStation, request: SendFrameInput, now: datetime
    ) -> Send:
        """The row of the intent. It is fenced by the epoch.

        Raises:
            StaleEpoch: the station has a newer connection, perhaps at another gateway, which may be
                sending already.
            AlreadySettled: this attempt has a row.
        """
        kept = kept_of(request)
        action, draft = self._build(station, request)
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
            evse_id=kept.evse_id,
            connector_id=kept.connector_id,
            token_digest=kept.token_digest,
            group_digest=kept.group_digest,
            named_id=kept.named_id,
            now=now,
            action=action,
            frame=masked(draft, self._sealer.mask),
            token_masked=kept.token_masked,
            line=request.line or LineUse.NOT_OFFERED.value,
        )
        _, frame = self._build(station, request, remote_start_id=send.number)
        if frame != draft:  # the frame carries the number of its row, which exists only now
            await sends.reframe(tx, send.id, masked(frame, self._sealer.mask))
        return send

    async def _exchange(
        self, station: ConnectedStation, request: SendFrameInput, send: Send, call: OutgoingCall
    ) -> AnswerReceived | AnswerMissing:
        action, payload = call
        loop = asyncio.get_running_loop()
        ids = ids_of(request, send)
        attributes = {f"evcommand.{name}": value for name, value in ids.items()}
        with tracer.start_as_current_span(f"ocpp.{action}", attributes=attributes):
            log.info("frame_sent", **ids, action=action)
            begin_s = loop.time()
            try:
                event = await station.call(
                    send.message_id, action, payload, request.answer_timeout_s
                )
            except SessionOver:
                event = AnswerMissing(send.message_id, action, Missing.CONNECTION_LOST)
            if isinstance(event, AnswerReceived):
                took_s = loop.time() - begin_s
                metrics.ANSWER_LATENCY.labels(kind=request.kind.value).observe(took_s)
            return event

    async def _with_answer(
        self, station: ConnectedStation, request: SendFrameInput, send: Send, event: AnswerReceived
    ) -> SendFrameResult:
        said = station.dialect.COMMANDS[request.kind].read_answer(event.answer)
        answer = without_echoes(said, send, self._sealer)
        now = station.peer.settled_time or self._utc_now()  # what it said next came later
        take_blame(event.answer, event.action, request.station, request.command)
        log.info("frame_answered", **ids_of(request, send), verdict=answer.verdict.value)

        async def write(tx: Tx) -> tuple[int, bool]:
            await check_standing(tx, station.peer)
            await sends.answered(tx, send.id, answer=answer_to_row(answer), now=now)
            await name_by_answer(tx, send, answer, now)
            left, about = send.send_time, send.named_id
            alone = await decides(tx, request.kind, request.station, answer, left, named_id=about)
            heard = partial(
                changes.frame_ended, kind=request.kind, answer=answer, at=now, decides=alone
            )
            return revision_of(await note(tx, request, "answered", heard, now)), alone

        try:
            revision, alone = await self._written(write, request) or (0, False)
        except Revoked as over:
            # Whoever holds this socket speaks for nobody: what became of the frame is not known.
            station.revoke(over)
            missing = AnswerMissing(send.message_id, event.action, Missing.CONNECTION_LOST)
            return await self._without_answer(request, send, missing)
        return SendFrameResult(
            SendStatus.ANSWERED,
            answer=answer,
            send_time=send.send_time,
            answer_time=now,
            effect_timeout_s=station.peer.connection_timeout_s,
            revision=revision,
            message_id=send.message_id,
            decides=alone,
        )

    async def _without_answer(
        self, request: SendFrameInput, send: Send, event: AnswerMissing
    ) -> SendFrameResult:
        lost = event.cause is Missing.CONNECTION_LOST
        cause = Cause.CONNECTION_LOST_AFTER_SEND if lost else Cause.ANSWER_TIMEOUT
        now = self._utc_now()
        log.warning("frame_unanswered", **ids_of(request, send), cause=cause.value)

        async def write(tx: Tx) -> int:
            await sends.lost(tx, send.id, cause=cause.value, now=now)
            return revision_of(await note(tx, request, "lost", unheard(request, cause, now), now))

        return SendFrameResult(
            SendStatus.NO_ANSWER,
            cause.value,
            send_time=send.send_time,
            revision=await self._written(write, request) or 0,
            message_id=send.message_id,
        )

    async def _written(
        self, write: Callable[[Tx], Awaitable[T]], request: SendFrameInput
    ) -> T | None:
        """Record the end of an attempt; None when it could not be written."""
        limit_s, pause_s = self._settings.fact_timeout_s, self._settings.retry_pause_s
        written = await written_within(limit_s, self._db, write, pause_s=pause_s)
        if written is None:
            log.warning("answer_not_recorded", command=request.command, station=request.station)
        return written
