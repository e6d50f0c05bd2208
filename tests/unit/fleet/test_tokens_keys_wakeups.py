"""The small tables: tokens, keys and wake-ups."""

import asyncio

import pytest

from fleet import tokens, wakeups
from fleet.database import Database
from fleet.engine.values import InvalidValue
from fleet.keys import FAILURE_TAKES_S, Passwords, Sealer, load_passwords, load_sealer
from tests.support.fleet_rows import NOW, later

SEALER = Sealer(b"m" * 32)


async def put(db: Database, value: str, type: str = "ISO14443", status: str = "ACCEPTED") -> None:
    async with db.write() as tx:
        await tokens.put(tx, tenant="acme", value=value, type=type, status=status, now=NOW)


async def found(db: Database, value: str, type: str | None = None) -> str | None:
    async with db.read() as tx:
        token = await tokens.lookup(tx, "acme", value, type)
    return None if token is None else token.status


async def test_a_token_is_found_whatever_the_case_of_its_letters(db: Database) -> None:
    await put(db, "AbCd")
    assert await found(db, "aBcD") == "ACCEPTED"
    assert await found(db, "ABCD", "ISO14443") == "ACCEPTED"
    assert await found(db, "ABCD", "eMAID") is None
    assert await found(db, "other") is None


async def test_putting_a_token_again_replaces_it(db: Database) -> None:
    await put(db, "AbCd")
    await put(db, "abcd", status="BLOCKED")
    assert await found(db, "AbCd") == "BLOCKED"


async def test_without_a_type_the_least_permissive_token_counts(db: Database) -> None:
    await put(db, "A", type="Central")
    await put(db, "A", type="eMAID", status="BLOCKED")
    assert await found(db, "A") == "BLOCKED"


async def test_tokens_are_listed_in_pages_and_deleted(db: Database) -> None:
    for value in ("b", "A", "c"):
        await put(db, value)
    async with db.write() as tx:
        first = await tokens.list_page(tx, tenant="acme", limit=2)
        after = (first[-1].value, first[-1].type)
        rest = await tokens.list_page(tx, tenant="acme", after=after, limit=2)
        assert [t.value for t in first + rest] == ["A", "b", "c"]
        assert await tokens.delete(tx, "acme", "ISO14443", "a")
        assert not await tokens.delete(tx, "acme", "ISO14443", "a")
        assert await tokens.get(tx, "acme", "ISO14443", "A") is None


async def test_wake_ups_are_due_until_they_are_done(db: Database) -> None:
    async with db.write() as tx:
        await wakeups.add(tx, "command/acme/1", "transaction", NOW)
        await wakeups.add(tx, "command/acme/2", "answer", later(10))
        (due,) = await wakeups.due(tx, before=NOW, limit=10)
        assert (due.workflow_id, due.reason) == ("command/acme/1", "transaction")
        await wakeups.done(tx, [due.id])
        assert [w.reason for w in await wakeups.due(tx, before=later(10), limit=10)] == ["answer"]


async def test_everybody_gets_the_same_key_however_many_ask_first(db: Database) -> None:
    sealers = await asyncio.gather(*(load_sealer(db) for _ in range(5)))
    sealed = sealers[0].seal("token")
    assert {s.open(sealed) for s in sealers} == {"token"}
    assert len({s.digest("eMAID", "x") for s in sealers}) == 1


def test_a_sealed_value_hides_its_text_and_another_key_cannot_open_it() -> None:
    sealed = SEALER.seal("04AABBCC")
    assert "04AABBCC" not in sealed
    assert sealed != SEALER.seal("04AABBCC")
    for broken in (Sealer(b"x" * 32).seal("t"), sealed[:-4], ""):
        with pytest.raises(InvalidValue):
            SEALER.open(broken)


def test_digests_agree_where_ocpp_says_the_tokens_do() -> None:
    assert SEALER.digest("ISO14443", "ab") == SEALER.digest("idTag", "AB")
    assert SEALER.digest("Central", "ab") == SEALER.digest("idTag", "ab")
    assert SEALER.digest("idTag", "abc") != SEALER.digest("idTag", "ab")
    assert SEALER.digest("idTag", "ab") != Sealer(b"x" * 32).digest("idTag", "ab")


@pytest.mark.parametrize(
    ("value", "shown"),
    [("", "****"), ("a", "****"), ("abcd", "****cd"), ("0123456789", "****6789")],
)
def test_a_mask_shows_at_most_four_characters_and_half(value: str, shown: str) -> None:
    assert SEALER.mask(value) == shown


async def test_generated_passwords_are_strong_and_fit_ocpp(db: Database) -> None:
    passwords = await load_passwords(db)
    made = {passwords.make() for _ in range(100)}
    assert len(made) == 100
    assert all(20 <= len(p) <= 40 for p in made)


@pytest.mark.parametrize("kind", ["generated", "chosen"])
async def test_only_the_right_password_is_good(kind: str) -> None:
    passwords = Passwords(b"m" * 32)
    stored = getattr(passwords, f"hash_{kind}")("correct horse")
    assert "correct" not in stored
    assert await passwords.verify(stored, "correct horse")
    assert await passwords.verify(stored, "correct horse")
    assert not await passwords.verify(stored, "wrong")


async def test_a_refusal_takes_the_same_time_whatever_was_wrong() -> None:
    passwords = Passwords(b"m" * 32)
    loop = asyncio.get_running_loop()
    chosen = passwords.hash_chosen("x")
    for stored, given in (("", "x"), (passwords.hash_generated("x"), "y"), (chosen, "y")):
        began = loop.time()
        assert not await passwords.verify(stored, given)
        assert FAILURE_TAKES_S * 0.9 <= loop.time() - began <= FAILURE_TAKES_S * 3


@pytest.mark.parametrize("stored", ["", "plain", "argon2:broken", "hmac:", "x:y"])
@pytest.mark.parametrize("given", ["", "x", "x" * 5000, "\ud800"])
async def test_nothing_odd_is_ever_a_password(stored: str, given: str) -> None:
    assert not await Passwords(b"m" * 32).verify(stored, given)
