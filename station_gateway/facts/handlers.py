"""What the gateway does with each message of a station, and what it answers.

A message that carries a fact is answered after the fact is committed, never before: a station
repeats a message without an answer, and forgets an answered one. So while the database is down the
station gets no answer (`Unanswered`), and no fact is lost.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import structlog

from domain.ocpp_words import BootReason
from fleet import stations, transactions
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.stations import Station
from journal.bookings.arrivals import note_card
from journal.commands.asked_tokens import note_token_answer
from station_gateway.dialects.messages import (
    AuthorizationAsked,
    AvailabilitySeen,
    Booted,
    BootVerdict,
    Confirmation,
    ConnectorStatusSeen,
    HeartbeatSeen,
    MeterRead,
    NoticeSeen,
    ReservationEndReported,
    SecurityEventSeen,
    SessionEvent,
    SessionStarted,
    SessionStopped,
    StationCall,
    StationTime,
    VendorDataSeen,
)
from station_gateway.facts import booked, lasting, session_reports
from station_gateway.facts import recording as facts
from station_gateway.facts.authorizer import Authorizer, Judgement
from station_gateway.facts.clocks import on_our_clock, shown_at, store_clock
from station_gateway.facts.flows import flows, keep_flow
from station_gateway.stations.peer import Peer
from station_gateway.stations.ports import Unanswered
from station_gateway.stations.standing import check_standing_now, write_as
from station_gateway.waking import Waker
from telemetry import metrics

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BootPolicy:
    """What boots are answered.

    unregistered: to a station that nobody registered. retry_s: when one that is not accepted is to
        boot again, in seconds.
    """

    unregistered: BootVerdict = BootVerdict.ACCEPTED
    retry_s: int = 60

    @property
    def accepts_all(self) -> bool:
        """Whether every boot is accepted."""
        return self.unregistered is BootVerdict.ACCEPTED


class Handlers:
    """Handles every message of `StationCall`, one method per class."""

    def __init__(
        self,
        db: Database,
        authorizer: Authorizer,
        waker: Waker,
        *,
        heartbeat_s: int,
        boot_policy: BootPolicy,
        fact_timeout_s: float,
        retry_pause_s: float,
        utc_now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._authorizer = authorizer
        self._waker = waker
        self._heartbeat_s = heartbeat_s
        self._boot_policy = boot_policy
        self._fact_timeout_s = fact_timeout_s
        self._retry_pause_s = retry_pause_s
        self._utc_now = utc_now
        self._replaced: dict[type, Callable[[Peer, Any], Awaitable[Confirmation]]] = {}

    def replace(
        self, message: type, handler: Callable[[Peer, Any], Awaitable[Confirmation]]
    ) -> None:
        """Handle messages of this class with another handler from now on."""
        self._replaced[message] = handler

    async def handle(self, peer: Peer, call: StationCall) -> Confirmation:
        """Do what the message asks for, and return what to answer.

        Raises:
            Unanswered: the fact could not be written; the station will repeat the message.
            Revoked: the socket is no longer its station's, and is to be closed.
        """
        call = on_our_clock(peer, call)
        message = type(call)
        handler = self._replaced.get(message) or getattr(self, _METHODS[message])
        await store_clock(self._db, peer, self._utc_now())
        clock = asyncio.get_running_loop().time
        begin_s = clock()
        while True:
            try:
                return await handler(peer, call)
            except DatabaseUnavailable as error:
                # Try again while the station still waits. Every fact may be written twice.
                if clock() - begin_s > self._fact_timeout_s - self._retry_pause_s:
                    log.warning("fact_not_written", station=peer.id, message=message.__name__)
                    raise Unanswered from error
                await asyncio.sleep(self._retry_pause_s)

    async def booted(self, peer: Peer, call: Booted) -> Confirmation:
        """BootNotification: a station that was admitted is accepted, unless its boot is held.

        One that we asked for (TriggerMessage) is no boot, unless it is the first that we get. 1.6
        has no word for it: it is the first boot after the station agreed to be asked.
        """
        now = self._utc_now()
        reason = call.reason or (BootReason.TRIGGERED if peer.boot_asked else "")
        verdict = call.answered or await self._boot_verdict(peer)
        if verdict is not BootVerdict.ACCEPTED:
            await write_as(self._db, peer, lambda tx: facts.boot_held(tx, peer, call, verdict, now))
            peer.held()
            peer.boot_asked = False
            log.warning("station_boot_held", station=peer.id, answer=verdict.value)
            retry_s = self._boot_policy.retry_s
            return Confirmation(self._utc_now(), boot=verdict, interval_s=retry_s)
        if reason != BootReason.TRIGGERED or not (peer.boot_accepted or peer.boot_known):
            boot = msgspec.structs.replace(call, reason=reason)
            self._kick(await write_as(self._db, peer, lambda tx: facts.booted(tx, peer, boot, now)))
            peer.booted()
            log.info("station_booted", station=peer.id, reason=reason)
        peer.boot_accepted, peer.boot_asked = True, False
        return Confirmation(self._utc_now(), boot=verdict, interval_s=self._heartbeat_s)

    async def take_as_booted(self, peer: Peer) -> None:
        """A station talks and does not boot: it counts as booted, unless its boot is held.

        Raises:
            Unanswered: the database is away.
            Revoked: the socket is no longer its station's.
        """
        now = self._utc_now()
        try:
            if await self._boot_verdict(peer) is not BootVerdict.ACCEPTED:
                peer.held()
                return
            self._kick(
                await write_as(self._db, peer, lambda tx: facts.taken_as_booted(tx, peer, now))
            )
        except DatabaseUnavailable as error:
            raise Unanswered from error
        peer.boot_accepted = True
        peer.boot_asked = False
        log.info("station_taken_as_booted", station=peer.id)

    def may_be_booted(self, station: Station) -> bool:
        """Whether we accepted a boot of this station before, and still would."""
        accepted = station.boot_state == BootVerdict.ACCEPTED
        return accepted and (station.registered or self._boot_policy.accepts_all)

    async def _boot_verdict(self, peer: Peer) -> BootVerdict:
        policy = self._boot_policy
        if policy.accepts_all or peer.relayed:
            return BootVerdict.ACCEPTED
        async with self._db.read() as tx:
            station = await stations.get(tx, peer.id)
        registered = station is not None and station.registered
        return BootVerdict.ACCEPTED if registered else policy.unregistered

    async def connector_status(self, peer: Peer, call: ConnectorStatusSeen) -> Confirmation:
        """StatusNotification."""
        now = self._utc_now()
        self._kick(
            await write_as(self._db, peer, lambda tx: facts.connector_status(tx, peer, call, now))
        )
        return Confirmation(self._utc_now())

    async def availability(self, peer: Peer, call: AvailabilitySeen) -> Confirmation:
        """NotifyEvent of connectors."""
        now = self._utc_now()

        async def write(tx: Tx) -> bool:
            told = [await facts.connector_status(tx, peer, each, now) for each in call.connectors]
            return any(told)

        self._kick(await write_as(self._db, peer, write))
        return Confirmation(self._utc_now())

    async def authorization(self, peer: Peer, call: AuthorizationAsked) -> Confirmation:
        """Authorize: the token is judged. What a start of ours is told no is written."""
        now = self._utc_now()
        async with self._db.read() as tx:
            await check_standing_now(tx, peer)
            token = await self._authorizer.judge(
                tx, station=peer.id, tenant=peer.tenant, token=call.token, now=now
            )
            token = await booked.judge_card(tx, peer, token, now)
            token = await lasting.in_running_session(tx, peer.id, token)
            shown = await booked.shown_by(tx, peer, token, now)
        if shown is not None:
            await write_as(self._db, peer, lambda tx: note_card(tx, shown, now))
        if token.brought or call.certificate:
            await self._note_asked(peer, call, token)
        return Confirmation(now, authorization=token.authorization)

    async def _note_asked(self, peer: Peer, call: AuthorizationAsked, token: Judgement) -> None:
        """Keep what is said of a token that a start in flight may have brought.

        Nobody here checks certificates: who asks about one is told no.
        """
        refused = call.certificate or not token.accepted

        async def write(tx: Tx) -> None:
            asked, digest = call.asked_time, token.digest
            await note_token_answer(tx, peer.id, digest, asked=asked, refused=refused)

        await write_as(self._db, peer, write)

    async def session_started(self, peer: Peer, call: SessionStarted) -> Confirmation:
        """StartTransaction: the same message twice makes one session with one id."""
        now = self._utc_now()
        session, token, wake = await write_as(
            self._db,
            peer,
            lambda tx: session_reports.session_started(tx, peer, call, self._authorizer, now),
        )
        self._kick(wake)
        if session.evse_id:  # its first meter values may tell the connector that its start did not
            peer.learn(session.ocpp_transaction_id)
        log.info("session_started", station=peer.id, session=session.name, ok=token.accepted)
        return Confirmation(
            self._utc_now(),
            authorization=token.authorization,
            ocpp_transaction_id=transactions.told_id_v16(session),
        )

    async def session_stopped(self, peer: Peer, call: SessionStopped) -> Confirmation:
        """StopTransaction: always confirmed, whatever the verdict on its token."""
        now = self._utc_now()

        async def write(tx: Tx) -> tuple[Judgement | None, bool]:
            token = None
            if call.token is not None:
                token = await self._authorizer.judge(
                    tx, station=peer.id, tenant=peer.tenant, token=call.token, now=now
                )
            return await session_reports.session_stopped(tx, peer, call, token, now)

        token, wake = await write_as(self._db, peer, write)
        self._kick(wake)
        return Confirmation(self._utc_now(), authorization=token.authorization if token else None)

    async def session_event(self, peer: Peer, call: SessionEvent) -> Confirmation:
        """TransactionEvent."""
        now = self._utc_now()
        token, wake = await write_as(
            self._db,
            peer,
            lambda tx: session_reports.session_event(tx, peer, call, self._authorizer, now),
        )
        self._kick(wake)
        return Confirmation(self._utc_now(), authorization=token.authorization if token else None)

    async def meter_read(self, peer: Peer, call: MeterRead) -> Confirmation:
        """MeterValues: a fact when they name a session of which we never heard, or not lately."""
        ocpp_transaction_id, now = call.ocpp_transaction_id, self._utc_now()
        if ocpp_transaction_id is None:
            await self._note_flow(peer, call, now)
            return Confirmation(self._utc_now())
        alive_time = self._life_to_note(peer, ocpp_transaction_id, call.time, now)
        if alive_time is not None and peer.knows(ocpp_transaction_id):
            await write_as(
                self._db,
                peer,
                lambda tx: transactions.show_alive(tx, peer.id, ocpp_transaction_id, alive_time),
            )
        elif not peer.knows(ocpp_transaction_id):
            wake, no_news = await write_as(
                self._db,
                peer,
                lambda tx: session_reports.session_observed(
                    tx, peer, ocpp_transaction_id, call, now, alive_time=alive_time
                ),
            )
            self._kick(wake)
            if no_news:
                peer.learn(ocpp_transaction_id)
        return Confirmation(self._utc_now())

    async def _note_flow(self, peer: Peer, call: MeterRead, now: datetime) -> None:
        evse_id = call.evse_id or 0
        place = f"evse {evse_id}"
        if flows(peer, call, now) and peer.must_note_life(place, now, transactions.LIFE_PACE):
            self._kick(await write_as(self._db, peer, lambda tx: keep_flow(tx, peer, evse_id, now)))

    def _life_to_note(
        self, peer: Peer, session: str, time: StationTime, now: datetime
    ) -> datetime | None:
        """When meter values show that a session runs, if that is to be written."""
        shown = shown_at(time, now)
        due = shown is not None and peer.must_note_life(session, now, transactions.LIFE_PACE)
        return shown if due else None

    async def reservation_ended(self, peer: Peer, call: ReservationEndReported) -> Confirmation:
        """ReservationStatusUpdate: the station says that a reservation is over."""
        now = self._utc_now()
        self._kick(
            await write_as(self._db, peer, lambda tx: facts.reservation_ended(tx, peer, call, now))
        )
        log.info("reservation_ended", station=peer.id, status=call.status)
        return Confirmation(self._utc_now())

    async def security_event(self, peer: Peer, call: SecurityEventSeen) -> Confirmation:
        """SecurityEventNotification: an operator is told about it."""
        metrics.SECURITY_EVENTS.labels(event="reported_by_station").inc()
        log.warning("security_event", station=peer.id, event_type=call.event)
        return Confirmation(self._utc_now())

    async def noticed(self, peer: Peer, call: StationCall) -> Confirmation:
        """Any message that is confirmed and not kept."""
        del peer, call
        return Confirmation(self._utc_now())

    def _kick(self, wake: bool) -> None:
        if wake:
            self._waker.kick()


_METHODS: dict[type, str] = {
    Booted: "booted",
    HeartbeatSeen: "noticed",
    ConnectorStatusSeen: "connector_status",
    AvailabilitySeen: "availability",
    AuthorizationAsked: "authorization",
    SessionStarted: "session_started",
    SessionStopped: "session_stopped",
    SessionEvent: "session_event",
    MeterRead: "meter_read",
    VendorDataSeen: "noticed",
    ReservationEndReported: "reservation_ended",
    SecurityEventSeen: "security_event",
    NoticeSeen: "noticed",
}
"""By name: a relayed station has handlers of its own, with its own clock, made again and again."""
