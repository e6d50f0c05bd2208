"""The keys that sign tokens, as their issuer publishes them: kept, and fetched when it is needed.

Whoever can send a token can name a key that nobody knows. So such a key is looked for at most once
in a while, and all calls wait for one request.

An issuer that cannot be reached proves nothing about a token: that is another answer than "not
valid". Keys that are known are good while it is down, for a limited time.
"""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from broker.token_settings import TokenSettings

_logger = structlog.get_logger(__name__)

_KEYS_READ = 100
_RSA_BITS = 2_048
_FAMILIES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_NEVER = -math.inf


class KeysUnavailable(Exception):
    """The issuer's keys cannot be fetched, so that nothing can be said of the token."""


@dataclass(frozen=True)
class SigningKey:
    """A public key of the issuer. algorithm: the only one that it signs with; "" for any."""

    public: Any
    family: str
    algorithm: str = ""

    def fits(self, algorithm: str) -> bool:
        """Whether a signature of this algorithm can be one of this key."""
        return self.algorithm in ("", algorithm) and _FAMILIES.get(algorithm[:2]) == self.family


class SigningKeys:
    """Finds keys by their ids.

    fetch: the issuer's set of keys. Raises: OSError, also for a time-out.
    clock: seconds, never going back.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[bytes]],
        settings: TokenSettings,
        clock: Callable[[], float],
    ) -> None:
        self._fetch = fetch
        self._settings = settings
        self._clock = clock
        self._keys: dict[str, SigningKey] = {}
        self._loaded_s = self._tried_s = _NEVER
        self._failed = False
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, id: str) -> SigningKey | None:
        """The key of this id; None when its issuer has none. Raises: KeysUnavailable."""
        if self._is_due(id):
            self._fetching = self._fetching or asyncio.create_task(self._load())
            await asyncio.shield(self._fetching)
        known = self._known(id)
        if known is None and (self._failed or not self._are_good()):
            raise KeysUnavailable
        return known

    async def close(self) -> None:
        """End a request that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    def _is_due(self, id: str) -> bool:
        if self._fetching is not None:
            return self._known(id) is None
        now_s = self._clock()
        wanted = self._known(id) is None or now_s - self._loaded_s >= self._settings.keys_refresh_s
        return wanted and now_s - self._tried_s >= self._settings.keys_pause_s

    def _are_good(self) -> bool:
        return self._clock() - self._loaded_s < self._settings.keys_max_age_s

    def _known(self, id: str) -> SigningKey | None:
        return self._keys.get(id) if self._are_good() else None

    async def _load(self) -> None:
        try:
            self._tried_s = self._clock()
            self._keys = dict(read_keys(await self._fetch()))
            self._loaded_s, self._failed = self._clock(), False
        except (OSError, ValueError) as error:
            self._failed = True
            _logger.warning("signing_keys_not_fetched", error=type(error).__name__, why=str(error))
        finally:
            self._fetching = None


def read_keys(content: bytes) -> Mapping[str, SigningKey]:
    """The public keys of a JSON Web Key Set, by their ids. What cannot be used is left out.

    Raises: ValueError when it is no such set.
    """
    try:
        given = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError("the answer is no set of keys") from error
    keys = given.get("keys") if isinstance(given, dict) else None
    if not isinstance(keys, list):
        raise ValueError("the answer is no set of keys")  # noqa: TRY004  what was read, not its type
    found: dict[str, SigningKey] = {}
    for each in keys[:_KEYS_READ]:
        key = _usable(each)
        if key is not None:
            found.setdefault(each["kid"], key)
    return found


def _usable(given: Any) -> SigningKey | None:
    """A key for signatures. None for a secret, a private key, a short one, or what is broken."""
    if not isinstance(given, dict) or given.get("use", "sig") != "sig" or "d" in given:
        return None
    id, family, algorithm = given.get("kid"), given.get("kty"), given.get("alg", "")
    if not (isinstance(id, str) and id and isinstance(algorithm, str)):
        return None
    if not isinstance(family, str) or family not in _FAMILIES.values():
        return None
    try:
        public = PyJWK(given).key
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    if isinstance(public, RSAPublicKey) and public.key_size < _RSA_BITS:
        return None
    return SigningKey(public, family, algorithm)
