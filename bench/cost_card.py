"""The cost card: events and state transitions of a command, as Temporal's server counts them.

Exact, the same on every machine, and besides a test (tests/integration/workflows).
A start and a stop with their effect seen, a start that the station refuses, an unlock without and
with a session to stop first, a reset to its boot, a ReserveNow and a CancelReservation, the life of
a reservation to each of its ends, and the naive shape.

    python -m bench cost-card
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from bench.naive_shape import NaiveCommand
from bench.report import Figure
from bench.servers import dev_temporal
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import WaitFor
from fleet.engine.database import Database
from tests.support.command_bench import Bench, rejected
from tests.support.histories.costs import Cost, cost_of
from tests.support.histories.hold_costs import HOLD_CARD
from tests.support.scripted_gateway import accepted, answers
from workflows.registration import register_search_attributes
from workflows.worker import running_worker

_UNLOCKED = StationAnswer(Verdict.ACCEPTED, "Unlocked")


@activity.defn
async def naive_send(station: str) -> str:
    """Stands for the frame and its answer."""
    return f"{station}: Accepted"


async def start(bench: Bench) -> Cost:
    """A start whose session begins."""
    bench.gateway.plays = [answers(accepted())]
    command = await bench.start_command()
    await bench.submit(command, WaitFor.STATION_ANSWER)
    await bench.session_starts()
    return await cost_of(bench.handle(command))


async def stop(bench: Bench) -> Cost:
    """A stop whose session ends."""
    session = await bench.session_starts()
    bench.gateway.plays = [answers(accepted())]
    command = await bench.stop_command(session.ocpp_id)
    await bench.submit(command, WaitFor.STATION_ANSWER)
    await bench.session_ends(session)
    return await cost_of(bench.handle(command))


async def refused_start(bench: Bench) -> Cost:
    """A start that ends with the station's answer."""
    bench.gateway.plays = [answers(rejected())]
    command = await bench.start_command()
    await bench.submit(command, WaitFor.OUTCOME)
    return await cost_of(bench.handle(command))


async def unlock(bench: Bench) -> Cost:
    """An unlock that ends with the station's answer."""
    bench.gateway.plays = [answers(_UNLOCKED)]
    command = await bench.unlock_command()
    await bench.submit(command, WaitFor.OUTCOME)
    return await cost_of(bench.handle(command))


async def unlock_stop_first(bench: Bench) -> Cost:
    """An unlock that stops the session first and sees its end."""
    session = await bench.session_starts()
    bench.gateway.plays = [answers(accepted()), answers(_UNLOCKED)]
    command = await bench.unlock_command(stop_first=True)
    await bench.submit(command)
    await bench.until(command, lambda c: c.progress.startswith("Stopping"))
    await bench.session_ends(session)
    return await cost_of(bench.handle(command))


async def reset(bench: Bench) -> Cost:
    """A reset to the boot, and to the report of the station's connector."""
    await bench.connector("Available")
    bench.gateway.plays = [answers(accepted())]
    command = await bench.reset_command()
    await bench.submit(command, WaitFor.STATION_ANSWER)
    await bench.disconnect()
    await bench.connect(boot=None)
    await bench.boots()
    await bench.connector("Available")
    return await cost_of(bench.handle(command))


async def naive(client: Client) -> Cost:
    """One activity, and the caller polls."""
    async with Worker(client, task_queue="cost", workflows=[NaiveCommand], activities=[naive_send]):
        handle = await client.start_workflow(
            NaiveCommand.run, "CP1", id="cost/naive", task_queue="cost"
        )
        return await cost_of(handle)


async def _now() -> datetime:
    return datetime.now(UTC)


CARD: tuple[tuple[str, Callable[[Bench], Awaitable[Cost]], int, int], ...] = (
    ("start_with_effect", start, 21, 10),
    ("stop_with_effect", stop, 21, 10),
    ("refused_start", refused_start, 15, 7),
    ("unlock", unlock, 15, 7),
    ("unlock_stop_first", unlock_stop_first, 26, 13),
    ("reset", reset, 26, 14),
)
"""Name, story, and what it may cost: events and state transitions."""


async def measure() -> None:
    """Each story once, with a station of its own."""
    with tempfile.TemporaryDirectory() as text:
        async with dev_temporal(Path(text)) as address:
            client = await Client.connect(address)
            await register_search_attributes(client)
            reference = await naive(client)
            db = await Database.open(f"sqlite:///{text}/fleet.engine.sqlite")
            for name, story, events, transitions in (*CARD, *HOLD_CARD):
                bench = Bench(client, db, _now, asyncio.sleep)
                async with running_worker(db, client), bench.running():
                    cost = await story(bench)
                _tell(name, "events", cost.events, reference.events, events)
                _tell(name, "transitions", cost.transitions, reference.transitions, transitions)
            await db.close()


def _tell(story: str, what: str, ours: int, reference: int, most: int) -> None:
    Figure(
        f"cost_{story}_{what}", ours, reference, what, target=f"<= {most}", ok=ours <= most
    ).tell()
