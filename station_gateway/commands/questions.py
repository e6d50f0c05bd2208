"""Our own questions to a station: read-only, harmless to repeat, never in a command's way."""

import asyncio
import random
import uuid
from collections.abc import Callable
from datetime import datetime

import structlog

from contract.commands import AskStationInput, AskStationResult, SendFrameInput, SendFrameResult
from domain.model.answers import Verdict
from domain.model.specs import Kind
from fleet import sends, stations
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from journal.commands.waking import StationEvent, wake_concerned
from station_gateway.commands.answers import take_blame, to_row
from station_gateway.commands.waiting import StationGone
from station_gateway.dialects.interface import Answer
from station_gateway.dialects.messages import OutgoingCall
from station_gateway.facts.handlers import Waker
from station_gateway.session.events import AnswerReceived, SessionOver
from station_gateway.session.queue import LaneFull, Priority
from station_gateway.settings import GatewaySettings
from station_gateway.sockets.registry import Registry
from station_gateway.sockets.station import Station

log = structlog.get_logger(__name__)

ABOUT_SESSIONS = frozenset({Kind.START_SESSION, Kind.STOP_SESSION})
MAX_PLACES = 16
"""Connectors of one station that are asked about one after the other."""

Place = tuple[int | None, int | None]
"""EVSE and connector; None: not named."""


async def put(
    station: Station, call: OutgoingCall, priority: Priority, timeout_s: float
) -> Answer | None:
    """Ask, waiting in line for it; None when no answer came within `timeout_s` altogether."""
    key, loop = str(uuid.uuid4()), asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    try:
        await station.wait_booted(deadline)
        line = station.line()
        await line.stand(key, priority, deadline)
    except (TimeoutError, LaneFull, StationGone):
        return None
    try:
        action, payload = call
        event = await station.call(key, action, payload, max(deadline - loop.time(), 0.1))
    except SessionOver:
        return None
    finally:
        line.leave(key)
    if not isinstance(event, AnswerReceived):
        return None
    take_blame(event.answer, action, station.peer.id)
    return event.answer


class Questions:
    """What is asked besides commands, and the answers that come too late for one."""

    def __init__(
        self,
        db: Database,
        registry: Registry,
        waker: Waker,
        settings: GatewaySettings,
        *,
        utc_now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._registry = registry
        self._waker = waker
        self._settings = settings
        self._utc_now = utc_now

    async def ask(self, request: AskStationInput) -> AskStationResult:
        """What became of a command? Nothing is assumed when the station does not say."""
        station = self._registry.get(request.station)
        if station is None:
            return AskStationResult(asked=False, detail="the station is not connected")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(request.timeout_s, self._settings.ask_timeout_s)
        told: AskStationResult | None = None
        for evse_id, connector_id in await self._places(station, request):
            call = station.dialect.ask(
                request.kind, evse_id=evse_id, connector_id=connector_id, wire_id=request.wire_id
            )
            answer = await put(station, call, Priority.NORMAL, deadline - loop.time())
            if answer is None:
                break
            told = station.dialect.read_asked(answer)
        return told or AskStationResult(asked=False, detail="the station did not answer")

    async def _places(self, station: Station, request: AskStationInput) -> list[Place]:
        """Where to ask about: a 2.x station tells of one connector at a time, named by number."""
        asked = (request.evse_id, request.connector_id)
        if request.kind in ABOUT_SESSIONS or station.peer.ocpp_version == "1.6":
            return [asked]
        if request.connector_id is not None:
            return [asked]
        try:
            async with self._db.read() as tx:
                known = await stations.connectors(tx, request.station)
        except DatabaseUnavailable:
            return [asked]
        places: list[Place] = [
            (each.evse_id, each.connector_id)
            for each in known
            if each.evse_id > 0 and request.evse_id in {None, each.evse_id}
        ]
        return places[:MAX_PLACES] or [asked]

    def after_boot(self, station: Station) -> None:
        """Learn, a little later, how long this station waits for the cable."""
        if station.peer.connection_timeout_s is not None:
            return
        delay_s = self._settings.housekeeping_delay_s
        delay_s += random.uniform(0, self._settings.housekeeping_jitter_s)  # noqa: S311
        station.later(delay_s, lambda: self._learn_connection_timeout(station))

    def after_answer(self, request: SendFrameInput, result: SendFrameResult) -> None:
        """A start was agreed to: its deadline hangs on the station's patience; ask for that."""
        agreed = result.answer is not None and result.answer.verdict is Verdict.ACCEPTED
        station = self._registry.get(request.station)
        if request.kind is not Kind.START_SESSION or not agreed or station is None:
            return
        if station.peer.connection_timeout_s is None:
            station.later(0.0, lambda: self._learn_connection_timeout(station))

    async def _learn_connection_timeout(self, station: Station) -> None:
        if station.peer.connection_timeout_s is not None:
            return
        call = station.dialect.get_connection_timeout()
        answer = await put(
            station, call, Priority.BACKGROUND, self._settings.housekeeping_timeout_s
        )
        if answer is None:
            return
        seconds = station.dialect.read_connection_timeout(answer)
        if seconds is None:
            return
        station.peer.connection_timeout_s = seconds
        told = StationEvent(station.peer.id, "connection_timeout")

        async def write(tx: Tx) -> bool:
            await stations.set_connection_timeout(tx, station.peer.id, seconds)
            return await wake_concerned(tx, told, self._utc_now())

        try:
            if await self._db.batch(write):
                self._waker.kick()
        except DatabaseUnavailable:
            log.warning("connection_timeout_not_stored", station=station.peer.id)

    async def late_answer(self, station: Station, event: AnswerReceived) -> None:
        """An answer after its CALL was given up: keep it as evidence and wake who waits for it."""
        now = self._utc_now()

        async def write(tx: Tx) -> bool:
            send = await sends.by_message(tx, station.peer.id, event.message_id)
            if send is None:
                return False
            answer = station.dialect.read_answer(Kind(send.kind), event.answer)
            take_blame(event.answer, event.action, station.peer.id, send.command)
            await sends.answered(tx, send.id, answer=to_row(answer), now=now)
            concerned = StationEvent(station.peer.id, "answer", remote_start_id=send.id)
            return await wake_concerned(tx, concerned, now)

        try:
            if await self._db.batch(write):
                self._waker.kick()
        except DatabaseUnavailable:
            log.warning("late_answer_not_stored", station=station.peer.id)
        else:
            log.info(
                "late_answer",
                station=station.peer.id,
                action=event.action,
                message_id=event.message_id,
            )
