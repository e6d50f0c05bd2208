"""A gateway under test: its fleet, its stations' passwords, and commands for its activities."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.testing import ActivityEnvironment

from contract.commands import SendFrameInput, SendFrameResult
from contract.questions import AskStationInput, AskStationResult
from domain.model.command import Command, State
from domain.model.specs import (
    CancelReservationSpec,
    IdToken,
    Kind,
    ReserveSpec,
    ResetSpec,
    StartSpec,
    StopSpec,
    UnlockSpec,
)
from domain.reservations.reservation import ENDS, Reservation, ReservationState
from fleet import sends, stations, transactions, wakeups
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.keys import Passwords, Sealer
from fleet.log import commands as log
from fleet.log import reservations
from fleet.sends import Send
from fleet.transactions.rows import Transaction
from fleet.wakeups import Wakeup
from journal.commands.record import from_snapshot, record
from journal.reservations import record as reservation_recorder
from station_gateway.dialects.messages import Confirmation, HeartbeatSeen
from station_gateway.gateway import Gateway
from station_gateway.settings import GatewaySettings
from station_gateway.stations.peer import Peer
from tests.support.stations.scripted_station import ScriptedStation, connected

PASSWORD = "a-password-of-the-test"
TENANT = "default"

OtherSpec = UnlockSpec | ResetSpec | ReserveSpec | CancelReservationSpec
KIND_OF: dict[type, tuple[Kind, str]] = {
    UnlockSpec: (Kind.UNLOCK_CONNECTOR, "unlock"),
    ResetSpec: (Kind.RESET, "reset"),
    ReserveSpec: (Kind.RESERVE_NOW, "reserve"),
    CancelReservationSpec: (Kind.CANCEL_RESERVATION, "cancel_reservation"),
}
"""Kind and field of a request by the class of its spec. Start and stop have their own methods."""


def quick(**changed: Any) -> GatewaySettings:
    """Settings for tests: a free port, no questions of our own, short waits."""
    settings = GatewaySettings(
        port=0,
        housekeeping_delay_s=600.0,
        boot_grace_s=0.05,
        progress_delay_s=0.05,
        close_timeout_s=0.5,
        drain_timeout_s=2.0,
        drain_pause_s=0.0,
    )
    return replace(settings, **changed)


LINE_KEY = "key-of-the-line"


class CountedKicks:
    """Counts the kicks that would wake workflows."""

    def __init__(self) -> None:
        self.kicks = 0

    def kick(self) -> None:
        self.kicks += 1


class Bench:
    """A gateway with its fleet, and the means to drive and to inspect both."""

    def __init__(
        self, db: Database, sealer: Sealer, passwords: Passwords, settings: GatewaySettings
    ) -> None:
        self.db = db
        self.sealer = sealer
        self.passwords = passwords
        self.waker = CountedKicks()
        self.skew = timedelta()
        self.gateway = self._gateway(settings)
        self._numbers = itertools.count(1)

    def _gateway(self, settings: GatewaySettings) -> Gateway:
        """A gateway whose wall clock is wrong by `skew`."""
        return Gateway(
            self.db,
            self.sealer,
            self.passwords,
            self.waker,
            settings,
            line_key=LINE_KEY,
            utc_now=lambda: now() + self.skew,
        )

    async def start(self) -> None:
        await self.gateway.start()

    async def stop(self) -> None:
        await self.gateway.drain()

    async def restart(self, **changed: Any) -> None:
        """Restart the gateway with other settings, on the same fleet."""
        await self.gateway.drain()
        settings = replace(self.gateway.settings, **changed)
        self.gateway = self._gateway(settings)
        await self.gateway.start()

    # --- stations

    def url(self, station: str) -> str:
        return f"ws://{self.gateway.address}/ocpp/{station}"

    async def register(
        self,
        station: str,
        password: str = PASSWORD,
        *,
        cable_s: float | None = 60.0,
        security_profile: int = 1,
    ) -> None:
        """Register a station. cable_s: its connection timeout, None when it is not known."""
        hashed = self.passwords.hash_generated(password)
        async with self.db.write() as tx:
            await stations.create(
                tx,
                id=station,
                tenant=TENANT,
                location="",
                security_profile=security_profile,
                password_hash=hashed,
                now=now(),
            )
            await stations.set_connection_timeout(tx, station, cable_s)

    @asynccontextmanager
    async def station(
        self, station: str = "S1", *, subprotocol: str = "ocpp1.6", boot: bool = True
    ) -> AsyncIterator[ScriptedStation]:
        """A registered, connected and booted station."""
        async with self.db.read() as tx:
            known = await stations.get(tx, station)
        if known is None:
            await self.register(station)
        async with connected(self.url(station), PASSWORD, subprotocol=subprotocol) as scripted:
            if boot:
                await scripted.boot()
            yield scripted

    def pending_handshakes(self) -> int:
        return len(self.gateway.server.pending)

    async def hold_heartbeats(self, release: asyncio.Event) -> None:
        """Answer no Heartbeat before `release`."""
        handlers = self.gateway.handlers

        async def held(peer: Peer, call: HeartbeatSeen) -> Confirmation:
            await release.wait()
            return await handlers.noticed(peer, call)

        handlers.replace(HeartbeatSeen, held)

    # --- commands

    def token(self, value: str = "TAG1", type: str = "ISO14443") -> IdToken:
        return IdToken(
            type, self.sealer.mask(value), self.sealer.seal(value), self.sealer.digest(type, value)
        )

    async def start_request(
        self,
        station: str = "S1",
        *,
        tag: str = "TAG1",
        within_s: float = 20.0,
        answer_timeout_s: float = 10.0,
        evse_id: int | None = 1,
    ) -> SendFrameInput:
        """A start command as the workflow would hand it to the gateway, QUEUED in the log."""
        spec = StartSpec(self.token(tag), evse_id=evse_id)
        return await self._request(
            station, Kind.START_SESSION, within_s, answer_timeout_s, start=spec
        )

    async def stop_request(
        self, station: str = "S1", *, wire_id: str, within_s: float = 20.0
    ) -> SendFrameInput:
        """A stop command, QUEUED in the log."""
        spec = StopSpec(ocpp_transaction_id=wire_id, found_ocpp_transaction_id=wire_id)
        return await self._request(station, Kind.STOP_SESSION, within_s, 10.0, stop=spec)

    async def request(
        self,
        spec: OtherSpec,
        station: str = "S1",
        *,
        within_s: float = 20.0,
        answer_timeout_s: float = 10.0,
    ) -> SendFrameInput:
        """A command of the kind that its spec belongs to, QUEUED in the log."""
        kind, field = KIND_OF[type(spec)]
        return await self._request(station, kind, within_s, answer_timeout_s, **{field: spec})

    def reserve_spec(
        self, evse_id: int | None = 1, *, wire_id: int = 7, tag: str = "TAG1", group: str = ""
    ) -> ReserveSpec:
        """What a ReserveNow of the next hour asks for."""
        return ReserveSpec(
            self.token(tag),
            now() + timedelta(hours=1),
            evse_id=evse_id,
            group_id_token=self.token(group, "Central") if group else None,
            reservation=f"reservation-{wire_id}",
            wire_id=wire_id,
        )

    async def reserved(
        self,
        station: str = "S1",
        *,
        wire_id: int = 7,
        tag: str = "TAG1",
        group: str = "",
        state: ReservationState = ReservationState.HELD,
        within_s: float = 3600.0,
        held_for_s: float | None = None,
    ) -> None:
        """Record a reservation without any frame. It ends `within_s` from now.

        held_for_s: how long ago its station said yes; None: it is not known that it did.
        """
        held = None if held_for_s is None else now() - timedelta(seconds=held_for_s)
        spec = self.reserve_spec(wire_id=wire_id, tag=tag, group=group)
        reservation = Reservation(
            name=spec.reservation,
            tenant=TENANT,
            station=station,
            wire_id=wire_id,
            id_token=spec.id_token,
            group_id_token=spec.group_id_token,
            state=state,
            create_time=held or now(),
            start_time=held,
            expire_time=now() + timedelta(seconds=within_s),
            end_time=now() if state in ENDS else None,
            workflow_id=f"reservation/{TENANT}/{spec.reservation}",
            command="command-0",
        )
        await self.write(
            lambda tx: reservation_recorder.record(
                tx,
                tenant=TENANT,
                name=reservation.name,
                key="made",
                change=lambda same: same,
                now=now(),
                initial=reservation,
            )
        )

    async def report(self, wire_id: int = 7, station: str = "S1") -> str | None:
        """What the station last reported about the end of this reservation."""
        async with self.db.read() as tx:
            told = await reservations.reported(tx, station, wire_id)
        return None if told is None else told.status

    async def _request(
        self, station: str, kind: Kind, within_s: float, answer_timeout_s: float, **spec: Any
    ) -> SendFrameInput:
        name = f"command-{next(self._numbers)}"
        not_after = now() + timedelta(seconds=within_s)
        command = Command(
            name=name,
            tenant=TENANT,
            kind=kind,
            station=station,
            state=State.QUEUED,
            create_time=now(),
            not_after=not_after,
            workflow_id=f"command/{TENANT}/{name}",
            **spec,
        )
        await self.write(
            lambda tx: record(
                tx,
                tenant=TENANT,
                name=name,
                key="queued",
                change=lambda same: same,
                now=now(),
                initial=command,
            )
        )
        return SendFrameInput(
            command=name,
            tenant=TENANT,
            workflow_id=command.workflow_id,
            station=station,
            kind=kind,
            attempt=1,
            not_after=not_after,
            answer_timeout_s=answer_timeout_s,
            **spec,
        )

    def sending(self, request: SendFrameInput) -> asyncio.Task[SendFrameResult]:
        """Run the activity `send_frame` in the background."""
        activity = self.gateway.activities.send_frame
        return asyncio.create_task(ActivityEnvironment().run(activity, request))

    async def ask(self, request: AskStationInput) -> AskStationResult:
        """Run the activity `ask_station`."""
        return await ActivityEnvironment().run(self.gateway.activities.ask_station, request)

    # --- what is in the fleet

    async def write(self, op: Callable[[Tx], Awaitable[Any]]) -> Any:
        async with self.db.write() as tx:
            return await op(tx)

    async def command(self, request: SendFrameInput) -> Command:
        async with self.db.read() as tx:
            entry = await log.latest(tx, tenant=TENANT, name=request.command)
        assert entry is not None
        return from_snapshot(entry.snapshot)

    async def history(self, request: SendFrameInput) -> list[Command]:
        async with self.db.read() as tx:
            entries = await log.history(tx, tenant=TENANT, name=request.command)
        return [from_snapshot(entry.snapshot) for entry in entries]

    async def sends(self, request: SendFrameInput) -> list[Send]:
        async with self.db.read() as tx:
            return await sends.by_command(tx, TENANT, request.command)

    async def transactions(self, station: str = "S1") -> list[Transaction]:
        async with self.db.read() as tx:
            return await transactions.list_page(tx, tenant=TENANT, station=station, limit=100)

    async def wakeups(self) -> list[Wakeup]:
        async with self.db.read() as tx:
            return await wakeups.due(tx, before=now() + timedelta(hours=1), limit=100)


def now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


async def quick_start(bench: Bench, station: ScriptedStation, name: str) -> float:
    """Send a start and accept it. Returns how many seconds that took."""
    begin = time.monotonic()
    sending = bench.sending(await bench.start_request(name))
    await station.accept("RemoteStartTransaction")
    await sending
    return time.monotonic() - begin


def waiting_at(bench: Bench, name: str) -> int:
    """How many commands are in the queue of a station, the one whose turn it is included."""
    station = bench.gateway.registry.get(name)
    assert station is not None
    return station.queue().length
