"""Who makes a call: API keys as bearer tokens.

Keys are compared by their digests, and in constant time. The caller of the call that is being
served stands in a context variable, so that every layer can ask for it.
"""

import hashlib
import hmac
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, replace

from broker.access.rights import check_method, right_missing
from broker.errors import Reason, Refusal
from broker.places import Holder, Share
from broker.settings import ApiKey, Right
from fleet.log.event_log import Filter

DEFAULT_TENANT = "default"
_SCHEME = "bearer "
_KEY_LIMIT = 512

# A load balancer has no key. It learns whether this process serves, and nothing else.
OPEN_SERVICES = ("/grpc.health.v1.Health/",)


@dataclass(frozen=True)
class Caller:
    """Who made a call. `name` is empty when the broker runs without credentials.

    rights: which calls the caller may make. Without credentials: all.
    groups: beginnings of the identities of the stations that the caller may see and command.
    Empty: all stations of its tenant.
    """

    name: str = ""
    tenant: str = DEFAULT_TENANT
    rights: frozenset[Right] = frozenset(Right)
    groups: tuple[str, ...] = ()

    def covers(self, station: str) -> bool:
        """Whether the caller may see and command this station of its tenant."""
        return not self.groups or station.startswith(self.groups)

    def limited(self, which: Filter) -> Filter:
        """A selection without what the caller may not see."""
        return replace(which, groups=self.groups)

    @property
    def shares(self) -> dict[Share, Holder]:
        """The shares from which the caller takes places. None without credentials."""
        if not self.name:
            return {}
        return {Share.TENANT: (self.tenant,), Share.CREDENTIAL: (self.tenant, self.name)}


NOBODY = Caller()

_current: ContextVar[Caller | None] = ContextVar("current_caller", default=None)


def current_caller() -> Caller:
    """Who makes the call that is being served."""
    return _current.get() or NOBODY


def set_current_caller(caller: Caller) -> None:
    """Set who makes the call that this task serves."""
    _current.set(caller)


def check_rights(*needed: Right) -> None:
    """Go on only when the caller has all these rights. Raises: Refusal (RIGHT_MISSING)."""
    caller = current_caller()
    for right in needed:
        if right not in caller.rights:
            raise right_missing((right,), caller.name)


def is_open(method: str) -> bool:
    """Whether a method needs no credentials, and is answered however busy the broker is."""
    return method.startswith(OPEN_SERVICES)


class Authenticator:
    """Admits callers by the credentials of this broker. Without credentials it admits everybody."""

    def __init__(self, keys: tuple[ApiKey, ...]) -> None:
        self._keys = keys

    def admit(self, method: str, metadata: Iterable[tuple[str, str | bytes]]) -> Caller:
        """The caller of `method`, found by the call's metadata.

        Raises: Refusal (UNAUTHENTICATED) when a key is needed and it is missing or unknown;
        (RIGHT_MISSING) when its holder may not call the method.
        """
        if not self._keys or is_open(method):
            return Caller()
        given = _bearer(metadata)
        if given is None:
            raise Refusal(
                Reason.CREDENTIALS_MISSING,
                "This broker needs an API key: send the metadata authorization: Bearer <key>.",
            )
        caller = self._caller_of(given)
        if caller is None:
            raise Refusal(Reason.CREDENTIALS_INVALID, "The API key is not known to this broker.")
        check_method(method, caller.rights, caller.name)
        return caller

    def _caller_of(self, given: str) -> Caller | None:
        digest = hashlib.sha256(given.encode(errors="replace")).hexdigest()
        found: Caller | None = None
        for key in self._keys:  # no early exit: the time must not tell which key came close
            if hmac.compare_digest(key.digest, digest):
                found = Caller(key.name, key.tenant, key.rights, key.groups)
        return found


def _bearer(metadata: Iterable[tuple[str, str | bytes]]) -> str | None:
    for name, value in metadata:
        if name.lower() == "authorization" and isinstance(value, str):
            if value[: len(_SCHEME)].lower() == _SCHEME and len(value) <= _KEY_LIMIT:
                return value[len(_SCHEME) :].strip()
            return None
    return None
