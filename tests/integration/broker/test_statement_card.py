"""The statement card: what a command costs the fleet's database, counted exactly.

Counted are the write transactions and the statements of all processes, from the call to its
outcome, and those of the time after it until the workflow has ended.
"""

import asyncio
import traceback
from dataclasses import dataclass, field
from typing import Any

import pytest
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from fleet.engine.database import SqlDatabase
from fleet.engine.precompiled import SqliteConnection
from tests.support.benches.broker_house import WAIT_S, House, waiting_for

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass
class Card:
    writes: int = 0
    reads: int = 0
    statements: list[str] = field(default_factory=list)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    card = Card()
    execute, write, read = SqliteConnection.execute, SqlDatabase.write, SqlDatabase.read

    async def counted(self: Any, statement: Any, *rest: Any, **options: Any) -> Any:
        where = [
            f"{f.filename.split('/ten/')[-1]}:{f.name}"
            for f in traceback.extract_stack()[:-1]
            if "/ten/" in f.filename and ".venv" not in f.filename
        ]
        card.statements.append(
            str(statement).replace("\n", " ")[:70] + "  <" + " < ".join(reversed(where[-6:]))
        )
        return await execute(self, statement, *rest, **options)

    def written(self: Any) -> Any:
        card.writes += 1
        card.statements.append("--- write")
        return write(self)

    def was_read(self: Any) -> Any:
        card.reads += 1
        card.statements.append("--- read")
        return read(self)

    monkeypatch.setattr(SqliteConnection, "execute", counted)
    monkeypatch.setattr(SqlDatabase, "write", written)
    monkeypatch.setattr(SqlDatabase, "read", was_read)
    return card


async def test_an_unlock(house: House, card: Card) -> None:
    async with house.station() as (id, station):

        async def answer() -> None:
            message_id, _ = await station.called("UnlockConnector")
            await station.answer(message_id, {"status": "Unlocked"})

        await asyncio.sleep(3)
        card.statements.clear()
        card.writes = card.reads = 0
        answering = asyncio.create_task(answer())
        request = pb.UnlockConnectorRequest(station=f"stations/{id}", evse_id=1)
        request.options.MergeFrom(waiting_for(options_pb.WAIT_FOR_OUTCOME))
        reply = await house.broker.commands.UnlockConnector(request, timeout=WAIT_S)
        await answering
        await asyncio.sleep(0.3)
    print(card.writes, card.reads, len(card.statements))
    print("\n".join(card.statements))
    assert 0
