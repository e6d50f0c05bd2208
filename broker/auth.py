"""Who makes a call: API keys and signed tokens, both sent as bearer tokens.

Keys are compared by their digests, and in constant time. The caller of the call that is being
served stands in a context variable, so that every layer can ask for it.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from datetime import timedelta

from broker.access.caller import Caller
from broker.access.rights import MethodRights, right_missing
from broker.access.signing_keys import KeysUnavailable
from broker.access.token_claims import Expired, NotValid
from broker.access.tokens import TOKEN_CHARS, TokenVerifier, looks_like_token
from broker.errors import Reason, Refusal
from broker.settings import ApiKey, Right
from journal.clock import Clock, system_clock

_SCHEME = "bearer "
_BEARER_CHARS = len(_SCHEME) + TOKEN_CHARS
_ISSUER_RETRY = timedelta(seconds=5)

# A load balancer has no key. It learns whether this process serves, and nothing else.
OPEN_SERVICES = ("/grpc.health.v1.Health/",)


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


def check_one_of(rights: Sequence[Right]) -> None:
    """Go on only when the caller has one of these rights. Raises: Refusal (RIGHT_MISSING)."""
    caller = current_caller()
    if caller.rights.isdisjoint(rights):
        raise right_missing(tuple(rights), caller.name)


def is_open(method: str) -> bool:
    """Whether a method needs no credentials, and is answered however busy the broker is."""
    return method.startswith(OPEN_SERVICES)


class Authenticator:
    """Admits callers by the credentials of this broker. Without credentials it admits everybody.

    tokens: checks signed tokens; None: none is taken. now: the time, for tokens; also for how long
        a call may go on. rights: those that methods need.
    """

    def __init__(
        self,
        keys: tuple[ApiKey, ...],
        tokens: TokenVerifier | None = None,
        now: Clock = system_clock,
        *,
        rights: MethodRights,
    ) -> None:
        self._rights = rights
        self._keys = keys
        self._tokens = tokens
        self.now = now

    async def identify(self, method: str, metadata: Iterable[tuple[str, str | bytes]]) -> Caller:
        """The caller of `method`, found by the call's metadata. Whether it may is not said.

        Raises: Refusal (UNAUTHENTICATED) when a credential is needed and it is missing or not
        good; (CREDENTIALS_NOT_CHECKED) when that cannot be found out.
        """
        if (not self._keys and self._tokens is None) or is_open(method):
            return Caller()
        given = _bearer(metadata)
        if given is None:
            raise Refusal(
                Reason.CREDENTIALS_MISSING,
                "This broker needs a credential: send the metadata authorization: Bearer <key>.",
            )
        return self._holder_of(given) or await self._named_by(given)

    def authorize(self, method: str, caller: Caller) -> None:
        """Go on only when this caller may call the method. Raises: Refusal (RIGHT_MISSING)."""
        self._rights.check(method, caller.rights, caller.name)

    def _holder_of(self, given: str) -> Caller | None:
        """The holder of an API key."""
        digest = hashlib.sha256(given.encode(errors="replace")).hexdigest()
        found: Caller | None = None
        for key in self._keys:  # no early exit: the time must not tell which key came close
            if hmac.compare_digest(key.digest, digest):
                found = Caller(
                    key.name, key.tenant, key.rights, key.groups, call_rate=key.call_rate
                )
        return found

    async def _named_by(self, given: str) -> Caller:
        """The caller whom a signed token names."""
        if self._tokens is None or not looks_like_token(given):
            raise not_valid()
        try:
            return await self._tokens.caller_of(given, self.now())
        except NotValid as error:
            raise not_valid() from error
        except Expired as error:
            raise expired() from error
        except KeysUnavailable as error:
            raise Refusal(
                Reason.CREDENTIALS_NOT_CHECKED,
                "The credential cannot be checked now: its issuer cannot be reached.",
                retry_after=_ISSUER_RETRY,
            ) from error


def not_valid() -> Refusal:
    """The refusal of a credential. It does not say what was wrong with it."""
    return Refusal(Reason.CREDENTIALS_INVALID, "The credential is not valid.")


def expired() -> Refusal:
    """The refusal of a credential that was good, and has ended."""
    return Refusal(Reason.CREDENTIALS_EXPIRED, "The credential is expired.")


def _bearer(metadata: Iterable[tuple[str, str | bytes]]) -> str | None:
    for name, value in metadata:
        if name.lower() == "authorization" and isinstance(value, str):
            if value[: len(_SCHEME)].lower() == _SCHEME and len(value) <= _BEARER_CHARS:
                return value[len(_SCHEME) :].strip()
            return None
    return None
