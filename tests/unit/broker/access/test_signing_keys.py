"""The keys that sign tokens: fetched when they are needed, and not more often than that."""

import asyncio
import json
from typing import Any

import pytest

from broker.access.signing_keys import KeysUnavailable, SigningKeys, read_keys
from broker.token_settings import TokenSettings
from tests.support.access.signed_tokens import Signer

SETTINGS = TokenSettings(keys_refresh_s=300, keys_max_age_s=86_400, keys_pause_s=30)
FIRST, SECOND = Signer("first"), Signer("second")


class Issuer:
    """Gives the keys out, or fails; and a clock that stands still until it is moved."""

    def __init__(self, *signers: Signer) -> None:
        self.now_s = 1_000.0
        self.fetched = 0
        self.down = False
        self.signers = signers
        self.gate: asyncio.Event | None = None
        self.keys = SigningKeys(self.fetch, SETTINGS, lambda: self.now_s)

    async def fetch(self) -> bytes:
        self.fetched += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.down:
            raise OSError("no route")
        return json.dumps({"keys": [each.jwk for each in self.signers]}).encode()

    async def knows(self, id: str) -> bool:
        return await self.keys.find(id) is not None


async def test_a_key_that_is_known_is_not_fetched_again() -> None:
    issuer = Issuer(FIRST)
    for _ in range(3):
        assert await issuer.knows("first")
    assert issuer.fetched == 1


async def test_a_key_that_is_not_known_is_looked_for_but_not_at_every_call() -> None:
    issuer = Issuer(FIRST)
    assert await issuer.knows("first")
    issuer.signers = (FIRST, SECOND)
    for _ in range(50):
        assert not await issuer.knows("second")
    assert issuer.fetched == 1, "a flood of unknown keys makes no flood of requests"
    issuer.now_s += 30
    assert await issuer.knows("second")
    assert not await issuer.knows("third")
    assert issuer.fetched == 2


async def test_a_key_that_was_taken_back_is_gone_after_the_next_refresh() -> None:
    issuer = Issuer(FIRST, SECOND)
    assert await issuer.knows("second")
    issuer.signers = (FIRST,)
    issuer.now_s += 299
    assert await issuer.knows("second")
    issuer.now_s += 1
    assert not await issuer.knows("second")


async def test_known_keys_outlive_an_issuer_that_is_down_for_a_while_but_not_for_ever() -> None:
    issuer = Issuer(FIRST)
    assert await issuer.knows("first")
    issuer.down = True
    for _ in range(100):
        issuer.now_s += 800
        assert await issuer.knows("first")
    issuer.now_s += 86_400
    with pytest.raises(KeysUnavailable):
        await issuer.knows("first")


async def test_without_keys_a_token_is_not_called_bad() -> None:
    """That nobody can be asked proves nothing about the token."""
    issuer = Issuer(FIRST)
    issuer.down = True
    for _ in range(5):
        with pytest.raises(KeysUnavailable):
            await issuer.knows("first")
    assert issuer.fetched == 1
    issuer.down, issuer.now_s = False, issuer.now_s + 30
    assert await issuer.knows("first")


async def test_an_unknown_key_proves_nothing_while_the_issuer_is_down() -> None:
    issuer = Issuer(FIRST)
    assert await issuer.knows("first")
    issuer.down, issuer.now_s = True, issuer.now_s + 30
    for _ in range(2):
        with pytest.raises(KeysUnavailable):
            await issuer.knows("second")
    assert await issuer.knows("first")


async def test_many_calls_at_once_make_one_request() -> None:
    issuer = Issuer(FIRST)
    issuer.gate = asyncio.Event()
    asking = [asyncio.ensure_future(issuer.knows("first")) for _ in range(20)]
    while not issuer.fetched:
        await asyncio.sleep(0)
    issuer.gate.set()
    assert await asyncio.gather(*asking) == [True] * 20
    assert issuer.fetched == 1


async def test_a_call_that_ends_does_not_take_the_request_of_the_others_with_it() -> None:
    issuer = Issuer(FIRST)
    issuer.gate = asyncio.Event()
    first, other = (asyncio.ensure_future(issuer.knows("first")) for _ in range(2))
    while not issuer.fetched:
        await asyncio.sleep(0)
    first.cancel()
    issuer.gate.set()
    assert await other
    assert issuer.fetched == 1


OCT = {"kty": "oct", "kid": "secret", "k": "AAAA"}


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        ({"keys": []}, set()),
        ({"keys": [FIRST.jwk, OCT]}, {"first"}),
        ({"keys": [FIRST.jwk, {"kty": "RSA", "kid": "broken", "n": "?", "e": "AQAB"}]}, {"first"}),
        ({"keys": [{**FIRST.jwk, "use": "enc"}, SECOND.jwk]}, {"second"}),
        ({"keys": [{**FIRST.jwk, "kid": ""}, {**FIRST.jwk, "kid": 7}, "x"]}, set()),
        ({"keys": [FIRST.jwk, {**SECOND.jwk, "kid": "first"}]}, {"first"}),
    ],
)
def test_only_public_keys_for_signatures_are_taken(given: Any, ids: set[str]) -> None:
    assert read_keys(json.dumps(given).encode()).keys() == ids


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"keys": 1}', b"<html>", b"[" * 99_999])
def test_what_is_no_set_of_keys_is_an_error(content: bytes) -> None:
    with pytest.raises(ValueError, match="set of keys"):
        read_keys(content)
