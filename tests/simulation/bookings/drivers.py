"""Holders and drivers: who books, confirms, cancels, comes early, late, never, elsewhere."""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from evcommand.v1 import booking_pb2 as booking_pb

from tests.simulation.bookings.scenes import TOKENS, WALK_INS
from tests.simulation.repeatable.chance import Chance

if TYPE_CHECKING:
    from tests.simulation.bookings.yard import Yard

TRIES, AGAIN_S = 3, 12.0
"""How often a driver whom the station refuses tries, and how long he waits between."""


@dataclass
class Holder:
    """One who books, and what he means to do. manner: how he comes."""

    token: str
    start_s: float
    length_s: float
    asks_at_s: float
    manner: str
    pays: str = ""
    name: str = ""


class Drivers:
    """Everybody who wants something of a pool."""

    def __init__(self, yard: "Yard", chance: Chance) -> None:
        self._yard = yard
        self._chance = chance
        self._loop = yard.loop
        self.holders: list[Holder] = []

    async def live(self) -> None:
        """All of them, to their ends."""
        scene = self._yard.scene
        holders = [self._holder(TOKENS[number]) for number in range(scene.bookings)]
        self._makes_rivals(holders)
        holders += [self._at_once(TOKENS[-number]) for number in range(1, scene.at_once + 1)]
        self.holders = holders
        works = [self._books(holder) for holder in holders]
        works += [self._walks_in(WALK_INS[number]) for number in range(scene.walk_ins)]
        await asyncio.gather(*(self._loop.create_task(work) for work in works))

    def _holder(self, token: str) -> Holder:
        chance, calm = self._chance, self._yard.scene.calm
        manner = chance.weighed(
            in_time=5,
            early=1.5,
            late=1.5,
            too_late=1,
            never=2,
            leaves_early=1,
            cancels=2,
            elsewhere=0 if calm else 1.5,
            overstays=0 if calm else 1,
        )
        return Holder(
            token,
            start_s=chance.pick((420.0, 420.0, 540.0, 660.0, 900.0)),
            length_s=chance.pick((180.0, 240.0, 360.0)),
            asks_at_s=chance.between(20.0, 120.0),
            manner=manner,
            pays=chance.weighed(no=6, confirms=2, forgets=0.7),
        )

    def _at_once(self, token: str) -> Holder:
        """One who wants a place in a moment, while others have theirs."""
        chance = Chance(f"{self._yard.seed}/{token} at once")
        asks_at_s = chance.between(350.0, 1_000.0)
        return Holder(
            token,
            start_s=asks_at_s + chance.pick((70.0, 90.0, 110.0, 180.0, 260.0)),
            length_s=chance.pick((120.0, 180.0)),
            asks_at_s=asks_at_s,
            manner=chance.weighed(in_time=4, late=1, never=1, cancels=1),
            pays="no",
        )

    def _makes_rivals(self, holders: list[Holder]) -> None:
        """Two who want the same at the same moment, in half of the worlds."""
        if len(holders) > 1 and self._chance.happens(0.5):
            first = holders[0]
            for rival in holders[1 : self._chance.number(2, len(holders))]:
                rival.start_s, rival.length_s = first.start_s, first.length_s
                rival.asks_at_s = first.asks_at_s

    # --- bookings

    async def _books(self, holder: Holder) -> None:
        await self._until_s(holder.asks_at_s)
        yard, start = self._yard, self._moment(holder.start_s)
        end = start + timedelta(seconds=holder.length_s)
        by = self._loop.utc_now() + timedelta(seconds=60) if holder.pays != "no" else None
        holder.name = str(uuid.uuid4())
        if not await yard.desk.book(holder.name, holder.token, (start, end), by):
            return
        if holder.pays == "confirms":
            await asyncio.sleep(self._chance.between(1.0, 50.0))
            await yard.desk.confirm(holder.name)
        if holder.manner == "cancels":
            await self._cancels(holder)
        elif holder.manner != "never":
            await self._comes(holder)

    async def _cancels(self, holder: Holder) -> None:
        """At any moment from now until a little after the start."""
        latest_s = holder.start_s + 30.0
        await self._until_s(self._chance.between(self._loop.time(), latest_s))
        by_operator = self._chance.happens(0.3)
        await self._yard.desk.cancel(holder.name, by_operator=by_operator)

    # --- cars

    async def _comes(self, holder: Holder) -> None:
        chance, grace_s = self._chance, self._yard.scene.terms.grace_s
        start_s = holder.start_s
        comes_s = {
            "early": start_s - chance.pick((30.0, 90.0, 200.0)),
            "late": start_s + grace_s * chance.between(0.6, 0.9),
            "too_late": start_s + grace_s + chance.between(2.0, 60.0),
        }.get(holder.manner, start_s + grace_s * chance.between(0.05, 0.5))
        await self._until_s(comes_s)
        end_s = start_s + holder.length_s
        leaves_s = {
            "leaves_early": comes_s + holder.length_s * chance.between(0.1, 0.5),
            "overstays": end_s + chance.between(40.0, 150.0),
        }.get(holder.manner, end_s - chance.between(2.0, 30.0))
        for _ in range(TRIES):
            known = await self._yard.desk.get(holder.name)
            place = self._place_of(holder, known)
            if place and self._plugs_in(place, holder.token):
                await self._until_s(leaves_s)
                self._leaves(place, holder.token)
                return
            await asyncio.sleep(AGAIN_S)

    def _place_of(self, holder: Holder, known: booking_pb.Booking | None) -> str:
        """Where he goes: where he was told to; elsewhere, if that is his way."""
        if known is None or (known.HasField("end_of_life_time") and holder.manner != "too_late"):
            return ""
        if holder.manner == "elsewhere":
            return self._chance.pick(self._yard.scene.places)
        station = known.station.removeprefix("stations/")
        return f"{station}/{known.evse_id}" if station else ""

    def _plugs_in(self, place: str, token: str) -> bool:
        """Whether a session of his token runs there then."""
        station, evse = self._yard.at(place)
        if station.plugged[evse] or station.on_evse(evse) is not None:
            return False
        station.plug(evse)
        station.swipe(evse, token)
        session = station.on_evse(evse)
        if session is not None and session.token == token:
            return True
        station.leave(evse)
        return False

    def _leaves(self, place: str, token: str) -> None:
        station, evse = self._yard.at(place)
        session = station.on_evse(evse)
        if session is None or session.token == token:
            station.leave(evse)

    async def _walks_in(self, token: str) -> None:
        """Somebody without a booking charges somewhere for a while."""
        chance = self._chance
        await self._until_s(chance.between(100.0, 900.0))
        place = chance.pick(self._yard.scene.places)
        if self._plugs_in(place, token):
            await asyncio.sleep(chance.between(30.0, 300.0))
            self._leaves(place, token)

    # --- time

    async def _until_s(self, at_s: float) -> None:
        await asyncio.sleep(max(at_s - self._loop.time(), 0.0))

    def _moment(self, at_s: float) -> datetime:
        return self._loop.utc_now() + timedelta(seconds=at_s - self._loop.time())
