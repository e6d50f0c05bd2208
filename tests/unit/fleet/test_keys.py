"""Sealed tokens, digests and station passwords."""

import asyncio
from collections.abc import Callable

import pytest
from argon2 import PasswordHasher

from fleet.database import Database
from fleet.engine.values import InvalidValue
from fleet.keys import Fit, Passwords, Sealer, load_passwords, load_sealer
from tests.support.stations.passwords import verified

SEALER = Sealer(b"m" * 32)


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
    # 1.6 stations take 16 to 20 bytes, 2.x stations 16 to 40 characters.
    assert all(len(p.encode()) == 20 and p.isalnum() for p in made)


@pytest.mark.parametrize("kind", ["generated", "chosen"])
async def test_only_the_right_password_is_good(kind: str) -> None:
    passwords = Passwords(b"m" * 32)
    stored = getattr(passwords, f"hash_{kind}")("correct horse")
    assert "correct" not in stored
    assert await verified(passwords, stored, "correct horse")
    assert await verified(passwords, stored, "correct horse")
    assert not await verified(passwords, stored, "wrong")


EXAMPLE_KEY = "0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF"  # of the standard, for AL1000
PRINTABLE_KEY = b"0123456789abcdef0123".hex()


@pytest.mark.parametrize(
    "key",
    [EXAMPLE_KEY, EXAMPLE_KEY.lower(), PRINTABLE_KEY, "3a" * 8, "00" * 20, "1" * 16],
)
async def test_a_key_in_hexadecimal_is_good_as_text_and_as_bytes(key: str) -> None:
    passwords = Passwords(b"m" * 32)
    stored = passwords.hash_chosen(key)
    as_characters = bytes.fromhex(key).decode("latin-1").encode()
    for sent in (key, key.encode(), bytes.fromhex(key), key.upper(), key.lower(), as_characters):
        assert await verified(passwords, stored, sent), sent
    raw = bytes.fromhex(key)
    wrong = (raw[:-1], raw + b"\0", raw[::-1] + b"!", key[:-2], key + "00", raw.hex(":"))
    refusals = (verified(passwords, stored, sent) for sent in wrong)
    assert not any(await asyncio.gather(*refusals))


@pytest.mark.parametrize("case", [str.lower, str.upper])
async def test_a_key_stored_as_text_in_one_case_is_good_as_bytes(
    case: Callable[[str], str],
) -> None:
    key = case(EXAMPLE_KEY)
    passwords = Passwords(b"m" * 32)
    stored = "argon2:" + PasswordHasher().hash(key)  # as it was stored before keys were bytes
    assert await verified(passwords, stored, key)
    assert await verified(passwords, stored, bytes.fromhex(key))
    assert not await verified(passwords, stored, bytes.fromhex(key)[::-1])


@pytest.mark.parametrize("kind", ["generated", "chosen"])
async def test_other_passwords_are_good_as_they_are_and_in_hexadecimal(kind: str) -> None:
    password = "Correct-Horse-000000"
    passwords = Passwords(b"m" * 32)
    stored = getattr(passwords, f"hash_{kind}")(password)
    assert await verified(passwords, stored, password.encode())
    # A 1.6 station was given its key in hexadecimal, and did not make bytes of it.
    assert await verified(passwords, stored, password.encode().hex())
    for wrong in (password.lower(), password.upper(), password + "\0", password[:-1]):
        assert not await verified(passwords, stored, wrong)


async def test_a_password_that_was_good_needs_no_slow_hash_in_any_process() -> None:
    one, other = Passwords(b"m" * 32), Passwords(b"m" * 32)
    stored = one.hash_chosen(EXAMPLE_KEY)
    assert one.look(stored, "", EXAMPLE_KEY) is Fit.UNPROVEN
    known_good = await one.prove(stored, EXAMPLE_KEY)
    assert known_good is not None
    assert EXAMPLE_KEY not in known_good
    assert other.look(stored, known_good, bytes.fromhex(EXAMPLE_KEY)) is Fit.RIGHT
    assert other.look(stored, known_good, "wrong") is Fit.WRONG


async def test_what_was_known_good_is_void_under_another_hash_or_key() -> None:
    passwords = Passwords(b"m" * 32)
    stored, anew = passwords.hash_chosen("x"), passwords.hash_chosen("x")
    known_good = await passwords.prove(stored, "x")
    assert known_good is not None
    assert passwords.look(anew, known_good, "x") is Fit.UNPROVEN
    assert Passwords(b"o" * 32).look(stored, known_good, "x") is Fit.UNPROVEN


async def test_no_password_is_right_where_there_is_no_station() -> None:
    passwords = Passwords(b"m" * 32)
    for sent in ("", "x", "x" * 5000):
        assert passwords.look("", "", sent) is Fit.WRONG


@pytest.mark.parametrize("stored", ["", "plain", "argon2:broken", "hmac:", "x:y"])
@pytest.mark.parametrize("given", ["", "x", "x" * 5000, "\ud800"])
async def test_nothing_odd_is_ever_a_password(stored: str, given: str) -> None:
    assert not await verified(Passwords(b"m" * 32), stored, given)
