"""Our own questions to a station: read-only, and harmless to repeat.

A question tells what became of a command whose answer or effect is missing, or how the station is
configured. It waits in the station's queue like a command and writes nothing by itself. The facts
that it brings come as messages of the station.
"""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import structlog

from contract.commands import SendFrameInput, SendFrameResult
from contract.questions import AskStationInput, AskStationResult
from domain.model.answers import Verdict
from domain.model.specs import Kind
from domain.token_bucket import TokenBucket
from fleet import sends, stations
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.keys import Sealer
from journal.commands.answers import answer_to_row
from journal.commands.requested import name_by_answer
from journal.commands.waking import StationEvent, wake_concerned
from station_gateway.commands.answers import take_blame, without_echoes
from station_gateway.commands.frames import AWAIT_CABLE
from station_gateway.dialects.command_words import (
    Question,
    QuestionSubject,
    agrees_to_trigger,
)
from station_gateway.dialects.messages import Answer, OutgoingCall
from station_gateway.session.events import AnswerReceived, SessionOver
from station_gateway.session.queue import Priority, QueueFull
from station_gateway.settings import GatewaySettings
from station_gateway.stations.registry import Registry
from station_gateway.stations.standing import Revoked, write_as
from station_gateway.stations.station import ConnectedStation
from station_gateway.stations.waiting import StationGone
from station_gateway.waking import Waker

log = structlog.get_logger(__name__)

FIRST_AT_ONCE = 20
LONGEST_WAIT_S = 1_800.0
"""Of first questions: what the rate lets through at once, and how long one may wait."""

SHORTEST_S = 2.0
"""A question whose turn comes at its deadline still gets this long for its answer: a station has to
have the time for it, for the next CALL goes out then."""


@asynccontextmanager
async def turn_at(
    station: ConnectedStation,
    key: str,
    priority: Priority,
    deadline: float,
    *,
    before_boot: bool = False,
) -> AsyncIterator[None]:
    """The turn of `key` in the station's queue, after its boot. `deadline` is loop time.

    Raises: TimeoutError, QueueFull, StationGone. Nothing was sent then.
    """
    if not before_boot:
        await station.wait_booted(deadline)
    queue = station.queue()
    await queue.wait_turn(key, priority, deadline)
    try:
        yield
    finally:
        queue.leave(key)


async def put_question(
    station: ConnectedStation,
    call: OutgoingCall,
    priority: Priority,
    timeout_s: float,
    *,
    before_boot: bool = False,
) -> Answer | None:
    """Ask when it is our turn; None when no answer came within `timeout_s` altogether."""
    key, (action, payload), loop = str(uuid.uuid4()), call, asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    try:
        async with turn_at(station, key, priority, deadline, before_boot=before_boot):
            left_s = max(deadline - loop.time(), SHORTEST_S)
            event = await station.call(key, action, payload, left_s)
    except (TimeoutError, QueueFull, StationGone, SessionOver):
        return None
    if not isinstance(event, AnswerReceived):
        return None
    take_blame(event.answer, action, station.peer.id)
    return event.answer


