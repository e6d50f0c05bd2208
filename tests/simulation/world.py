"""One world: a station, gateways, a worker, Temporal, a fleet, callers; all out of one seed."""

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from datetime import timedelta
from typing import Any

from broker.asks import Options, PlainToken, StartAsk, StopAsk
from broker.drafting import Origin, draft, start_spec, stop_spec
from broker.errors import Refusal
from broker.targets import TargetFinder
from fleet import log, sends, stations, tokens, transactions
from fleet.database import Database
from fleet.keys import Sealer, load_sealer
from fleet.sends import Send
from fleet.transactions import Transaction
from station_gateway.line import StationGone
from tests.simulation.chance import Chance, fixed_identities
from tests.simulation.fleet_file import FleetFile
from tests.simulation.houses import GatewayHouse, worker_activities
from tests.simulation.narrator import narrated
from tests.simulation.processes import Process, ProcessDatabase, own_tasks
from tests.simulation.remote_activities import Poller
from tests.simulation.station import Station
from tests.simulation.tempers import Temper, temper_of
from tests.simulation.temporal_server import Execution, TemporalServer
from tests.simulation.truth import Truth
from tests.simulation.virtual_time import VirtualLoop, run
from tests.simulation.wire import StationEnd, Wire
from workflows.contract import Cancel, CommandOrder, Submit
from workflows.domain.model import Command, OfflinePolicy, WaitFor
from workflows.domain.timing import Timing
from workflows.names import CANCEL_UPDATE, SUBMIT_UPDATE
from workflows.recorder import from_snapshot

STATION = "S1"
TENANT = "default"
TIMING = Timing(
    answer_timeout_s=8.0,
    connection_timeout_s=40.0,
    effect_margin_s=12.0,
    stop_effect_s=30.0,
    guard_s=360.0,
)
TAGS = ("TAG-A", "TAG-B")
LONGEST_S = 2_500.0
SETTLES_S = 60.0


@dataclass
class Told:
    """One command as its caller and the fleet know it."""

    command: Command
    execution: Execution
    history: list[Command] = field(default_factory=list)
    sends: list[Send] = field(default_factory=list)
    cancelled: bool = False

    @property
    def last(self) -> Command:
        """How it stands in the end."""
        return self.history[-1] if self.history else self.command


@dataclass
class Ran:
    """What a world left behind."""

    seed: int
    temper: Temper
    calm: bool
    truth: Truth
    told: list[Told]
    transactions: list[Transaction]
    story: list[str]
    troubles: list[str]
    disturbed_s: float
    ended_s: float
    replays: int


