"""One world: a station, gateways, a worker, Temporal, a fleet, callers; all out of one seed."""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from domain.reservations.reservation import Reservation
from fleet import sends, stations, tokens, transactions, wakeups
from fleet.database import Database
from fleet.keys import Sealer, load_sealer
from fleet.log import commands as log
from fleet.log import reservations
from fleet.sends import Send
from fleet.transactions.rows import Transaction
from journal.commands.record import from_snapshot
from journal.reservations.record import from_snapshot as read_reservation
from journal.wakeups import WakeupDispatcher
from station_gateway.gateway import Gateway
from tests.simulation.back_end.back_end import BackEnd, BackEndRecord
from tests.simulation.back_end.tempers import back_end_temper_of
from tests.simulation.repeatable.chance import Chance, fixed_identities
from tests.simulation.repeatable.fleet_file import FleetFile
from tests.simulation.repeatable.virtual_time import VirtualLoop, run
from tests.simulation.rules.station_record.words import PlainWords
from tests.simulation.servers.direct_lines import Arrival, DirectLines, Strays
from tests.simulation.servers.gateways import GatewayHouse, worker_activities
from tests.simulation.servers.processes import Process, ProcessDatabase, own_tasks
from tests.simulation.servers.remote_activities import Poller
from tests.simulation.servers.temporal_server import Execution, TemporalServer
from tests.simulation.servers.wire import StationEnd, Wire
from tests.simulation.station.field.tempers import field_temper_of
from tests.simulation.station.field.words import FieldWords
from tests.simulation.station.reservations import GROUPS
from tests.simulation.station.station import Station
from tests.simulation.station.tempers import Temper, of_the_field, temper_of
from tests.simulation.station.truth import Truth
from tests.simulation.world.callers import STATION, TAGS, TENANT, TIMING, Callers, Told
from tests.simulation.world.narrator import narrated
from tests.simulation.world.plain_words import told_in_plain_words
from tests.simulation.world.plots import plot_of
from tests.simulation.world.story import Story

LONGEST_S = 2_500.0
SETTLES_S = 60.0
LATE_S = 1_500.0
"""What late news begins keeps to the waits of a system that nobody has set."""

_LATER = timedelta(minutes=1)


@dataclass
class Kept:
    """One reservation as the fleet knows it: how it stood after each change, and its frames."""

    history: list[Reservation]
    sends: list[Send]
    runs: list[Execution]

    @property
    def last(self) -> Reservation:
        """How it stands in the end."""
        return self.history[-1]


@dataclass
class Ran:
    """What a world left behind."""

    seed: int
    temper: Temper
    calm: bool
    truth: Truth
    told: list[Told]
    kept: list[Kept]
    transactions: list[Transaction]
    words: PlainWords
    story: list[str]
    troubles: list[str]
    arrivals: list[Arrival]
    strayed: Counter[str]
    disturbed_s: float
    ended_s: float
    replays: int
    back_end: BackEndRecord | None = None