class Questions:
    """Puts our questions to stations, and keeps the answers that come too late for a command."""

    def __init__(
        self,
        db: Database,
        registry: Registry,
        waker: Waker,
        settings: GatewaySettings,
        *,
        sealer: Sealer,
        utc_now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._registry = registry
        self._waker = waker
        self._settings = settings
        self._sealer = sealer
        self._utc_now = utc_now
        self._first_questions = TokenBucket(
            settings.housekeeping_rate, FIRST_AT_ONCE, time.monotonic()
        )

    async def ask(self, request: AskStationInput) -> AskStationResult:
        """Ask what became of a command. Nothing is assumed when the station does not say."""
        station = self._registry.get(request.station)
        if station is None:
            return AskStationResult(asked=False, detail="the station is not connected")
        question = station.dialect.COMMANDS[request.kind].question
        if question is None:
            return AskStationResult(asked=False, detail="this OCPP version has no question for it")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(request.timeout_s, self._settings.ask_timeout_s)
        result = AskStationResult(asked=False, detail="the station did not answer")
        station.peer.note_next_life()  # what it reports on being asked is not to be passed over
        for subject in await self._subjects(question, request):
            call = question.write(subject)
            answer = await put_question(station, call, Priority.NORMAL, deadline - loop.time())
            if answer is None:
                break
            said = question.read(answer)
            result = AskStationResult(
                asked=True,
                ongoing=said.ongoing,
                messages_in_queue=said.messages_in_queue,
                detail=said.detail,
            )
        return result

    async def _subjects(
        self, question: Question, request: AskStationInput
    ) -> list[QuestionSubject]:
        """What to ask about, one after the other; several connectors where one has to be named."""
        named = QuestionSubject(request.evse_id, request.connector_id, request.ocpp_transaction_id)
        if not question.each_connector or request.connector_id is not None:
            return [named]
        try:
            async with self._db.read() as tx:
                known = await stations.connectors(tx, request.station)
        except DatabaseUnavailable:
            return [named]
        connectors = [
            QuestionSubject(each.evse_id, each.connector_id)
            for each in known
            if each.evse_id > 0 and request.evse_id in {None, each.evse_id}
        ]
        return connectors[: self._settings.asked_connectors] or [named]

    async def ask_boot(self, station: ConnectedStation) -> None:
        """Ask a station that connected without a boot to boot."""
        call, timeout_s = station.dialect.ask_boot(), self._settings.housekeeping_timeout_s
        log.info("boot_asked", station=station.peer.id)
        answer = await put_question(station, call, Priority.NORMAL, timeout_s, before_boot=True)
        if answer is not None:
            station.boot.request_answered(agreed=agrees_to_trigger(answer))

    def after_boot(self, station: ConnectedStation) -> None:
        """Learn, a little later, how long this station waits for the cable.

        Later, and by chance, so that the boots of many stations do not become one burst of CALLs.
        In a fleet that is new, so many wait that one of them may be asked after its next boot only,
        or when it accepts a start.
        """
        if station.peer.connection_timeout_s is not None:
            return
        wait_s = self._first_questions.take_within(time.monotonic(), LONGEST_WAIT_S)
        if wait_s is None:
            return
        delay_s = wait_s + self._settings.housekeeping_delay_s
        delay_s += random.uniform(0, self._settings.housekeeping_jitter_s)  # noqa: S311
        station.later(delay_s, lambda: self._learn_connection_timeout(station))

    def after_answer(self, request: SendFrameInput, result: SendFrameResult) -> None:
        """Learn it now when a start was accepted: the deadline of the start depends on it."""
        agreed = result.answer is not None and result.answer.verdict is Verdict.ACCEPTED
        station = self._registry.get(request.station)
        if request.kind not in AWAIT_CABLE or not agreed or station is None:
            return
        if station.peer.connection_timeout_s is None:
            station.later(0.0, lambda: self._learn_connection_timeout(station))

    async def _learn_connection_timeout(self, station: ConnectedStation) -> None:
        if station.peer.connection_timeout_s is not None:
            return
        call = station.dialect.get_connection_timeout()
        answer = await put_question(
            station, call, Priority.BACKGROUND, self._settings.housekeeping_timeout_s
        )
        if answer is None:
            return
        seconds = station.dialect.read_connection_timeout(answer)
        if seconds is None:
            return
        station.peer.connection_timeout_s = seconds
        event = StationEvent(station.peer.id, "connection_timeout")

        async def write(tx: Tx) -> bool:
            await stations.set_connection_timeout(tx, station.peer.id, seconds)
            return await wake_concerned(tx, event, self._utc_now())

        try:
            if await write_as(self._db, station.peer, write):
                self._waker.kick()
        except Revoked as over:
            station.revoke(over)
        except DatabaseUnavailable:
            log.warning("connection_timeout_not_stored", station=station.peer.id)

    async def late_answer(self, station: ConnectedStation, event: AnswerReceived) -> None:
        """Keep an answer that came after its CALL was given up, and wake the command.

        The answer is evidence: it tells that the frame arrived, and what the station decided.
        """
        now = self._utc_now()

        async def write(tx: Tx) -> bool:
            send = await sends.by_message(tx, station.peer.id, event.message_id)
            if send is None:
                return False
            said = station.dialect.COMMANDS[Kind(send.kind)].read_answer(event.answer)
            answer = without_echoes(said, send, self._sealer)
            take_blame(event.answer, event.action, station.peer.id, send.command)
            await sends.answered(tx, send.id, answer=answer_to_row(answer), now=now)
            await name_by_answer(tx, send, answer, now)
            concerned = StationEvent(station.peer.id, "answer", remote_start_id=send.number)
            return await wake_concerned(tx, concerned, now)

        try:
            if await write_as(self._db, station.peer, write):
                self._waker.kick()
        except Revoked as over:
            station.revoke(over)
        except DatabaseUnavailable:
            log.warning("late_answer_not_stored", station=station.peer.id)
        else:
            log.info(
                "late_answer",
                station=station.peer.id,
                action=event.action,
                message_id=event.message_id,
            )
