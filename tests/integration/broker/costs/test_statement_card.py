"""The statement card: what a command costs the fleet's database, counted exactly.

Counted are the transactions that write something of the command, and their statements. The counts
are the same on every machine, so they are held like the cost card. Reads of callers that wait are
not counted: they come with each change, and changes that come together are read once.
"""

import asyncio
import uuid
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
    """The statements of each transaction that wrote something of the command of this name."""

    command: str
    open: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    written: list[list[tuple[str, str]]] = field(default_factory=list)

    def is_of_it(self, text: str, values: str) -> bool:
        """Whether a statement writes something of the command."""
        writes = not text.startswith("SELECT") and any(word in text for word in _OF_COMMANDS)
        return writes and self.command in values

    @property
    def cost(self) -> tuple[int, int]:
        """How many transactions, and how many statements in them name the command."""
        named = [one for done in self.written for one in done if self.command in one[1]]
        return len(self.written), len(named)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> StatementCard:
    """Counts from now on."""
    card = StatementCard(str(uuid.uuid4()))
    begin, commit, execute = SqlitePool.begin, SqlitePool.commit, SqliteConnection.execute

    async def begun(pool: SqlitePool, tx: Any) -> None:
        card.open[id(tx)] = []
        await begin(pool, tx)

    async def executed(tx: SqliteConnection, statement: Any, *rest: Any, **options: Any) -> Any:
        card.open.get(id(tx), []).append((str(statement), str(rest)))
        return await execute(tx, statement, *rest, **options)

    async def committed(pool: SqlitePool, tx: Any) -> None:
        await commit(pool, tx)
        done = card.open.pop(id(tx), [])
        if any(card.is_of_it(*statement) for statement in done):
            card.written.append(done)

    monkeypatch.setattr(SqlitePool, "begin", begun)
    monkeypatch.setattr(SqlitePool, "commit", committed)
    monkeypatch.setattr(SqliteConnection, "execute", executed)
    return card


async def test_an_unlock_costs_two_transactions(
    house: House, client: Client, card: StatementCard
) -> None:
    async with house.station() as (id, station):
        request = pb.UnlockConnectorRequest(
            station=f"stations/{id}", evse_id=1, request_id=card.command
        )
        request.options.MergeFrom(waiting_for(options_pb.WAIT_FOR_OUTCOME))
        card.written.clear()
        answering = asyncio.create_task(_answers(station, "UnlockConnector", "Unlocked"))
        reply = await house.broker.commands.UnlockConnector(request, timeout=WAIT_S)
        await answering
        await _ended(client, reply.command.name)
        assert card.cost == (2, 8), "\n".join(map(str, card.written))


async def _answers(station: ScriptedStation, action: str, status: str) -> None:
    message_id, _ = await station.called(action)
    await station.answer(message_id, {"status": status})


async def _ended(client: Client, name: str) -> None:
    await client.get_workflow_handle(f"command/default/{name.rpartition('/')[2]}").result()
