"""Our own processes in a world: gateways that come and go, and the worker."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from contract import names
from contract.commands import (
    PrepareCommandInput,
    RecordChangeInput,
    SendFrameInput,
    SettleSendInput,
    WeighEvidenceInput,
)
from contract.questions import AskStationInput
from contract.reservations import ChangeReservationInput, WeighReservationInput
from domain.commands.timing import Timing
from fleet import stations
from fleet.database import Database
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.keys import Passwords, Sealer
from fleet.remote_starts import foreign_starts
from journal.wakeups import WakeupDispatcher
from station_gateway.gateway import Gateway
from station_gateway.relay_settings import COMMAND
from station_gateway.settings import GatewaySettings
from station_gateway.sockets.handshake import Admitted
from tests.simulation.back_end.back_end import BackEnd
from tests.simulation.repeatable.chance import Chance
from tests.simulation.repeatable.virtual_time import VirtualLoop
from tests.simulation.servers.direct_lines import DirectLines
from tests.simulation.servers.processes import Process, ProcessDatabase
from tests.simulation.servers.remote_activities import Activity, Poller
from tests.simulation.servers.temporal_server import TemporalServer
from tests.simulation.servers.wire import StationEnd, Wire
from workflows.activities.commands import CommandActivities
from workflows.activities.reservations import ReservationActivities

SETTINGS = GatewaySettings(
    lease_s=60.0,
    lease_renewal_s=25.0,
    stall_limit_s=3600.0,  # real time, in which nothing here is counted
    sweep_interval_s=15.0,
    last_seen_interval_s=300.0,
    ping_interval_s=20.0,
    ping_timeout_s=10.0,
    fact_timeout_s=10.0,
    ask_timeout_s=5.0,
)
"""Rare ticks: each costs real time, and nothing here depends on how often they come."""


def worker_activities(
    db: ProcessDatabase, timing: Timing, lines: DirectLines
) -> dict[str, Activity]:
    """The worker's local activities on its own way to the database."""
    fleet = CommandActivities(db, lines.offer)  # type: ignore[arg-type]
    holds = ReservationActivities(db, timing)  # type: ignore[arg-type]
    return {
        names.PREPARE_COMMAND: (fleet.prepare_command, PrepareCommandInput),
        names.SETTLE_SEND: (fleet.settle_send, SettleSendInput),
        names.WEIGH_EVIDENCE: (fleet.weigh_evidence, WeighEvidenceInput),
        names.RECORD_CHANGE: (fleet.record_change, RecordChangeInput),
        names.WEIGH_RESERVATION: (holds.weigh_reservation, WeighReservationInput),
        names.CHANGE_RESERVATION: (holds.change_reservation, ChangeReservationInput),
    }


class GatewayHouse:
    """One gateway process: the real gateway without its listener, and the real dispatcher."""

    def __init__(
        self,
        name: str,
        *,
        loop: VirtualLoop,
        chance: Chance,
        db: Database,
        sealer: Sealer,
        temporal: TemporalServer,
        calm: bool,
        has_line: bool,
        back_end: BackEnd | None = None,
    ) -> None:
        self.process = Process(name, loop)
        self.wires: list[Wire] = []
        self.db = ProcessDatabase(db, self.process, chance, loop, calm=calm)
        self._loop = loop
        self._chance = chance
        self._fleet = db
        self._back_end = back_end
        self._temporal = temporal
        self._skew = timedelta(0) if calm else timedelta(seconds=_skew_s(chance))
        dispatcher = WakeupDispatcher(
            self.db,  # type: ignore[arg-type]
            temporal,  # type: ignore[arg-type]
            sweep_s=20.0,
            clock=self.utc_now,
        )
        self.gateway = Gateway(
            self.db,  # type: ignore[arg-type]
            sealer,
            Passwords(bytes(32)),
            dispatcher,
            SETTINGS if back_end is None else replace(SETTINGS, upstream_mode=COMMAND),
            line_key="",
            utc_now=self.utc_now,
        )
        self.gateway.line.address = name if has_line else ""
        self._dispatcher = dispatcher
        acts = self.gateway.activities
        self.poller = Poller(
            self.process,
            {
                names.SEND_FRAME: (acts.send_frame, SendFrameInput),
                names.ASK_STATION: (acts.ask_station, AskStationInput),
            },
        )

    def utc_now(self) -> datetime:
        """By the clock of its machine."""
        return self._loop.utc_now() + self._skew

    async def start(self) -> None:
        """Take the lease and be there."""
        await self.process.spawn(self._begin())

    async def _begin(self) -> None:
        gateway, spawn = self.gateway, self.process.spawn
        while True:
            try:
                await gateway.lease.renew(self.db)  # type: ignore[arg-type]
                if self._back_end is not None:
                    await self.db.batch(foreign_starts.begin_high)
                break
            except DatabaseUnavailable:
                await asyncio.sleep(0.5)
        keeping = gateway.lease.keep(self.db, asyncio.Event())  # type: ignore[arg-type]
        for work in (
            gateway.lease.turns(),
            keeping,
            gateway.sweeper.run(),
            self._dispatcher.run(),
        ):
            spawn(work)
        self._temporal.queues[names.gateway_queue(gateway.gateway_id)] = self.poller

    def accept(self, station: StationEnd, station_id: str, subprotocol: str) -> Wire | None:
        """A station opened a websocket and was admitted; None: its back end is not reached."""
        wire, behind = self._wire_of(station), self._back_end
        dialled = behind.dial(self.process, wire) if behind is not None else None
        if behind is not None and dialled is None:
            return None
        self.wires += [wire] if dialled is None else [wire, dialled]
        self.process.spawn(self._serve(wire, station_id, subprotocol, dialled))
        return wire

    def _wire_of(self, station: StationEnd) -> Wire:
        return Wire(self._loop, self._chance, station, self.process, latency_s=0.03)

    async def _serve(
        self, wire: Wire, station_id: str, subprotocol: str, dialled: Wire | None
    ) -> None:
        async with self._fleet.read() as tx:
            known = await stations.get(tx, station_id)
        assert known is not None
        socket: Any = wire.socket
        upstream: Any = None if dialled is None else dialled.socket
        admitted = Admitted(known, subprotocol, tls=False, password_hash="", upstream=upstream)
        try:
            await self.gateway._serve(socket, admitted, subprotocol)
        finally:
            if dialled is not None and self.process.alive and dialled.holds:
                dialled.socket.abort()  # as `Admitted` does when its socket ends

    def kill(self) -> None:
        """SIGKILL: its sockets die with it."""
        self.process.kill()
        for wire in self.wires:
            wire.cut(gateway_after_s=None, station_after_s=self._chance.between(0.05, 3.0))


def _skew_s(chance: Chance) -> float:
    match chance.weighed(none=6, little=3, much=1):
        case "little":
            return chance.between(-0.2, 0.2)
        case "much":
            return chance.between(-2.0, 2.0)
        case _:
            return 0.0
