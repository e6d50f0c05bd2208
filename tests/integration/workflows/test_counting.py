"""Each command is counted once, when its end is committed."""

import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TypeVar, cast

import pytest

from domain.commands import transitions as changes
from domain.model.command import Command, State
from domain.model.outcomes import Cause, ending
from domain.model.specs import IdToken, Kind, StartSpec
from fleet.database import Database
from fleet.engine.statements import Tx
from journal.commands.record import committed, record
from telemetry import metrics

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOW = datetime(2026, 1, 1, tzinfo=UTC)
T = TypeVar("T")
Change = Callable[[Command], Command]


class Lost(Exception):
    """The commit does not come about."""


class Unlucky:
    """A database whose first commit is lost, so that it runs every write again."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def batch(self, op: Callable[[Tx], Awaitable[T]]) -> T:
        with suppress(Lost):
            async with self._db.write() as tx:
                await op(tx)
                raise Lost
        return await self._db.batch(op)


def new_command() -> Command:
    name = str(uuid.uuid4())
    return Command(
        name=name,
        tenant="acme",
        kind=Kind.START_SESSION,
        station="CP1",
        state=State.QUEUED,
        create_time=NOW,
        not_after=NOW + timedelta(minutes=1),
        workflow_id=f"command/acme/{name}",
        start=StartSpec(IdToken("ISO14443", "****", "sealed", "digest")),
    )


def writing(command: Command, key: str, change: Change) -> Callable[[Tx], Awaitable[Command]]:
    async def write(tx: Tx) -> Command:
        return await record(
            tx,
            tenant=command.tenant,
            name=command.name,
            key=key,
            change=change,
            now=NOW,
            initial=command,
        )

    return write


def ends_as(cause: Cause) -> Change:
    return lambda command: changes.concluded(
        changes.sent(command, NOW), ending(cause), NOW + timedelta(seconds=2)
    )


def counted(outcome: str, cause: Cause) -> float:
    value: float = metrics.COMMANDS.labels("START_SESSION", outcome, cause.value)._value.get()
    return value


def raised_to(outcome: str) -> float:
    value: float = metrics.OUTCOMES_RAISED.labels("START_SESSION", outcome)._value.get()
    return value


async def test_a_command_is_counted_when_it_is_done_and_never_again(database: Database) -> None:
    command, before = new_command(), counted("NO_EFFECT", Cause.CABLE_WAIT_ENDED)
    await committed(database, writing(command, "queued", lambda queued: queued))
    assert counted("NO_EFFECT", Cause.CABLE_WAIT_ENDED) == before
    for key in ("done", "done", "again"):
        await committed(database, writing(command, key, ends_as(Cause.CABLE_WAIT_ENDED)))
    assert counted("NO_EFFECT", Cause.CABLE_WAIT_ENDED) == before + 1


async def test_a_write_that_is_rolled_back_and_repeated_counts_once(database: Database) -> None:
    command, before = new_command(), counted("SUCCEEDED", Cause.SESSION_STARTED)
    unlucky = cast(Database, Unlucky(database))
    ended = await committed(unlucky, writing(command, "done", ends_as(Cause.SESSION_STARTED)))
    assert ended.state is State.DONE
    assert counted("SUCCEEDED", Cause.SESSION_STARTED) == before + 1


async def test_a_write_that_fails_counts_nothing(database: Database) -> None:
    command, before = new_command(), counted("SUCCEEDED", Cause.SESSION_STARTED)
    write = writing(command, "done", ends_as(Cause.SESSION_STARTED))

    async def failing(tx: Tx) -> None:
        await write(tx)
        raise LookupError("something else in the same write")

    with pytest.raises(LookupError):
        await committed(database, failing)
    assert counted("SUCCEEDED", Cause.SESSION_STARTED) == before


async def test_an_unknown_that_is_raised_stays_counted_and_is_counted_as_raised(
    database: Database,
) -> None:
    command, before = (
        new_command(),
        (counted("SUCCEEDED", Cause.SESSION_STARTED), raised_to("SUCCEEDED")),
    )
    await committed(database, writing(command, "done", ends_as(Cause.ANSWER_TIMEOUT)))
    await committed(database, writing(command, "late", ends_as(Cause.SESSION_STARTED)))
    assert counted("SUCCEEDED", Cause.SESSION_STARTED) == before[0]
    assert raised_to("SUCCEEDED") == before[1] + 1
