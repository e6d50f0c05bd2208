"""Tokens of drivers, on both databases."""

from fleet import tokens
from fleet.database import Database
from tests.support.fleet_rows import NOW


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
