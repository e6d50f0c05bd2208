"""The gateways' direct lines in a world: slow at times, cut at times, on either side of the work.

A request that is lost was never there; a reply that is lost says nothing of the frame that its
gateway took; a gateway that is killed in between says nothing either. On a line that strays a
message is not lost but held, for longer than the worker waits:

    held request    it arrives up to minutes later, when its attempt may have been decided over the
                    task queue, and its command may have ended
    stale request   its station opens another connection meanwhile; it arrives at the gateway of the
                    older one, which may believe in it still
    idle request    its station is away meanwhile, so that its command may end unsent; it arrives
                    when the station is back
    late reply      the gateway has taken the frame; the worker does not wait for the reply
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from contract.commands import SendFrameInput
from domain.model.command import State
from domain.model.ways import LineUse
from fleet import connections, sends
from fleet.database import Database
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.log import commands as log
from journal.commands.record import from_snapshot
from station_gateway.gateway import Gateway
from tests.simulation.repeatable.chance import Chance
from tests.simulation.repeatable.virtual_time import VirtualLoop
from tests.simulation.servers.processes import Process, outside
from workflows.activities.offers import Offered

WAIT_S = 1.5
REPLY_S = 1.0
LONGEST_S = 240.0
_LOOK_S = 0.25


class House(Protocol):
    """A gateway in its process."""

    process: Process
    gateway: Gateway


@dataclass(frozen=True)
class Arrival:
    """A request that came late to its gateway, and how things stood then.

    epoch: of the station's newest connection; None: it had none. is_stale: the gateway believed in
    an older one. is_decided: the attempt was sent, or never would be. has_ended: the command had.
    """

    command: str
    attempt: int
    epoch: int | None
    is_stale: bool
    is_decided: bool
    has_ended: bool


class Strays:
    """The messages of a world's lines that were held, and what they came upon."""

    def __init__(self, loop: VirtualLoop, db: Database, chance: Chance) -> None:
        self.arrivals: list[Arrival] = []
        self.played: Counter[str] = Counter()
        self.under_way: set[asyncio.Task[None]] = set()
        self.chance = chance
        self._loop = loop
        self._db = db

    def hold(self, work: Coroutine[Any, Any, None]) -> None:
        """The network has a request, and no process of ours has it yet."""
        held = outside(self._loop, work)
        self.under_way.add(held)
        held.add_done_callback(self.under_way.discard)

    async def until_another_connection(self, station: str, epoch: int | None) -> None:
        """Return when the station has a newer connection, or after a while."""
        until_s = self._loop.time() + LONGEST_S
        while self._loop.time() < until_s and await self.epoch_of(station) in (None, epoch):
            await asyncio.sleep(_LOOK_S)

    async def epoch_of(self, station: str) -> int | None:
        """Of the connection that the station has now."""
        async with self._db.read() as tx:
            return await connections.current_epoch(tx, station)

    async def looks(self, house: House, frame: SendFrameInput) -> Arrival:
        """How things stand for a request that arrives now."""
        async with self._db.read() as tx:
            epoch = await connections.current_epoch(tx, frame.station)
            rows = await sends.by_command(tx, frame.tenant, frame.command)
            entry = await log.latest(tx, tenant=frame.tenant, name=frame.command)
        here = house.gateway.registry.get(frame.station)
        return Arrival(
            frame.command,
            frame.attempt,
            epoch,
            is_stale=here is not None and here.peer.epoch != epoch,
            is_decided=any(row.attempt == frame.attempt for row in rows),
            has_ended=entry is not None and from_snapshot(entry.snapshot).state is State.DONE,
        )


class World(Protocol):
    """What a line that strays does beside straying."""

    strays: Strays

    def break_connection(self, gateway: Gateway, *, away_s: float, elsewhere: bool) -> None:
        """The station loses its connection, and comes back to this gateway.

        elsewhere: to another one, and this one does not see that the connection ended.
        """

    def disturb(self, for_s: float) -> None:
        """Something in the world took so much longer."""


class DirectLines:
    """The worker's end of all lines.

    loses: how often a message is lost, in each direction. strays: how often one is held.
    """

    def __init__(
        self,
        houses: Sequence[House],
        chance: Chance,
        world: World,
        *,
        loses: float,
        strays: float,
    ) -> None:
        self._houses = houses
        self._chance = chance
        self._world = world
        self._loses = loses
        self._strays = strays

    async def offer(self, gateway: str, address: str, frame: SendFrameInput) -> Offered:
        """As `workflows.activities.lines.DirectLines.offer`."""
        if not address:
            return Offered(LineUse.NO_LINE)
        frame = replace(frame, line=LineUse.USED.value)  # as the gateway's end of the line does
        await asyncio.sleep(self._chance.latency())
        house = next((one for one in self._houses if one.gateway.gateway_id == gateway), None)
        if house is None or not house.process.alive or self._chance.happens(self._loses):
            return Offered(LineUse.UNREACHABLE)
        strays = self._world.strays
        if strays.chance.happens(self._strays):
            return await self._stray(house, frame)
        working = house.process.spawn(house.gateway.runs.offer(frame, WAIT_S))
        await asyncio.wait({working}, timeout=WAIT_S + REPLY_S)
        await asyncio.sleep(self._chance.latency())
        if self._chance.happens(self._loses) or not house.process.alive or not working.done():
            return Offered(LineUse.NO_REPLY)
        try:
            sent = working.result()
        except DatabaseUnavailable:
            return Offered(LineUse.UNREACHABLE)
        return Offered(LineUse.PENDING) if sent is None else Offered(LineUse.USED, sent)

    async def _stray(self, house: House, frame: SendFrameInput) -> Offered:
        """A message is held. The worker learns nothing, after all its time."""
        strays, chance = self._world.strays, self._world.strays.chance
        fate = chance.weighed(held=2, stale=3, idle=3, late_reply=1)
        strays.played[fate] += 1
        self._world.disturb(WAIT_S + REPLY_S)
        if fate == "late_reply":
            house.process.spawn(_without_reply(house, frame))
        elif fate == "held":
            strays.hold(self._arrives(house, frame, chance.pick((3.0, 30.0, LONGEST_S))))
        else:
            strays.hold(self._arrives_after(house, frame, elsewhere=fate == "stale"))
        await asyncio.sleep(WAIT_S + REPLY_S)
        return Offered(LineUse.NO_REPLY)

    async def _arrives(self, house: House, frame: SendFrameInput, within_s: float) -> None:
        strays = self._world.strays
        await asyncio.sleep(strays.chance.between(0.0, within_s))
        if not house.process.alive:
            return
        strays.arrivals.append(await strays.looks(house, frame))
        house.process.spawn(_without_reply(house, frame))

    async def _arrives_after(self, house: House, frame: SendFrameInput, *, elsewhere: bool) -> None:
        """It arrives when the station has another connection, here or elsewhere."""
        strays, chance = self._world.strays, self._world.strays.chance
        epoch = await strays.epoch_of(frame.station)
        away_s = 0.2 if elsewhere else WAIT_S + REPLY_S + 0.5
        self._world.disturb(away_s + 10.0)
        self._world.break_connection(house.gateway, away_s=away_s, elsewhere=elsewhere)
        await strays.until_another_connection(frame.station, epoch)
        await self._arrives(house, frame, chance.pick((0.0, 0.0, 5.0)))


async def _without_reply(house: House, frame: SendFrameInput) -> None:
    with suppress(DatabaseUnavailable):  # the line says so, and nobody listens
        await house.gateway.runs.offer(frame, WAIT_S)
