"""Keys and secrets at rest: sealed token values, keyed digests, station passwords.

There is one master key per database, made on first use; each purpose has a key of its own, derived
from it. Generated passwords have more than 128 random bits, so a keyed digest is enough to store
them; a slow hash would cost minutes of CPU when a whole fleet reconnects. A password that a person
chose is hashed with Argon2.

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
from collections import OrderedDict
from collections.abc import Iterator

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

FAILURE_TAKES_S = 0.25
"""How long the refusal of a password takes, whatever was wrong with it."""

_SUCCESSES_LIMIT = 20_000
"""How many good Argon2 passwords are remembered, so that a reconnect costs no second hash."""

_ARGON2_AT_ONCE = 2
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


class Passwords:
    """Makes, stores and checks station passwords (OCPP security profiles 1 and 2)."""

    def __init__(self, master: bytes) -> None:
        self._key = _derive(master, "password")
        self._session_key = secrets.token_bytes(32)
        self._argon2 = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._slots = asyncio.Semaphore(_ARGON2_AT_ONCE)
        self._good: OrderedDict[bytes, None] = OrderedDict()
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

    async def verify(self, stored: str, sent: str | bytes) -> bool:
        """Whether `sent` is the stored password. stored: "" when there is no such station.

        Every refusal takes the same time, so that its time does not tell which stations exist.
        """
        started = asyncio.get_running_loop().time()
        given = sent if isinstance(sent, bytes) else _bytes(sent)
        fits = len(given) <= _PASSWORD_LIMIT
        # A station that does not exist is checked as well, against a dummy, and refused all the
        # same.
        if fits and await self._matches(stored or self._dummy, given) and stored:
            return True
        spent = asyncio.get_running_loop().time() - started
        await asyncio.sleep(max(0.0, FAILURE_TAKES_S - spent))
        return False

    async def _matches(self, stored: str, given: bytes) -> bool:
        kind, _, value = stored.partition(":")
        for reading in _readings(kind, given):
            if kind == "hmac":
                if hmac.compare_digest(stored, self._keyed(reading)):
                    return True
            elif await self._matches_argon2(value, reading):
                return True
        return False

    def _keyed(self, password: bytes) -> str:
        return "hmac:" + hmac.new(self._key, password, hashlib.sha256).hexdigest()

    async def _matches_argon2(self, value: str, given: bytes) -> bool:
        seen = hmac.new(
            self._session_key, value.encode() + b"\x1f" + given, hashlib.sha256
        ).digest()
        if seen in self._good:
            self._good.move_to_end(seen)
            return True
        async with self._slots:
            if not await asyncio.to_thread(self._verify_argon2, value, given):
                return False
        self._good[seen] = None
        if len(self._good) > _SUCCESSES_LIMIT:
            self._good.popitem(last=False)
        return True

    def _verify_argon2(self, value: str, given: bytes) -> bool:
        try:
            return self._argon2.verify(value, given)
        except (Argon2Error, InvalidHashError):
            return False


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
