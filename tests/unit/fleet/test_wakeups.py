"""The outbox of wake-ups, on both databases."""

from fleet import wakeups
from fleet.database import Database
from tests.support.fleet_rows import NOW, later


async def test_wake_ups_are_due_until_they_are_done(db: Database) -> None:
    async with db.write() as tx:
        await wakeups.add(tx, "command/acme/1", "transaction", NOW)
        await wakeups.add(tx, "command/acme/2", "answer", later(10))
        (due,) = await wakeups.due(tx, before=NOW, limit=10)
        assert (due.workflow_id, due.reason) == ("command/acme/1", "transaction")
        await wakeups.done(tx, [due.id])
        assert [w.reason for w in await wakeups.due(tx, before=later(10), limit=10)] == ["answer"]


async def test_a_listener_is_called_after_the_commit_of_a_wake_up_only(db: Database) -> None:
    calls: list[str] = []
    with db.on_outbox(lambda: calls.append("older")), db.on_outbox(lambda: calls.append("newer")):
        async with db.write() as tx:
            await wakeups.add(tx, "command/acme/1", "transaction", NOW)
            assert calls == []
        assert calls == ["newer"]
        async with db.write() as tx:
            await wakeups.done(tx, [1])
    assert calls == ["newer"]
