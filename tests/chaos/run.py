"""One run of chaos: the house, its stations, its callers, the plan; what it leaves is judged."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from evcommand.v1 import station_service_pb2

from tests.chaos import chargers
from tests.chaos.callers import Callers
from tests.chaos.chargers import RecordedStation
from tests.chaos.faults import Faults
from tests.chaos.house import House, running_house
from tests.chaos.judging.lateness import must_be_done
from tests.chaos.plan import Fault
from tests.chaos.record import Record, Waits
from tests.chaos.vandals import vandals
from tests.support.client import Client, client_of, patiently

_CALL_S = 10.0
_LOOK = timedelta(seconds=3)


@dataclass
class _Run:
    house: House
    faults: Faults
    callers: Callers
    stations: list[RecordedStation]
    began: datetime
    intruders: list[str]

    def record(self, waits: Waits) -> Record:
        """All that is known by now."""
        return Record(
            self.began,
            datetime.now(UTC),
            waits,
            list(self.callers.commands.values()),
            list(self.callers.reservations.values()),
            [one.record() for one in self.stations],
            list(self.faults.done),
            self.faults.crashes,
            self.intruders,
        )


async def run(seed: int, seconds: float, plan: tuple[Fault, ...], home: Path) -> Record:
    """Breaks the house by the plan while callers ask for so many seconds, and lets it settle."""
    waits = Waits()
    async with running_house(home, waits) as house, AsyncExitStack() as stack:
        brokers = [await stack.enter_async_context(client_of(each)) for each in house.brokers]
        names = list(chargers.cast(seed))
        passwords = {name: await _register(brokers[0], name) for name in names}
        stations = chargers.made(seed, house.doors, passwords, waits)
        for one in stations:
            await stack.enter_async_context(one.station)
        for one in stations:
            await one.station.until(lambda one=one: one.station.booted, 30)  # type: ignore[misc]
        callers = Callers(seed, brokers)
        this = _Run(house, Faults(house), callers, stations, datetime.now(UTC), [])
        async with asyncio.TaskGroup() as group:
            background = [
                *(group.create_task(callers.watch(broker)) for broker in brokers),
                *(group.create_task(callers.watch_reservations(broker)) for broker in brokers),
                group.create_task(vandals(seed, house.doors[0], this.intruders)),
            ]
            await _play(this, seconds, plan)
            record = await _settled(this, waits)
            for task in background:
                task.cancel()
        return record


async def _register(broker: Client, name: str) -> str:
    request = station_service_pb2.CreateStationRequest(station_id=name)
    reply = await patiently(lambda: broker.stations.CreateStation(request, timeout=_CALL_S))
    return reply.basic_auth_password


async def _play(this: _Run, seconds: float, plan: tuple[Fault, ...]) -> None:
    until = asyncio.get_running_loop().time() + seconds
    async with asyncio.TaskGroup() as group:
        group.create_task(this.faults.carry_out(plan))
        for station in this.stations:
            group.create_task(this.callers.keep_asking(station, until))


async def _settled(this: _Run, waits: Waits) -> Record:
    """The record, when everything has ended, or should have."""
    loop = asyncio.get_running_loop()

    def due() -> float:
        record = this.record(waits)
        left = [one for one in record.commands if one.exists and one.last and not one.last.done]
        latest = max((must_be_done(record, one) for one in left), default=record.ended)
        return loop.time() + (latest + _LOOK - record.ended).total_seconds()

    await this.callers.settle(due)
    await this.callers.look_at_all()
    for name, process in this.house.processes.items():
        if process.died():
            this.faults.crashes.append(f"{name}: {process.log_end()}")
    return this.record(waits)
