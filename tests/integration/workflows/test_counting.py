"""Each command is counted once, when its end is committed."""

import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TypeVar, cast

import pytest
from prometheus_client import REGISTRY

from contract.callbacks import (
    NextCallbackResult,
    PostCallbackResult,
    PostStatus,
    SettleCallbackInput,
)
from contract.commands import ChangeKind, RecordChangeInput
from domain.commands import transitions as changes
from domain.model.command import Command, State
from domain.model.outcomes import Cause, ending
from domain.model.specs import IdToken, Kind, StartSpec
from fleet.database import Database
from fleet.engine.statements import Tx
from journal.commands.record import committed, record
from telemetry import metrics
from workflows.activities.callbacks import CallbackActivities
from workflows.activities.commands import CommandActivities
from workflows.activities.offers import no_line

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


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_an_unknown_outcome_is_not_counted_as_a_quick_truth(database: Database) -> None:
    quick = {"kind": "START_SESSION", "le": "120.0"}

    def within_two_minutes() -> tuple[float, float]:
        name = "evcommand_effect_seconds_bucket"
        return tuple(sample(name, outcome=each, **quick) for each in ("SUCCEEDED", "UNKNOWN"))  # type: ignore[return-value]

    before = within_two_minutes()
    await committed(database, writing(new_command(), "done", ends_as(Cause.SESSION_STARTED)))
    await committed(database, writing(new_command(), "done", ends_as(Cause.ANSWER_TIMEOUT)))
    assert within_two_minutes() == (before[0] + 1, before[1] + 1)


async def test_an_outcome_that_stays_unknown_when_its_guard_ends_is_counted(
    database: Database,
) -> None:
    activities, name = CommandActivities(database, no_line), "evcommand_still_unknown_total"
    before = sample(name, kind="START_SESSION")
    for cause in (Cause.ANSWER_TIMEOUT, Cause.CABLE_WAIT_ENDED):
        command = new_command()
        await committed(database, writing(command, "done", ends_as(cause)))
        over = RecordChangeInput(command.tenant, command.name, ChangeKind.GUARD_ENDED, NOW)
        await activities.record_change(over)
    assert sample(name, kind="START_SESSION") == before + 1


async def test_every_kind_has_its_count_of_what_stays_unknown_before_the_first_one() -> None:
    shown = [
        REGISTRY.get_sample_value("evcommand_still_unknown_total", {"kind": kind.value})
        for kind in Kind
    ]
    assert None not in shown


@pytest.mark.parametrize(
    ("status", "resent_s", "after_s", "within"),
    [
        (PostStatus.DELIVERED, None, 59, 1),
        (PostStatus.DELIVERED, None, 61, 0),
        (PostStatus.DELIVERED, 3600, 3610, 1),
        (PostStatus.RETRY, None, 1, 0),
    ],
)
async def test_a_delivery_is_measured_from_the_change_that_it_tells(
    database: Database, status: PostStatus, resent_s: int | None, after_s: int, within: int
) -> None:
    command = new_command()
    changed = await committed(database, writing(command, "queued", lambda queued: queued))
    resent = None if resent_s is None else NOW + timedelta(seconds=resent_s)
    due = NextCallbackResult(revision=changed.revision, id=command.name, resend_time=resent)
    before = sample("evcommand_callback_delay_seconds_bucket", le="60.0")
    now = NOW + timedelta(seconds=after_s)
    result = PostCallbackResult(status)
    await CallbackActivities(database).settle_callback(
        SettleCallbackInput(command.tenant, command.name, due, result, 1, now)
    )
    assert sample("evcommand_callback_delay_seconds_bucket", le="60.0") == before + within
