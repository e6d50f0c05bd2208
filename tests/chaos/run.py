"""One run of chaos: the house, its stations, its callers, what is broken; what it leaves behind."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from evcommand.v1 import station_service_pb2

from tests.chaos.callers import Caller
from tests.chaos.faults import Faults
from tests.chaos.hearing import Hearing
from tests.chaos.house import House, running_house
from tests.chaos.judging.lateness import must_be_done
from tests.chaos.plan import plan
from tests.chaos.record import Record, Waits
from tests.chaos.stations.chargers import Cast, RecordedStation, honest_cast, made, mixed_cast
from tests.chaos.stations.vandals import vandals
from tests.support.client import Client, client_of, patiently

PATIENCE = timedelta(seconds=20)
"""How long a command may wait for its station."""

ROLLING_PATIENCE = timedelta(seconds=60)
"""The same in a rolling restart: a process may take half a minute to start on busy cores."""

UNDOING = timedelta(seconds=30)
"""How long after the last command had to be done its late effects may take to be undone."""

Breaks = Callable[[Faults], Awaitable[None]]
_CALL_S = 10.0


@dataclass
class _Run:
    """What takes part in a run, and what was noticed so far."""

    house: House
    faults: Faults
    hearing: Hearing
    patience: timedelta
    stations: list[RecordedStation]
    waits: Waits
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    intruders: list[str] = field(default_factory=list)

    def record(self) -> Record:
        """All that is known by now."""
        return Record(
            self.began,
            datetime.now(UTC),
            self.waits,
            list(self.hearing.commands.values()),
            list(self.hearing.reservations.values()),
            [one.record() for one in self.stations],
            list(self.faults.done),
            self.faults.crashes,
            self.intruders,
        )


async def chaos(seed: int, home: Path, seconds: float) -> Record:
    """Breaks a house by the plan of this seed. home: a directory for logs and histories."""
    breaks = partial(Faults.carry_out, plan=plan(seed, seconds), seconds=seconds)
    return await _perform(seed, home, mixed_cast(seed), breaks, PATIENCE)


async def rolling_restart(seed: int, home: Path) -> Record:
    """Restarts each process once, in order, while all stations are honest."""
    return await _perform(seed, home, honest_cast(), Faults.roll, ROLLING_PATIENCE)


async def _perform(
    seed: int, home: Path, cast: Cast, breaks: Breaks, patience: timedelta
) -> Record:
    """Breaks a house while callers ask, and returns the record when all has come to its end.

    patience: how long a command may wait for its station.
    """
    waits = Waits()
    async with running_house(home, waits) as house, AsyncExitStack() as stack:
        brokers = [await stack.enter_async_context(client_of(each)) for each in house.brokers]
        passwords = {name: await _register(brokers[0], name) for name in cast}
        stations = made(cast, house.doors, passwords, waits)
        for one in stations:
            await stack.enter_async_context(one.station)
        for one in stations:
            await brokers[0].station_is_ready(one.id)
        this = _Run(house, Faults(house), Hearing(brokers), patience, stations, waits)
        return await _played(this, seed, breaks)


async def _register(broker: Client, name: str) -> str:
    request = station_service_pb2.CreateStationRequest(station_id=name)
    reply = await patiently(lambda: broker.stations.CreateStation(request, timeout=_CALL_S))
    return reply.basic_auth_password


async def _played(this: _Run, seed: int, breaks: Breaks) -> Record:
    async with asyncio.TaskGroup() as group:
        background = [group.create_task(vandals(seed, this.house.doors[0], this.intruders))]
        for broker in this.hearing.brokers:
            background.append(group.create_task(this.hearing.watch_commands(broker)))
            background.append(group.create_task(this.hearing.watch_reservations(broker)))
        over = asyncio.Event()
        async with asyncio.TaskGroup() as asking:
            for station in this.stations:
                caller = Caller(seed, station, this.hearing, this.patience)
                asking.create_task(caller.keep_asking(over))
            await breaks(this.faults)
            over.set()
        record = await _settled(this)
        for task in background:
            task.cancel()
    return record


async def _settled(this: _Run) -> Record:
    """The record, when everything has ended, or should have."""
    record = this.record()
    dues = [must_be_done(record, one) for one in record.commands if one.last]
    latest = max(dues, default=record.ended) + UNDOING
    await this.hearing.settle((latest - record.ended).total_seconds())
    for name, process in this.house.processes.items():
        if process.died():
            this.faults.crashes.append(f"{name}: {process.log_end()}")
    return this.record()
