"""Where worlds of bookings are played, one after the other; what each of them left behind."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from fleet.keys import load_sealer
from tests.simulation.bookings.rules.judge import lies_about_bookings
from tests.simulation.bookings.rules.words import BookingCase, BookingStory, Closing, StationWords
from tests.simulation.bookings.scenes import Scene
from tests.simulation.bookings.yard import Yard
from tests.simulation.repeatable.chance import fixed_identities
from tests.simulation.repeatable.conversion import quick_conversion
from tests.simulation.repeatable.fleet_file import FleetFile, sqlite_on_the_loop
from tests.simulation.repeatable.virtual_time import BEGIN, VirtualLoop, run
from tests.simulation.world.narrator import narrated
from tests.simulation.world.stage import undisturbed
from tests.simulation.world.story import Story

_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class PoolRan:
    """What a world of bookings left behind."""

    seed: int
    scene: Scene
    case: BookingCase
    story: list[str]
    troubles: list[str]

    @property
    def lies(self) -> list[str]:
        """Every broken promise."""
        return [*self.troubles, *lies_about_bookings(self.case)]

    def report(self) -> str:
        """The world, for whoever has to understand a lie."""
        again = f"make simulate BOOKINGS=1 FIRST={self.seed}"
        stations = ", ".join(
            f"{one.version} {'+'.join(one.field.kinds) or 'as ever'}" for one in self.scene.tempers
        )
        head = (f"seed {self.seed}, stations {stations} (again: {again})", str(self.scene.terms))
        return "\n".join((*head, "", *self.story, "", "LIES:", *self.lies))


class PoolStage:
    """Where worlds of bookings are played."""

    def __init__(self, folder: Path) -> None:
        self._fleet = FleetFile(folder)
        self._path = folder / "fleet.db"

    def play(self, seed: int, make: type[Yard] = Yard) -> PoolRan:
        """The world of a seed, from its beginning to its end. make: what kind of world it is."""
        with undisturbed(), sqlite_on_the_loop(), quick_conversion():
            return self._simulate(seed, make)

    def _simulate(self, seed: int, make: type[Yard]) -> PoolRan:
        self._fleet.empty()
        loop = VirtualLoop()
        story = Story(loop)
        loop.set_exception_handler(story.trouble)
        kept: list[PoolRan] = []

        async def main() -> None:
            db = self._fleet.open()
            sealer = await load_sealer(db)
            yard = make(seed, loop, db, sealer, story=story, path=self._path)
            await yard.play()
            troubles = [*story.troubles, *yard.troubles]
            kept.append(PoolRan(seed, yard.scene, case_of(yard), story.lines, troubles))
            await db.close()

        with fixed_identities(f"{seed}/bookings"), narrated(story.line):
            run(main(), loop)
        return kept[0]

    async def close(self) -> None:
        """No world follows."""
        await self._fleet.close()


def case_of(yard: Yard) -> BookingCase:
    """The world as its judge is shown it."""
    asked = {holder.name: holder.token for holder in yard.drivers.holders}
    digests = yard.ledger.digests
    token = {digests[name]: token for name, token in asked.items() if name in digests}
    return BookingCase(
        stories=tuple(
            BookingStory(name, token[digests[name]], tuple(told), is_offer=name not in asked)
            for name, told in yard.ledger.told.items()
        ),
        stations={
            id: StationWords(station.truth, station.record, station.temper)
            for id, station in yard.stations.items()
        },
        places=yard.scene.places,
        reserve=yard.scene.reserve,
        closings=tuple(
            Closing(
                BEGIN + timedelta(seconds=one.begin_s),
                BEGIN + timedelta(seconds=one.end_s),
                one.place,
            )
            for one in yard.scene.shut
        ),
        terms=yard.scene.terms,
        numbers=yard.numbers,
        calm=yard.scene.calm and not yard.disturbed_s,
        disturbed_s=yard.disturbed_s + 10.0 * sum(run.deaths for run in yard.temporal.runs),
        ended=yard.loop.utc_now(),
        runs=tuple(_workflow_troubles(yard)),
    )


def _workflow_troubles(yard: Yard) -> Iterator[str]:
    for run_ in yard.temporal.runs:
        if run_.failure is not None:
            yield f"ends: {run_.id} failed: {run_.failure}"
        elif not run_.closed:
            yield f"ends: {run_.id} runs on"


@contextmanager
def open_pool_stage() -> Iterator[PoolStage]:
    """A stage with a folder of its own, in memory where that is possible."""
    where = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="evcommand-bookings-", dir=where))
    try:
        stage = PoolStage(folder)
        yield stage
        with sqlite_on_the_loop():
            asyncio.run(stage.close())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
