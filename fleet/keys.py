"""Keys and secrets at rest: sealed token values, keyed digests, station passwords.

There is one master key per database, made on first use; each purpose has a key of its own, derived
from it. Generated passwords have more than 128 random bits, so a keyed digest is enough to store
them; a slow hash would cost minutes of CPU when a whole fleet reconnects. A password that a person
chose is hashed with Argon2. Once a station has used it, a keyed digest of it is stored beside the
hash: from then on neither the station's next connection nor anybody's guess costs a slow hash.

OCPP 1.6 knows a password as bytes: ChangeConfiguration(AuthorizationKey) carries them as up to 40
hexadecimal digits, and the station sends the bytes themselves (security whitepaper; errata 4.0 of
OCPP-J 1.6). Other stations keep the digits and send them as text. So what a station sends is read
both ways, and a password of hexadecimal digits is its bytes: their case says nothing.
"""

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Iterable, Iterator
from enum import StrEnum

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import bindparam, select

from fleet.engine.database import SqlDatabase
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Upsert, bound
from fleet.engine.values import InvalidValue
from fleet.tables import keys

_MASTER = "master"

_PASSWORD_LIMIT = 256
_MADE_CHARS = 20
_ALPHABET = string.ascii_letters + string.digits
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}){8,}")
_TEXT = re.compile(rb"[\x20-\x7e]*")

_MAKE = Upsert(
    lambda insert: (
        insert(keys)
        .values(**bound(keys, "name", "value"))
        .on_conflict_do_nothing(index_elements=["name"])
    )
)
_READ = precompiled(select(keys.c.value).where(keys.c.name == bindparam("name")))


class Sealer:
    """Encrypts, digests and masks token values with the keys of one database."""

    def __init__(self, master: bytes) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(_derive(master, "seal")))
        self._digest_key = _derive(master, "digest")

    def seal(self, value: str) -> str:
        """The value, encrypted and authenticated. The text differs at each call."""
        return self._fernet.encrypt(value.encode()).decode()

    def open(self, sealed: str) -> str:
        """The sealed value. Raises: InvalidValue when it was not sealed with this key."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except (InvalidToken, UnicodeError):
            raise InvalidValue("a sealed value of another key, or a broken one") from None

    def digest(self, type: str, value: str) -> str:  # noqa: ARG002 - see below
        """A keyed digest that is equal for equal tokens: 64 hex characters.

        Case does not matter, because OCPP compares identifiers without it. The type does not
        matter either: OCPP 1.6 has none, and a session must be found whatever type the client gave.
        """
        text = value.casefold().encode("utf-8", "replace")
        return hmac.new(self._digest_key, text, hashlib.sha256).hexdigest()

    def mask(self, value: str) -> str:
        """The value for people: "****1234". It shows at most four characters and at most half."""
        shown = min(4, len(value) // 2)
        return "****" + (value[-shown:] if shown else "")


class Fit(StrEnum):
    """What can be told about a password without a slow hash. UNPROVEN: only Argon2 can tell."""

    RIGHT = "RIGHT"
    WRONG = "WRONG"
    UNPROVEN = "UNPROVEN"


class Passwords:
    """Makes, stores and checks station passwords (OCPP security profiles 1 and 2)."""

    def __init__(self, master: bytes) -> None:
        self._key = _derive(master, "password")
        self._known_good_key = _derive(master, "known-good")
        self._argon2 = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._dummy = self.hash_generated(self.make())

    def make(self) -> str:
        """A new password: 119 random bits in 20 letters and digits.

        It fits stations of every version: 1.6 takes 16 to 20 bytes, 2.x 16 to 40 characters.
        """
        return "".join(secrets.choice(_ALPHABET) for _ in range(_MADE_CHARS))

    def hash_generated(self, password: str) -> str:
        """The text to store for a password of `make`."""
        return self._keyed(_bytes(password))

    def hash_chosen(self, password: str) -> str:
        """The text to store for a password that a person chose. Takes about 20 ms of CPU."""
        digits = _bytes(password)
        if _HEX.fullmatch(digits):
            return "argon2hex:" + self._argon2.hash(bytes.fromhex(password))
        return "argon2:" + self._argon2.hash(digits)

    def look(self, stored: str, known_good: str, sent: str | bytes) -> Fit:
        """Whether `sent` is the stored password, as far as that can be told at once.

        stored: "" when there is no such station; the work is the same, and the answer WRONG.
        known_good: what `prove` made of a password of this station; "" when there was none yet.
        """
        given = sent if isinstance(sent, bytes) else _bytes(sent)
        if len(given) > _PASSWORD_LIMIT:
            return Fit.WRONG
        kind, _, _ = stored.partition(":")
        if kind in {"argon2", "argon2hex"}:
            if known_good.partition(":")[0] != self._tag(stored):
                return Fit.UNPROVEN
            made = (self._known_good(stored, reading) for reading in _readings(kind, given))
            return _fit(known_good, made)
        # A station that does not exist is checked as well, against a dummy.
        found = _fit(stored or self._dummy, map(self._keyed, _readings("hmac", given)))
        return found if stored else Fit.WRONG

    async def prove(self, stored: str, sent: str | bytes) -> str | None:
        """Check an UNPROVEN password with Argon2, which takes 20 to 60 ms of a CPU, in a thread.

        Returns what is to be stored as known good, for `look`; None when the password is wrong.
        The caller limits how many run at once.
        """
        given = sent if isinstance(sent, bytes) else _bytes(sent)
        kind, _, value = stored.partition(":")
        for reading in _readings(kind, given):
            if await asyncio.to_thread(self._verify_argon2, value, reading):
                return self._known_good(stored, reading)
        return None

    def _keyed(self, password: bytes) -> str:
        return "hmac:" + hmac.new(self._key, password, hashlib.sha256).hexdigest()

    def _tag(self, stored: str) -> str:
        """Tells for which stored hash a digest was made: a new password makes the old one void."""
        return hmac.new(self._known_good_key, stored.encode(), hashlib.sha256).hexdigest()[:16]

    def _known_good(self, stored: str, password: bytes) -> str:
        told = stored.encode() + b"\x1f" + password
        digest = hmac.new(self._known_good_key, told, hashlib.sha256).hexdigest()
        return f"{self._tag(stored)}:{digest}"

    def _verify_argon2(self, value: str, given: bytes) -> bool:
        try:
            return self._argon2.verify(value, given)
        except (Argon2Error, InvalidHashError):
            return False


def _fit(stored: str, made: Iterable[str]) -> Fit:
    """Compare every candidate, in constant time."""
    fits = [hmac.compare_digest(stored.encode(), each.encode()) for each in made]
    return Fit.RIGHT if any(fits) else Fit.WRONG


async def load_sealer(db: SqlDatabase) -> Sealer:
    """The sealer of this database. Makes its key on first use. Raises: DatabaseUnavailable."""
    return Sealer(await _load_master(db))


async def load_passwords(db: SqlDatabase) -> Passwords:
    """The password checker of this database. Raises: DatabaseUnavailable."""
    return Passwords(await _load_master(db))


async def load_line_key(db: SqlDatabase) -> str:
    """What a worker shows to a gateway's direct line. Raises: DatabaseUnavailable."""
    return _derive(await _load_master(db), "line").hex()


