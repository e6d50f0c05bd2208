"""One world of bookings: a pool of stations, gateways, a worker, Temporal, a fleet, drivers."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from contract import names
from contract.bookings import CarryBookingInput
from domain.bookings.pool import Pool, PoolClosure, PoolMember
from fleet import bookings, stations, tokens, wakeups
from fleet.bookings import PolicyRow, PoolRow
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.keys import Sealer
from fleet.log import reservations
from journal.bookings.rows import pool_content
from journal.due_bookings import DueBookings
from journal.due_waitlists import DueWaitlists
from journal.reservations.record import from_snapshot
from journal.wakeups import WakeupDispatcher
from station_gateway.gateway import Gateway
from tests.simulation.bookings.desk import Desk
from tests.simulation.bookings.drivers import Drivers
from tests.simulation.bookings.ledger import Ledger, WatchedDatabase
from tests.simulation.bookings.pool_station import PoolStation
from tests.simulation.bookings.scenes import TOKENS, WALK_INS, Scene, scene_of
from tests.simulation.repeatable.chance import Chance
from tests.simulation.repeatable.virtual_time import BEGIN, VirtualLoop
from tests.simulation.servers.direct_lines import DirectLines, Strays
from tests.simulation.servers.gateways import GatewayHouse, worker_activities
from tests.simulation.servers.processes import Process, ProcessDatabase, own_tasks
from tests.simulation.servers.remote_activities import Poller
from tests.simulation.servers.temporal_server import TemporalServer
from tests.simulation.servers.wire import StationEnd, Wire
from tests.simulation.station.field.words import FieldWords
from tests.simulation.world.callers import TENANT, TIMING
from tests.simulation.world.story import Story
from workflows.activities.bookings import BookingActivities

LONGEST_S = 2_400.0
SETTLES_S = 30.0
LATE_S = 1_500.0


class Yard:
    """Everything that exists in a world of bookings, and what happens to it."""

    def __init__(
        self,
        seed: int,
        loop: VirtualLoop,
        db: Database,
        sealer: Sealer,
        *,
        story: Story,
        path: Path,
        scene: Scene | None = None,
    ) -> None:
        self.seed = seed
        self.loop = loop
        self.db = db
        self.sealer = sealer
        self.story = story
        self.scene = scene or scene_of(seed)
        self.chance = Chance(f"{seed}/yard")
        self.disturbed_s = 0.0
        self.ledger = Ledger(loop, path)
        calm = self.scene.calm
        worker, desk = Process("worker", loop), Process("broker", loop)
        self.broker_db = self._database(desk, "bdb")
        self.desk = Desk(loop, self.broker_db, sealer, story.line)
        self.gateways: list[GatewayHouse] = []
        self.strays = Strays(loop, db, Chance(f"{seed}/strays"))
        self.worker = Poller(worker, {})
        self.temporal = TemporalServer(loop, Chance(f"{seed}/temporal"), self.worker, calm=calm)
        self._fit_worker(worker, "wdb", "line")
        self.stations = {
            f"S{number}": self._station(f"S{number}")
            for number in range(1, len(self.scene.tempers) + 1)
        }
        self.drivers = Drivers(self, Chance(f"{seed}/drivers"))
        self._sockets = Chance(f"{seed}/sockets")
        self.numbers: dict[str, int] = {}
        self.troubles: list[str] = []

    def _fit_worker(self, process: Process, db: str, line: str) -> None:
        """A worker process: its way to the database, and all that it does."""
        self.worker_db = self._database(process, db)
        chance = Chance(f"{self.seed}/{line}")
        lines = DirectLines(self.gateways, chance, self, loses=0.0, strays=0.0)
        carries = BookingActivities(self.worker_db, TIMING)  # type: ignore[arg-type]
        self.worker.process = process
        self.worker.activities = {
            **worker_activities(self.worker_db, TIMING, lines),
            names.CARRY_BOOKING: (carries.carry_booking, CarryBookingInput),
        }
        self._delivers = WakeupDispatcher(
            self.worker_db,  # type: ignore[arg-type]
            self.temporal,  # type: ignore[arg-type]
            sweep_s=20.0,
            clock=self.loop.utc_now,
        )
        self._due = DueBookings(self.worker_db, self.loop.utc_now)  # type: ignore[arg-type]
        self._waits = DueWaitlists(self.worker_db, self.loop.utc_now)  # type: ignore[arg-type]

    def _start_worker(self) -> None:
        """It delivers the outbox, and looks for bookings that are due."""
        self.worker.process.spawn(self._delivers.run())
        self.worker.process.spawn(self._looks_for_due())

    def _database(self, process: Process, name: str) -> ProcessDatabase:
        watched = WatchedDatabase(self.db, self.ledger)
        chance = Chance(f"{self.seed}/{name}")
        return ProcessDatabase(
            watched,  # type: ignore[arg-type]
            process,
            chance,
            self.loop,
            calm=self.scene.calm,
        )

    def _station(self, id: str) -> PoolStation:
        temper = self.scene.tempers[int(id[1:]) - 1]
        words = FieldWords(temper.field, Chance(f"{self.seed}/{id}/words"))
        return PoolStation(
            id,
            self.loop,
            Chance(f"{self.seed}/{id}"),
            temper,
            self,
            lambda who, what: self.story.line(f"{who} {id}", what),
            words=words,
        )

    def at(self, place: str) -> tuple[PoolStation, int]:
        """The station and the EVSE of a place."""
        id, _, evse = place.partition("/")
        return self.stations[id], int(evse)

    # --- stage

    async def play(self) -> None:
        """From an empty fleet to the end of everything."""
        own_tasks(self.loop)
        async with self.db.write() as tx:
            await self._register(tx)
        for _ in range(1 if self.scene.calm else 2):
            await self._new_gateway()
        self._start_worker()
        living = [self.loop.create_task(one.live()) for one in self.stations.values()]
        plots = [self.drivers.live()]
        if not self.scene.calm:
            plots.append(self._breakdowns())
        if not self.scene.spared:
            plots.append(self._misfortune())
        plots += self._other_plots()
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_S):
                await asyncio.gather(*plots)
                await self._all_ended()
        await asyncio.sleep(SETTLES_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(LATE_S):
                await self._all_ended()  # what stations have brought back meanwhile
        await self._collect()
        for each in living:
            each.cancel()
        for run in self.temporal.runs:
            run.forget()
        self.ledger.close()

    async def _all_ended(self) -> None:
        """Return when every workflow has closed, and nothing would start another one."""
        while True:
            if open_runs := [each for each in self.temporal.runs if not each.closed]:
                await open_runs[0].ended()
                continue
            async with self.db.read() as tx:
                waiting = (await wakeups.backlog(tx)).undelivered
                due = await bookings.due(tx, BEGIN + timedelta(days=1), 1)
            if not waiting and not due:
                return
            await asyncio.sleep(5.0)

    async def _looks_for_due(self) -> None:
        while True:
            with suppress(DatabaseUnavailable):
                await self._due.look()
                await self._waits.look()  # who was displaced waits
            await asyncio.sleep(4.0)

    async def _register(self, tx: Tx) -> None:
        now, scene = self.loop.utc_now(), self.scene
        for id in self.stations:
            await stations.create(
                tx,
                id=id,
                tenant=TENANT,
                location="",
                security_profile=1,
                password_hash=None,
                now=now,
            )
        for tag in (*TOKENS, *WALK_INS):
            await tokens.put(
                tx, tenant=TENANT, value=tag, type="ISO14443", status="ACCEPTED", now=now
            )
        members = [(place.partition("/")[0], self.at(place)[1]) for place in scene.places]
        pool = Pool(
            tuple(PoolMember(station, evse) for station, evse in members),
            "Europe/Berlin",
            "terms",
            walk_in_reserve=scene.reserve,
            closures=tuple(
                PoolClosure(
                    BEGIN + timedelta(seconds=one.begin_s),
                    BEGIN + timedelta(seconds=one.end_s),
                    frozenset({one.place} - {""}),
                )
                for one in scene.shut
            ),
        )
        table = scene.terms.as_table()
        await bookings.add_policy(tx, PolicyRow(TENANT, "terms", 1, table, now))
        row = PoolRow(TENANT, "yard", pool_content(pool), 1, 1, now, now)
        await bookings.add_pool(tx, row, members)

    async def _new_gateway(self) -> None:
        number = len(self.gateways) + 1
        house = GatewayHouse(
            f"gateway{number}",
            loop=self.loop,
            chance=Chance(f"{self.seed}/gateway{number}"),
            db=self.db,
            sealer=self.sealer,
            temporal=self.temporal,
            calm=self.scene.calm,
            has_line=True,
        )
        self.gateways.append(house)
        await house.start()

    def connect(self, station: StationEnd) -> Wire | None:
        """See `station.Network`."""
        there = [house for house in self.gateways if house.process.alive]
        if not there or not isinstance(station, PoolStation):
            return None
        subprotocol = f"ocpp{station.temper.version}"
        return self._sockets.pick(there).accept(station, station.id, subprotocol)

    # --- misfortune

    def _other_plots(self) -> list[Coroutine[Any, Any, None]]:
        """What else happens, in worlds of another kind."""
        return []

    def break_connection(self, gateway: Gateway, *, away_s: float, elsewhere: bool) -> None:
        """See `direct_lines.World`: no message strays here."""

    def disturb(self, for_s: float) -> None:
        """See `direct_lines.World`."""
        self.disturbed_s += for_s

    async def _breakdowns(self) -> None:
        """What happens to stations: faults, long absences, a power cut of the whole site."""
        chance = self.chance
        for _ in range(chance.pick((0, 1, 1, 2))):
            await asyncio.sleep(chance.between(60.0, 500.0))
            station, evse = self.at(chance.pick(self.scene.places))
            match chance.weighed(fault=4, away=4, site=1):
                case "fault":
                    station.breaks(evse)
                    for_s = chance.pick((30.0, 120.0, 600.0))
                    self.loop.call_later(for_s, station.mended, evse)
                case "away":
                    station.drop(away_s=chance.pick((40.0, 120.0, 400.0)))
                case _:
                    self.story.line("fate", "the power of the site is cut")
                    for each in self.stations.values():
                        each.reboot()

    async def _misfortune(self) -> None:
        """What happens to processes of ours."""
        chance = self.chance
        for _ in range(chance.pick((1, 1, 2, 3))):
            await asyncio.sleep(chance.between(20.0, 350.0))
            for_s = chance.between(0.5, 25.0)
            what = chance.weighed(kill=3, worker=2, database=3)
            self.story.line("fate", f"{what} for {for_s:.1f} s")
            self.disturbed_s += for_s + 10.0
            if what == "worker":
                self.worker.reaches = False
                await asyncio.sleep(for_s)
                self.worker.reaches = True
            elif what == "database":
                db = chance.pick((self.worker_db, self.broker_db))
                db.goes_away(for_s)
                db.lost_acks = chance.pick((0.0, 0.1))
            else:
                house = next(one for one in self.gateways if one.process.alive)
                house.kill()
                await asyncio.sleep(for_s)
                await self._new_gateway()
        self.worker_db.lost_acks = self.broker_db.lost_acks = 0.0

    # --- afterwards

    async def _collect(self) -> None:
        async with self.db.read() as tx:
            for told in self.ledger.told.values():
                for name in {one.reservation for one in told} - {""}:
                    entry = await reservations.get(tx, tenant=TENANT, name=name)
                    if entry is not None:
                        self.numbers[name] = from_snapshot(entry.snapshot).wire_id
