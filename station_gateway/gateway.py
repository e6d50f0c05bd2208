"""Puts one gateway together, without its Temporal side: sockets, their leases, and what uses them.

A gateway holds two leases in the fleet. The lease of the process says that its connections are
alive; a thread renews it every few seconds (`station_gateway.lease`). The lease of a connection
(with its epoch) says which socket is the station's newest; a socket with an older epoch may send
nothing.
"""

import asyncio
import itertools
import time
import uuid
from contextlib import suppress
from functools import partial

import structlog

from domain.evidence.station_clock import read_clock
from fleet import connections, generations
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.keys import Passwords, Sealer
from fleet.remote_starts import foreign_starts
from journal.clock import Clock, system_clock
from journal.commands.waking import StationEvent, wake_concerned
from station_gateway.aging import OldSockets, leave_time_s
from station_gateway.commands.activities import GatewayActivities
from station_gateway.commands.passwords import PasswordRotations
from station_gateway.commands.questions import Questions
from station_gateway.commands.runs import Runs
from station_gateway.commands.sending import Sender
from station_gateway.dialects import DIALECTS
from station_gateway.dialects.command_words import SETS_PASSWORD
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import BootVerdict
from station_gateway.draining import DRAINED, Drain
from station_gateway.facts.authorizer import Authorizer, FleetAuthorizer
from station_gateway.facts.handlers import BootPolicy, Handlers
from station_gateway.facts.reports import OddReports
from station_gateway.lease import Lease, LeaseThread
from station_gateway.line import DirectLine
from station_gateway.relay.lost_copies import doubt_if_lost
from station_gateway.relay.recording import Recording
from station_gateway.relay.relayed_station import BackEndSocket, RelayedStation
from station_gateway.relay.unrecorded import Unrecorded
from station_gateway.session.copies import Allowance
from station_gateway.session.engine import SessionLimits
from station_gateway.session.events import POLICY_VIOLATION, SERVICE_RESTART, AnswerReceived
from station_gateway.session.flood import FloodLimits
from station_gateway.session.frames import FrameLimits
from station_gateway.settings import GatewaySettings
from station_gateway.sockets.arrivals import Arrivals
from station_gateway.sockets.handshake import Admitted, HandshakeJudge
from station_gateway.sockets.server import StationServer
from station_gateway.sockets.station_socket import StationSocket
from station_gateway.stations.displaced import DisplacedSockets
from station_gateway.stations.peer import Peer
from station_gateway.stations.registry import REPLACED, Registry
from station_gateway.stations.standing import Revoked
from station_gateway.stations.station import ConnectedStation, Surroundings
from station_gateway.stations.sweeper import Sweeper
from station_gateway.waking import Waker
from telemetry.supervision import supervised

log = structlog.get_logger(__name__)

TRY_AGAIN_LATER = 1013