async def _load_master(db: SqlDatabase) -> bytes:
    async with db.read() as tx:
        found = (await tx.execute(_READ, {"name": _MASTER})).scalar()
    if found is None:
        async with db.write() as tx:
            await tx.execute(_MAKE(tx), {"name": _MASTER, "value": secrets.token_hex(32)})
            found = (await tx.execute(_READ, {"name": _MASTER})).scalar_one()
    return bytes.fromhex(found)


def _readings(kind: str, given: bytes) -> Iterator[bytes]:
    """What a station may have meant by these bytes, to be compared with a stored password.

    kind: of the stored password: "hmac" (generated), "argon2" (chosen, the digest of its text) or
    "argon2hex" (chosen in hexadecimal digits, the digest of its bytes).
    """
    bare = bytes.fromhex(given.decode()) if _HEX.fullmatch(given) else None
    if kind == "argon2hex" and bare is not None:
        yield bare
    if kind in {"hmac", "argon2", "argon2hex"}:
        yield given
    if kind in {"hmac", "argon2"} and bare is not None:
        yield bare
    if kind == "argon2hex" and (narrow := _narrowed(given)) is not None:
        yield narrow
    if kind == "argon2" and not _TEXT.fullmatch(given):
        # Stored before digits were kept as bytes: it may be the text of these bytes, in one case.
        yield given.hex().encode()
        yield given.hex().upper().encode()


def _narrowed(given: bytes) -> bytes | None:
    """Bytes that a station took for characters and sent in UTF-8; None when they are no such."""
    try:
        narrow = given.decode().encode("latin-1")
    except UnicodeError:
        return None
    return None if narrow == given else narrow


def _derive(master: bytes, purpose: str) -> bytes:
    return hmac.new(master, f"evcommand/{purpose}".encode(), hashlib.sha256).digest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
