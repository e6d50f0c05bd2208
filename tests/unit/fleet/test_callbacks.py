"""Callback settings, secrets and deliveries, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fleet import callbacks
from fleet.callbacks import Delivery, Endpoint
from fleet.database import Database

NOW = datetime(2026, 5, 1, tzinfo=UTC)
URL = "https://receiver.example.com"


async def put(db: Database, caller: str = "desk", url: str = URL, reason: str = "") -> Endpoint:
    async with db.write() as tx:
        return await callbacks.put(
            tx,
            tenant="acme",
            caller=caller,
            url=url,
            events="ALL",
            disable_reason=reason,
            now=NOW,
        )


async def rotate(db: Database, secret: str, until: datetime | None) -> Endpoint:
    async with db.write() as tx:
        return await callbacks.set_secret(
            tx, tenant="acme", caller="desk", secret=secret, previous_until=until, now=NOW
        )


async def get(db: Database, caller: str = "desk") -> Endpoint | None:
    async with db.read() as tx:
        return await callbacks.endpoint(tx, "acme", caller)


def delivery(number: int, **changed: object) -> Delivery:
    made = Delivery(
        id=f"msg_{number}",
        tenant="acme",
        command=f"c{number % 2}",
        revision=number,
        news="command.outcome",
        url=URL,
        state="PENDING",
        create_time=NOW + timedelta(seconds=number),
        update_time=NOW,
    )
    return replace(made, **changed)  # type: ignore[arg-type]


async def made(db: Database, *deliveries: Delivery) -> None:
    async with db.write() as tx:
        for each in deliveries:
            await callbacks.make(tx, each)


async def ids(db: Database, **filters: object) -> list[str]:
    async with db.read() as tx:
        found = await callbacks.list_page(tx, tenant="acme", **{"limit": 9, **filters})  # type: ignore[arg-type]
    return [each.id for each in found]


async def test_settings_and_secrets_are_kept_apart(db: Database) -> None:
    assert await get(db) is None
    await rotate(db, "sealed-1", None)
    assert (await put(db)).secret == "sealed-1"
    await rotate(db, "sealed-2", None)
    stored = await get(db)
    assert stored is not None
    assert (stored.url, stored.events, stored.secret) == (URL, "ALL", "sealed-2")


async def test_settings_belong_to_one_credential(db: Database) -> None:
    await put(db)
    assert await get(db, "other") is None
    assert (await put(db, "", "https://nobody.example.com")).caller == ""
    assert await get(db, "") is not None


async def test_the_secret_before_signs_for_its_time(db: Database) -> None:
    await rotate(db, "first", NOW + timedelta(hours=1))
    stored = await rotate(db, "second", NOW + timedelta(hours=1))
    assert stored.secrets(NOW) == ["second", "first"]
    assert stored.secrets(NOW + timedelta(hours=1)) == ["second"]
    at_once = await rotate(db, "third", None)
    assert at_once.secrets(NOW) == ["third"]


async def test_a_receiver_that_is_gone_is_disabled_unless_it_was_replaced(db: Database) -> None:
    await put(db)
    for url, disabled in (("https://old.example.com", False), (URL, True)):
        async with db.write() as tx:
            who = {"tenant": "acme", "caller": "desk"}
            await callbacks.disable(tx, **who, url=url, reason="gone", now=NOW)
        stored = await get(db)
        assert stored is not None
        assert stored.disabled is disabled
    enabled = await put(db)
    assert (enabled.disabled, enabled.disable_reason, enabled.disable_time) == (False, "", None)


async def test_deliveries_are_listed_newest_first_by_filter_and_page(db: Database) -> None:
    await made(db, *(delivery(n) for n in range(1, 4)), delivery(4, state="PARKED"))
    assert await ids(db) == ["msg_4", "msg_3", "msg_2", "msg_1"]
    assert await ids(db, command="c1") == ["msg_3", "msg_1"]
    assert await ids(db, states=["PARKED"]) == ["msg_4"]
    after = (NOW + timedelta(seconds=3), "msg_3")
    assert await ids(db, after=after, limit=1) == ["msg_2"]


async def test_what_became_of_a_try_is_written_down(db: Database) -> None:
    await made(db, delivery(1))
    async with db.write() as tx:
        await callbacks.settle(
            tx,
            tenant="acme",
            id="msg_1",
            state="RETRYING",
            tries=2,
            cause="NO_ANSWER",
            reason="silence",
            next_time=NOW + timedelta(minutes=5),
            now=NOW,
        )
    async with db.read() as tx:
        row = await callbacks.get(tx, "acme", "msg_1")
    assert row is not None
    assert (row.state, row.tries, row.cause) == ("RETRYING", 2, "NO_ANSWER")
    assert row.next_time == NOW + timedelta(minutes=5)


async def test_a_delivery_is_made_due_again_with_fresh_tries(db: Database) -> None:
    await made(db, delivery(1, state="PARKED", tries=8, cause="REFUSED"))
    async with db.write() as tx:
        again = await callbacks.resend(tx, "acme", "msg_1", NOW)
        assert await callbacks.resend(tx, "other", "msg_1", NOW) is None
    assert again is not None
    assert (again.state, again.tries, again.cause) == ("PENDING", 0, "")
    assert again.resend_time == NOW


async def test_a_newer_change_takes_the_place_of_older_ones(db: Database) -> None:
    await made(db, delivery(1), delivery(3), delivery(5))
    async with db.write() as tx:
        which = {"tenant": "acme", "command": "c1"}
        await callbacks.supersede(tx, **which, revisions=[1, 3], now=NOW)
    assert await ids(db, states=["SUPERSEDED"]) == ["msg_3", "msg_1"]
    assert await ids(db, states=["PENDING"]) == ["msg_5"]
