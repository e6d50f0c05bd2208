"""The statement card: what a command costs the fleet's database, counted exactly.

Counted are the transactions that write something of the command, and their statements. The counts
are the same on every machine, so they are held like the cost card. Reads of callers that wait are
not counted: they come with each change, and changes that come together are read once.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from temporalio.client import Client

from fleet.engine.pools import SqlitePool
from fleet.engine.precompiled import SqliteConnection
from tests.support.benches.broker_house import (
    WAIT_S,
    House,
    waiting_for,
)
from tests.support.stations.scripted_station import ScriptedStation

pytestmark = pytest.mark.asyncio(loop_scope="session")

_OF_COMMANDS = ("INTO events", "INTO sends", "UPDATE sends", "INTO notes", "commands")


@dataclass
class StatementCard:
    """The statements of each transaction that wrote something of a command."""

    open: dict[int, list[str]] = field(default_factory=dict)
    written: list[list[str]] = field(default_factory=list)

    @property
    def cost(self) -> tuple[int, int]:
        """How many transactions, and how many statements in them."""
        return len(self.written), sum(map(len, self.written))


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> StatementCard:
    """Counts from now on."""
    card = StatementCard()
    begin, commit, execute = SqlitePool.begin, SqlitePool.commit, SqliteConnection.execute

    async def begun(pool: SqlitePool, tx: Any) -> None:
        card.open[id(tx)] = []
        await begin(pool, tx)

    async def executed(tx: SqliteConnection, statement: Any, *rest: Any, **options: Any) -> Any:
        card.open.get(id(tx), []).append(str(statement))
        return await execute(tx, statement, *rest, **options)

    async def committed(pool: SqlitePool, tx: Any) -> None:
        await commit(pool, tx)
        texts = card.open.pop(id(tx), [])
        if any(word in text for text in texts for word in _OF_COMMANDS if "SELECT" not in text[:6]):
            card.written.append(texts)

    monkeypatch.setattr(SqlitePool, "begin", begun)
    monkeypatch.setattr(SqlitePool, "commit", committed)
    monkeypatch.setattr(SqliteConnection, "execute", executed)
    return card


async def test_an_unlock_costs_two_transactions(
    house: House, client: Client, card: StatementCard
) -> None:
    async with house.station() as (id, station):
        request = pb.UnlockConnectorRequest(station=f"stations/{id}", evse_id=1)
        request.options.MergeFrom(waiting_for(options_pb.WAIT_FOR_OUTCOME))
        card.written.clear()
        answering = asyncio.create_task(_answers(station, "UnlockConnector", "Unlocked"))
        reply = await house.broker.commands.UnlockConnector(request, timeout=WAIT_S)
        await answering
        await _ended(client, reply.command.name)
        assert card.cost == (2, 12), "\n".join(map(str, card.written))


async def _answers(station: ScriptedStation, action: str, status: str) -> None:
    message_id, _ = await station.called(action)
    await station.answer(message_id, {"status": status})


async def _ended(client: Client, name: str) -> None:
    await client.get_workflow_handle(f"command/default/{name.rpartition('/')[2]}").result()