class Gateway:
    """One gateway process without its Temporal side.

    gateway_id: names this process in the fleet, and the task queue of its activities.
    ready: whether it takes stations; False as soon as it drains.
    """

    def __init__(
        self,
        db: Database,
        sealer: Sealer,
        passwords: Passwords,
        waker: Waker,
        settings: GatewaySettings,
        *,
        line_key: str,
        authorizer: Authorizer | None = None,
        utc_now: Clock = system_clock,
    ) -> None:
        self.gateway_id = settings.gateway_id or uuid.uuid4().hex
        self._run_id = uuid.uuid4().hex
        self._socket_numbers = itertools.count(1)
        self.settings = settings
        self.ready = self._drains = False
        self.registry = Registry()
        self._db = db
        self._waker = waker
        self._utc_now = utc_now
        self.handshake_judge = HandshakeJudge(
            db, passwords, settings, utc_now=utc_now, monotonic_s=time.monotonic
        )
        self._authorizer = authorizer or FleetAuthorizer(sealer, open_to_all=settings.open)
        self.handlers = self._handlers_at(utc_now)
        self.reports = OddReports(db, waker, retry_pause_s=settings.retry_pause_s, utc_now=utc_now)
        self.sender = Sender(
            db, sealer, self.registry, settings, gateway=self.gateway_id, utc_now=utc_now
        )
        questions = Questions(db, self.registry, waker, settings, sealer=sealer, utc_now=utc_now)
        self.passwords = PasswordRotations(
            db, sealer, self.registry, settings, gateway=self.gateway_id, utc_now=utc_now
        )
        self.runs = Runs(self.sender.send, questions.after_answer)
        self.line = DirectLine(self.runs, settings, gateway=self.gateway_id, key=line_key)
        self.activities = GatewayActivities(self.runs, questions, settings)
        self.sweeper = Sweeper(db, self.registry, settings, utc_now=utc_now)
        self.lease = Lease(
            self.gateway_id, settings, self.line, utc_now=utc_now, caught_up=self._caught_up
        )
        self._lease_thread = LeaseThread(self.lease, db)
        self._drain = Drain(db, self.registry, settings, utc_now=utc_now)
        self._surroundings = self._shared(questions)
        self._recording = self._recorded(sealer)
        arrivals = Arrivals(settings, monotonic_s=time.monotonic, commands_go_on=self.runs.go_on)
        self.server = StationServer(settings, self.handshake_judge, arrivals, self._serve)
        self._loops: list[asyncio.Task[None]] = []
        self._unrecorded = Unrecorded()

    def _recorded(self, sealer: Sealer) -> Recording:
        settings = self.settings
        return Recording(
            settings,
            self._db,
            sealer,
            self._surroundings,
            self._handlers_at,
            allowance=Allowance(settings.relay_total_bytes),
            held=Allowance(settings.upstream_lost_total_bytes),
        )

    def _handlers_at(self, utc_now: Clock) -> Handlers:
        settings = self.settings
        return Handlers(
            self._db,
            self._authorizer,
            self._waker,
            heartbeat_s=settings.heartbeat_s,
            boot_policy=BootPolicy(BootVerdict(settings.unregistered_boot), settings.boot_retry_s),
            fact_timeout_s=settings.fact_timeout_s,
            retry_pause_s=settings.retry_pause_s,
            utc_now=utc_now,
        )

    def _shared(self, questions: Questions) -> Surroundings:
        settings = self.settings
        return Surroundings(
            settings=settings,
            session_limits={
                dialect.VERSION: _session_limits(settings, dialect) for dialect in DIALECTS.values()
            },
            flood_limits=FloodLimits(
                rate_per_s=settings.message_rate,
                burst=settings.message_burst,
                patience_s=settings.flood_patience_s,
            ),
            handlers=self.handlers,
            reports=self.reports,
            utc_now=self._utc_now,
            late_answer=partial(_late_answer, questions, self.passwords),
            on_boot=questions.after_boot,
            ask_boot=questions.ask_boot,
            on_flood=self._cool_off,
            look_at_displaced=DisplacedSockets(
                self._db, ping_timeout_s=settings.ping_timeout_s, utc_now=self._utc_now
            ).look,
            tasks=set(),
        )

    @property
    def port(self) -> int:
        """The port that stations connect to."""
        return self.server.port

    @property
    def address(self) -> str:
        """HOST:PORT that stations connect to."""
        host = self.settings.host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    async def start(self) -> None:
        """Take the lease, then listen.

        Raises:
            UnsafeStationListener: see `GatewaySettings.check`.
            DatabaseUnavailable: the lease is not taken.
        """
        self.settings.check()
        await self.line.start()
        try:
            await self._lease_thread.start()
            if self.settings.upstream_url:
                await self._db.batch(foreign_starts.begin_high)
            await self.server.start()
        except BaseException:
            await self.line.stop()
            await self._lease_thread.stop()
            raise
        old = OldSockets(self.registry, self._drain, self.settings)
        certificates = (self.line.certificates, self.server.certificates)
        loops = (
            ("turns", self.lease.turns),
            ("sweeper", self.sweeper.run),
            ("revocations", self.sweeper.run_revocations),
            ("reports", self.reports.run),
            ("passwords", self.passwords.run),
            ("old sockets", old.run),
            *(("certificates", served.run) for served in certificates if served is not None),
        )
        for name, run in loops:
            self._loops.append(asyncio.get_running_loop().create_task(supervised(name, run)))
        self.ready = True
        log.info("gateway_listens", address=self.address, gateway=self.gateway_id)

    async def drain(self) -> None:
        """Stop gently. Idempotent.

        Take no new station, let each one go as soon as no frame is out (see `draining`), and hold
        the lease until then: what is still here can be reached. It is given up when all copies of
        relayed messages are recorded, or the time for that is over.
        """
        if not self.ready:
            return
        self.ready, self._drains = False, True
        self.server.stop_listening()
        await self._drain.run()
        self.sender.stop()
        await self.line.stop()
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(self.settings.close_timeout_s * 2):
                await self.sender.finish(self.settings.close_timeout_s)
                await self.server.wait_closed()
                await asyncio.gather(*self._surroundings.tasks, return_exceptions=True)
        await self._lease_thread.stop(self._unrecorded.connections())
        await self.reports.flush()
        log.info("gateway_drained", gateway=self.gateway_id)

    async def _caught_up(self) -> None:
        """Return when nothing that stations told until now waits to be written."""
        await asyncio.gather(self._unrecorded.caught_up(), self.reports.caught_up())

    # --- one socket

    async def _serve(self, socket: StationSocket, admitted: Admitted, subprotocol: str) -> None:
        dialect, known = DIALECTS[subprotocol], admitted.station
        clock = read_clock(known.clock)
        peer = Peer(
            id=known.id,
            tenant=known.tenant,
            ocpp_version=dialect.VERSION,
            connection_id=f"{self._run_id}-{next(self._socket_numbers)}",
            generation=known.generation,
            tls=admitted.tls,
            leave_s=leave_time_s(asyncio.get_running_loop().time(), self.settings.max_socket_age_s),
            certified=admitted.certified,
            boot_known=self.handlers.may_be_booted(known),
            connection_timeout_s=known.connection_timeout_s,
            clock=clock,
            stored_clock=clock,
            relayed=admitted.upstream is not None,
        )
        station = self._station(socket, peer, dialect, admitted)
        if peer.relayed:  # what was passed on before is a fact as long as this one has not claimed
            await self._unrecorded.caught_up_with(peer.id, self.settings.fact_timeout_s)
        try:
            await self._claim(station, admitted.password_hash)
        except Revoked:
            await socket.close(POLICY_VIOLATION, "revoked")
            return
        except DatabaseUnavailable:
            log.warning("station_not_claimed", station=peer.id)
            await socket.close(TRY_AGAIN_LATER, "try again later")
            return
        if not self.registry.put(station):
            await socket.close(REPLACED, "replaced")
            return
        log.info("station_connected", station=peer.id, version=peer.ocpp_version)
        if isinstance(station, RelayedStation):
            self._unrecorded.add(station)
        if self._drains:  # it was admitted while the drain began
            station.end(DRAINED, SERVICE_RESTART)
        try:
            await station.run()
        finally:
            self.registry.remove(station)
            self._surroundings.spawn(self._release(station))
            log.info("station_disconnected", station=peer.id, code=socket.close_code)

    def _station(
        self, socket: StationSocket, peer: Peer, dialect: Dialect, admitted: Admitted
    ) -> ConnectedStation:
        if admitted.upstream is None:
            return ConnectedStation(socket, peer, dialect, self._surroundings)
        behind = BackEndSocket(admitted.upstream, admitted.redial)
        return RelayedStation(socket, behind, peer, dialect, self._recording)

    async def _claim(self, station: ConnectedStation, password_hash: str) -> None:
        """Take the station's lease. Raises: Revoked, DatabaseUnavailable."""
        peer, now = station.peer, self._utc_now()

        async def write(tx: Tx) -> tuple[int, bool]:
            if not await generations.stands_for_claim(
                tx, peer.id, peer.generation, password_hash=password_hash
            ):
                raise Revoked(peer.id)
            doubted = peer.relayed and await doubt_if_lost(tx, peer, self._run_id, now)
            epoch = await connections.claim(
                tx,
                station=peer.id,
                gateway=self.gateway_id,
                connection_id=peer.connection_id,
                ocpp_version=peer.ocpp_version,
                now=now,
            )
            told = {"connection_id": peer.connection_id, "gateway": self.gateway_id}
            event = StationEvent(peer.id, "connected", told=told)
            return epoch, await wake_concerned(tx, event, now) or doubted

        peer.epoch, wake = await self._db.batch(write)
        if wake:
            self._waker.kick()

    async def _release(self, station: ConnectedStation) -> None:
        """Give up the connection's lease, unless a newer socket has taken it.

        What waits to be recorded comes first: who dies before leaves a doubt (`lost_copies`).
        """
        peer, now = station.peer, self._utc_now()
        moves = self._drains or peer.moves
        await station.recorded()
        if isinstance(station, RelayedStation):
            self._unrecorded.discard(station)
        try:
            await self._db.batch(
                lambda tx: connections.release(
                    tx,
                    station=peer.id,
                    connection_id=peer.connection_id,
                    now=now,
                    moves=moves,
                )
            )
        except DatabaseUnavailable:
            log.warning("station_not_released", station=peer.id)

    def _cool_off(self, station: ConnectedStation) -> None:
        log.warning("station_floods", station=station.peer.id)
        self.handshake_judge.cool_off(station.peer.id)


async def _late_answer(
    questions: Questions,
    passwords: PasswordRotations,
    station: ConnectedStation,
    event: AnswerReceived,
) -> None:
    """Keep an answer that came after its CALL was given up."""
    keep = passwords.keep_answer if event.action in SETS_PASSWORD else questions.late_answer
    await keep(station, event)


def _session_limits(settings: GatewaySettings, dialect: Dialect) -> SessionLimits:
    return SessionLimits(
        frame=FrameLimits(
            frame_bytes=settings.frame_bytes(dialect.CAPABILITIES),
            mend=not settings.strict,
            mend_bytes=settings.mend_bytes,
        ),
        queued_calls=settings.queue_frames,
        overdue_calls=settings.late_answers,
    )
