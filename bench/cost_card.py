"""The cost card: events and state transitions of a command, counted by Temporal's server.

The server counts exactly, so the figures do not depend on the machine; tests hold them
(tests/integration/workflows). The card has a start and a stop with their effect, a start that the
station refuses, an unlock without and with a session to stop first, a reset to its boot, ReserveNow
and CancelReservation, a reservation to each of its ends, and the naive shape as the reference.

    python -m bench cost-card
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from temporalio.client import Client

from bench.report import Figure
from bench.servers import dev_temporal
from fleet.database import Database
from tests.support.benches.command_bench import Bench
from tests.support.histories import command_costs
from tests.support.histories.costs import Cost
from tests.support.histories.hold_costs import HOLD_CARD
from workflows.registration import register_search_attributes
from workflows.worker import running_worker

CARD: tuple[tuple[str, Callable[[Bench], Awaitable[Cost]], int, int], ...] = (
    ("start_with_effect", command_costs.start, 21, 10),
    ("stop_with_effect", command_costs.stop, 21, 10),
    ("refused_start", command_costs.refused_start, 15, 7),
    ("unlock", command_costs.unlock, 15, 7),
    ("unlock_stop_first", command_costs.unlock_stop_first, 26, 13),
    ("reset", command_costs.reset, 26, 14),
)
"""Name, function that plays it, and its limits: events and state transitions."""


async def _now() -> datetime:
    return datetime.now(UTC)


async def measure() -> None:
    """Plays each row once, with a station of its own."""
    with tempfile.TemporaryDirectory() as text:
        async with dev_temporal(Path(text)) as address:
            client = await Client.connect(address)
            await register_search_attributes(client)
            reference = await command_costs.naive(client, "cost-naive")
            db = await Database.open(f"sqlite:///{text}/fleet.sqlite")
            for name, play, events, transitions in (*CARD, *HOLD_CARD):
                bench = Bench(client, db, _now, asyncio.sleep)
                async with running_worker(db, client), bench.running():
                    cost = await play(bench)
                _report(name, "events", cost.events, reference.events, events)
                _report(name, "transitions", cost.transitions, reference.transitions, transitions)
            await db.close()


def _report(name: str, what: str, ours: int, reference: int, most: int) -> None:
    Figure(
        f"cost_{name}_{what}", ours, reference, what, target=f"<= {most}", ok=ours <= most
    ).report()