class Story:
    """What happened in a world, line by line, for whoever has to understand a lie."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.lines: list[str] = []
        self.troubles: list[str] = []
        self._loop = loop

    def trouble(self, _loop: AbstractEventLoop, context: dict[str, Any]) -> None:
        """A task ended with an exception that nobody looked at."""
        error = context.get("exception")
        if not isinstance(error, StationGone):  # whoever waited for it was killed
            self.troubles.append(f"{context.get('message')}: {error!r}")

    def line(self, who: str, what: str) -> None:
        """Something happened now."""
        self.lines.append(f"{self._loop.time():9.3f}  {who:8} {what}")


class World:
    """See the module."""

    def __init__(
        self, seed: int, loop: VirtualLoop, db: Database, sealer: Sealer, story: "Story"
    ) -> None:
        self.seed = seed
        self.loop = loop
        self.db = db
        self.sealer = sealer
        chance = Chance(f"{seed}/world")
        self.chance = chance
        self.calm = chance.happens(0.15)
        self.story = story
        self.temper = temper_of(Chance(f"{seed}/temper"), calm=self.calm)
        self.disturbed_s = 0.0
        self.told: list[Told] = []
        worker = Process("worker", loop)
        self.worker_db = ProcessDatabase(db, worker, Chance(f"{seed}/wdb"), loop, calm=self.calm)
        self.worker = Poller(worker, worker_activities(self.worker_db))
        self.temporal = TemporalServer(
            loop, Chance(f"{seed}/temporal"), self.worker, calm=self.calm
        )
        self.gateways: list[GatewayHouse] = []
        self.station = Station(loop, Chance(f"{seed}/station"), self.temper, self, story.line)
        self._sockets = Chance(f"{seed}/sockets")

    # --- stage

    async def play(self) -> None:
        """From an empty fleet to the end of everything."""
        own_tasks(self.loop)
        await self._register()
        for _ in range(1 if self.calm else 2):
            await self._new_gateway()
        living = self.loop.create_task(self.station.live())
        plots = [self._submits(), self._driver_acts()]
        if not self.calm:
            plots.append(self._misfortune())
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_S):
                await asyncio.gather(*plots)
                for told in self.told:
                    await told.execution.ended()
        await asyncio.sleep(SETTLES_S)
        self.station.truth.all_reported = not any(m.kept for m in self.station.queue)
        await self._collect()
        living.cancel()
        for told in self.told:
            told.execution.forget()

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
            for tag in TAGS:
                await tokens.put(
                    tx, tenant=TENANT, value=tag, type="ISO14443", status="ACCEPTED", now=now
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
        )
        self.gateways.append(house)
        await house.start()
        return house

    def connect(self, station: StationEnd) -> Wire | None:
        """See `station.Network`."""
        there = [house for house in self.gateways if house.process.alive]
        if not there:
            return None
        version = "ocpp1.6" if self.temper.version == "1.6" else "ocpp2.0.1"
        return self._sockets.pick(there).accept(station, STATION, version)

    # --- callers

    async def _submits(self) -> None:
        chance = self.chance
        await asyncio.sleep(chance.between(1.0, 8.0))
        starts = chance.pick((1, 1, 1, 2, 2, 3))
        callers = []
        for number in range(starts):
            callers.append(self.loop.create_task(self._starts(f"start{number + 1}")))
            await asyncio.sleep(chance.pick((0.0, 1.0, 10.0, 60.0)))
        stops = chance.pick((0, 0, 1, 1, 2)) if not self.calm else chance.pick((0, 1))
        for number in range(stops):
            await asyncio.sleep(chance.between(1.0, 60.0))
            callers.append(self.loop.create_task(self._stops(f"stop{number + 1}")))
        await asyncio.gather(*callers)

    async def _starts(self, name: str) -> None:
        chance = self.chance
        tag = chance.pick(TAGS) if chance.happens(0.4) else TAGS[0]
        evse = chance.number(1, self.temper.evses) if chance.happens(0.7) else None
        ask = StartAsk(STATION, PlainToken("ISO14443", tag), evse_id=evse, options=self._options())
        spec = start_spec(ask, self.sealer)
        now = self.loop.utc_now()
        await self._submit(draft(ask, name, STATION, spec, origin=ORIGIN, now=now))

    async def _stops(self, name: str) -> None:
        targets: list[Callable[[], StopAsk]] = [
            lambda: StopAsk(station=STATION, start_command="commands/start1"),
            lambda: StopAsk(station=STATION, evse_id=1),
            lambda: StopAsk(station=STATION, id_token=PlainToken("ISO14443", TAGS[0])),
            lambda: StopAsk(
                station=STATION,
                transaction_id=str(self.chance.number(1, 5))
                if self.temper.version == "1.6"
                else "tx-1000-of-the-station",
            ),
        ]
        for make in sorted(targets, key=lambda _: self.chance.between(0, 1)):
            ask = replaced(make(), options=self._options())
            try:
                async with self.db.read() as tx:
                    found = await TargetFinder(tx, TENANT, self.sealer).resolve(ask)
            except Refusal:
                continue
            spec = replaced(
                stop_spec(ask, self.sealer),
                wire_id=found.wire_id,
                resolved_transaction=found.transaction,
            )
            now = self.loop.utc_now()
            await self._submit(draft(ask, name, STATION, spec, origin=ORIGIN, now=now))
            return

    def _options(self) -> Options:
        wait = self.chance.between(5.0, 60.0)
        policy = self.chance.pick((None, OfflinePolicy.WAIT, OfflinePolicy.FAIL_FAST))
        return Options(
            not_after=self.loop.utc_now() + timedelta(seconds=wait), offline_policy=policy
        )

    async def _submit(self, command: Command) -> None:
        chance = self.chance
        self.story.line("caller", f"{command.name}: {command.kind.value} {_target(command)}")
        execution = self.temporal.start(command.workflow_id, CommandOrder(command, TIMING))
        told = Told(command, execution)
        self.told.append(told)
        wait_for = chance.pick(tuple(WaitFor))
        for _ in range(chance.pick((1, 1, 2))):
            self.loop.create_task(
                execution.update(SUBMIT_UPDATE, Submit(wait_for), f"submit-{wait_for.value}")
            )
        if not self.calm and chance.happens(0.3):
            await asyncio.sleep(chance.pick((0.0, 0.05, 0.5, 5.0, 40.0)) * chance.between(0.1, 2))
            self.story.line("caller", f"cancels {command.name}")
            told.cancelled = await execution.update(CANCEL_UPDATE, Cancel("no more"), "cancel")

    async def _driver_acts(self) -> None:
        chance = self.chance
        for _ in range(chance.pick((0, 1, 3)) if self.temper.swipes else 0):
            await asyncio.sleep(chance.between(0.5, 40.0))
            evse = chance.number(1, self.temper.evses)
            if chance.happens(0.5):
                self.station.plug(evse)
            self.station.swipe(evse, chance.pick(TAGS))

    # --- misfortune

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
            for told in self.told:
                entries = await log.history(tx, tenant=TENANT, name=told.command.name)
                told.history = [from_snapshot(entry.snapshot) for entry in entries]
                told.sends = await sends.by_command(tx, TENANT, told.command.name)
            self.transactions = await transactions.list_page(tx, tenant=TENANT, limit=500)

    def ran(self) -> Ran:
        """What is left of it."""
        return Ran(
            seed=self.seed,
            temper=self.temper,
            calm=self.calm,
            truth=self.station.truth,
            told=self.told,
            transactions=self.transactions,
            story=self.story.lines,
            troubles=self.story.troubles,
            disturbed_s=self.disturbed_s,
            ended_s=self.loop.time(),
            replays=sum(told.execution.replays for told in self.told),
        )


ORIGIN = Origin(TENANT, "", "")


def _target(command: Command) -> str:
    if command.start is not None:
        return f"{command.start.id_token.masked} at {command.start.evse_id or 'any'}"
    return f"of {command.stop.wire_id}" if command.stop else ""


def simulate(seed: int, fleet: FleetFile) -> Ran:
    """Run the world of a seed to its end."""
    fleet.empty()
    loop = VirtualLoop()
    kept: list[Ran] = []
    story = Story(loop)
    loop.set_exception_handler(story.trouble)

    async def main() -> None:
        db = fleet.open()
        world = World(seed, loop, db, await load_sealer(db), story)
        await world.play()
        kept.append(world.ran())
        await db.close()

    with (
        fixed_identities(str(seed)),
        narrated(story.line),
    ):
        run(main(), loop)
    return kept[0]