class World:
    """Everything that exists in one simulated world, and what happens to it."""

    def __init__(
        self,
        seed: int,
        loop: VirtualLoop,
        db: Database,
        sealer: Sealer,
        *,
        story: Story,
        behind: bool,
    ) -> None:
        self.seed = seed
        self.loop = loop
        self.db = db
        self.sealer = sealer
        self.chance = Chance(f"{seed}/world")
        self.calm = is_calm(self.chance)
        self.story = story
        self.temper = self._temper(seed)
        self.disturbed_s = 0.0
        self.plot = plot_of(Chance(f"{seed}/plot"), calm=self.calm)
        self.reserved: list[str] = []
        self.kept: list[Kept] = []
        self.transactions: list[Transaction] = []
        self.words = PlainWords()
        worker = Process("worker", loop)
        self.worker_db = ProcessDatabase(db, worker, Chance(f"{seed}/wdb"), loop, calm=self.calm)
        self.gateways: list[GatewayHouse] = []
        self.strays = Strays(loop, db, Chance(f"{seed}/strays"))
        lines = self._lines(Chance(f"{seed}/line"))
        self.worker = Poller(worker, worker_activities(self.worker_db, TIMING, lines))
        self.temporal = TemporalServer(
            loop, Chance(f"{seed}/temporal"), self.worker, calm=self.calm
        )
        self._delivers = WakeupDispatcher(
            self.worker_db,  # type: ignore[arg-type]
            self.temporal,  # type: ignore[arg-type]
            sweep_s=20.0,
            clock=loop.utc_now,
        )
        words = FieldWords(self.temper.field, Chance(f"{seed}/words"))
        self.station = Station(
            loop, Chance(f"{seed}/station"), self.temper, self, story.line, words=words
        )
        self.back_end = self._back_end(Chance(f"{seed}/csms")) if behind else None
        self.callers = Callers(self)
        self._sockets = Chance(f"{seed}/sockets")
        self._comes_to: list[GatewayHouse] = []

    def _temper(self, seed: int) -> Temper:
        temper = temper_of(Chance(f"{seed}/temper"), calm=self.calm)
        field = field_temper_of(Chance(f"{seed}/field"), temper.version, calm=self.calm)
        return of_the_field(temper, field)

    def _lines(self, chance: Chance) -> DirectLines:
        self._has_lines = has_lines(chance)
        spared = self.calm or self.temper.field.spared
        return DirectLines(
            self.gateways,
            chance,
            self,
            loses=0.0 if self.calm else chance.pick((0.0, 0.2)),
            strays=0.0 if spared else strays_of(self.strays.chance),
        )

    def _back_end(self, chance: Chance) -> BackEnd:
        temper = back_end_temper_of(chance, calm=self.calm)
        version, evses = self.temper.version, self.temper.evses
        return BackEnd(self.loop, chance, temper, self.story.line, version=version, evses=evses)

    # --- stage

    async def play(self) -> None:
        """From an empty fleet to the end of everything."""
        own_tasks(self.loop)
        await self._register()
        for _ in range(1 if self.calm else 2):
            await self._new_gateway()
        self.worker.process.spawn(self._delivers.run())
        living = self.loop.create_task(self.station.live())
        if self.back_end is not None:
            self.loop.create_task(self.back_end.live())
        plots = [self.callers.submit_all(), self.callers.drive()]
        if not (self.calm or self.temper.field.spared):
            plots.append(self._misfortune())
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_S):
                await asyncio.gather(*plots)
                await self._all_ended()
        await asyncio.sleep(SETTLES_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(LATE_S):
                await self._all_ended()  # what the station has brought back meanwhile
        self.station.truth.all_reported = not any(m.kept for m in self.station.queue)
        self.station.truth.connected = self.station.wire is not None
        await self._collect()
        living.cancel()
        for each in self.temporal.runs:
            each.forget()

    async def _all_ended(self) -> None:
        """Return when every workflow has closed, and nothing would start another one."""
        while True:
            if open_runs := [each for each in self.temporal.runs if not each.closed]:
                await open_runs[0].ended()
                continue
            if self.strays.under_way:
                await asyncio.wait(self.strays.under_way)
                continue
            async with self.db.read() as tx:
                waiting = (await wakeups.backlog(tx)).undelivered
            if not waiting:
                return
            await asyncio.sleep(5.0)

    async def _register(self) -> None:
        now = self.loop.utc_now()
        async with self.db.write() as tx:
            await stations.create(
                tx,
                id=STATION,
                tenant=TENANT,
                location="",
                security_profile=1,
                password_hash=None,
                now=now,
            )
            for tag in () if self.temper.field.unknown_tokens else TAGS:
                await tokens.put(
                    tx,
                    tenant=TENANT,
                    value=tag,
                    type="ISO14443",
                    status="ACCEPTED",
                    group=GROUPS.get(tag),
                    now=now,
                )

    async def _new_gateway(self) -> GatewayHouse:
        number = len(self.gateways) + 1
        house = GatewayHouse(
            f"gateway{number}",
            loop=self.loop,
            chance=Chance(f"{self.seed}/gateway{number}"),
            db=self.db,
            sealer=self.sealer,
            temporal=self.temporal,
            calm=self.calm,
            has_line=self._has_lines,
            back_end=self.back_end,
        )
        self.gateways.append(house)
        await house.start()
        return house

    def connect(self, station: StationEnd) -> Wire | None:
        """See `station.Network`."""
        there = [house for house in self.gateways if house.process.alive]
        if not there:
            return None
        there = [house for house in there if house in self._comes_to] or there
        self._comes_to = []
        subprotocol = f"ocpp{self.temper.version}"
        return self._sockets.pick(there).accept(station, STATION, subprotocol)

    # --- misfortune

    def break_connection(self, gateway: Gateway, *, away_s: float, elsewhere: bool) -> None:
        """See `direct_lines.World`."""
        self.station.drop(away_s=away_s, quiet=elsewhere)
        self._comes_to = [one for one in self.gateways if (one.gateway is gateway) != elsewhere]

    def disturb(self, for_s: float) -> None:
        """See `direct_lines.World`."""
        self.disturbed_s += for_s

    async def _misfortune(self) -> None:
        chance = self.chance
        await asyncio.sleep(chance.between(0.0, 20.0))
        for _ in range(chance.pick((0, 1, 1, 2, 4))):
            await self._strike(chance.weighed(kill=4, doom=6, database=2, partition=2, worker=1))
            await asyncio.sleep(chance.between(0.0, 40.0))
        for house in self.gateways:
            house.db.lost_acks = 0.0
        self.worker_db.lost_acks = 0.0

    async def _strike(self, what: str) -> None:
        chance = self.chance
        alive = [house for house in self.gateways if house.process.alive]
        house = chance.pick(alive) if alive else None
        for_s = chance.between(0.5, 25.0)
        self.story.line("fate", f"{what} {house.process.name if house else ''} for {for_s:.1f} s")
        self.disturbed_s += for_s + 10.0
        if what == "worker":
            self.worker.reaches = False
            await asyncio.sleep(for_s)
            self.worker.reaches = True
        elif what == "database":
            chance.pick([self.worker_db, *(one.db for one in alive)]).goes_away(for_s)
            self.worker_db.lost_acks = chance.pick((0.0, 0.05))
            for one in alive:
                one.db.lost_acks = self.worker_db.lost_acks
        elif house is None:
            await self._new_gateway()
        elif what == "partition":
            house.poller.reaches = False
            await asyncio.sleep(for_s)
            house.poller.reaches = True
        else:
            await self._falls(house, what)
            await asyncio.sleep(chance.between(0.0, 15.0))
            await self._new_gateway()

    async def _falls(self, house: GatewayHouse, what: str) -> None:
        """Killed now, or at one of its next writes: before its commit, or right after it."""
        if what == "doom":
            fallen = self.loop.create_future()
            house.db.doom(self.chance.number(1, 12), self.chance.happens(0.5), fallen)
            await asyncio.wait([fallen], timeout=60.0)
        self.story.line("fate", f"kills {house.process.name}")
        house.kill()

    # --- afterwards

    async def _collect(self) -> None:
        async with self.db.read() as tx:
            for told in self.callers.told:
                entries = await log.history(tx, tenant=TENANT, name=told.command.name)
                told.history = [from_snapshot(entry.snapshot) for entry in entries]
                told.sends = await sends.by_command(tx, TENANT, told.command.name)
                told.runs = self._runs_of(told.command.workflow_id)
            for name in self.reserved:
                entries = await reservations.RESERVATIONS.history(tx, tenant=TENANT, name=name)
                if entries:
                    history = [read_reservation(entry.snapshot) for entry in entries]
                    rows = await sends.by_command(tx, TENANT, name)
                    self.kept.append(Kept(history, rows, self._runs_of(history[0].workflow_id)))
            self.transactions = await transactions.list_page(tx, tenant=TENANT, limit=500)
            connectors = await stations.connectors(tx, STATION)
        self.words = told_in_plain_words(
            [(told.last, told.sends) for told in self.callers.told],
            [kept.last for kept in self.kept],
            self.transactions,
            connectors,
        )

    def _runs_of(self, workflow_id: str) -> list[Execution]:
        return [one for one in self.temporal.runs if one.id == workflow_id]

    def ran(self) -> Ran:
        """What is left of it."""
        return Ran(
            seed=self.seed,
            temper=self.temper,
            calm=self.calm,
            truth=self.station.truth,
            told=self.callers.told,
            kept=self.kept,
            transactions=self.transactions,
            words=self.words,
            story=self.story.lines,
            troubles=self.story.troubles,
            arrivals=self.strays.arrivals,
            strayed=self.strays.played,
            disturbed_s=self.disturbed_s,
            ended_s=self.loop.time(),
            replays=sum(run.replays for run in self.temporal.runs),
            back_end=self.back_end.record if self.back_end is not None else None,
        )


def is_calm(chance: Chance) -> bool:
    """Whether nothing fails in a world; the first thing that its chance decides."""
    return chance.happens(0.15)


def has_lines(chance: Chance) -> bool:
    """Whether gateways have direct lines; the first thing that the chance of the lines decides."""
    return chance.happens(0.5)


def strays_of(chance: Chance) -> float:
    """How often a message of a line strays; the first thing that the chance of strays decides."""
    return chance.pick((0.0, 0.6))


def simulate(seed: int, fleet: FleetFile, *, behind: bool = False) -> Ran:
    """Run the world of a seed to its end. behind: its station has another back end."""
    fleet.empty()
    loop = VirtualLoop()
    kept: list[Ran] = []
    story = Story(loop)
    loop.set_exception_handler(story.trouble)

    async def main() -> None:
        db = fleet.open()
        world = World(seed, loop, db, await load_sealer(db), story=story, behind=behind)
        await world.play()
        kept.append(world.ran())
        await db.close()

    with (
        fixed_identities(str(seed)),
        narrated(story.line),
    ):
        run(main(), loop)
    return kept[0]
