"""What the claims of a token say of its caller. Pure: the signature was checked before.

What is not said gives nothing. A token without the claim of its tenant, or of its groups, is
refused where a setting names that claim: nobody becomes everybody by an omission.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from broker.access.caller import DEFAULT_TENANT, Caller
from broker.settings import NAME, Right, checked_groups
from broker.token_settings import TokenSettings

Claims = Mapping[str, object]

_SUBJECT_CHARS = 200
_ALL_STATIONS = ("*",)
_LATEST_S = 253_402_300_799.0  # the end of the year 9999

TOKEN_CALLER = "jwt:"  # noqa: S105  how names begin, and no secret
"""How the names of callers begin whom a signed token names."""


class NotValid(Exception):
    """The token does not hold. It does not say why: that would help whoever forges one."""


class Expired(Exception):
    """The token was good, and has ended."""


def caller_of(claims: Claims, settings: TokenSettings, now: datetime) -> Caller:
    """The caller of whom these claims tell. Raises: NotValid; Expired."""
    until = _time(claims, "exp")
    leeway = timedelta(seconds=settings.leeway_s)
    begins = [_time(claims, name) for name in ("nbf", "iat") if name in claims]
    if any(now + leeway < begin for begin in begins):
        raise NotValid
    caller = Caller(
        name=f"{TOKEN_CALLER}{_subject(claims.get(settings.name_claim))}",
        tenant=_tenant(claims, settings.tenant_claim),
        rights=_rights(claims.get(settings.rights_claim, ())),
        groups=_groups(claims, settings.groups_claim),
        until=until,
    )
    if now >= until + leeway:
        raise Expired
    return caller


def _time(claims: Claims, name: str) -> datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise NotValid
    if not 0 <= value <= _LATEST_S - 3_600:
        raise NotValid
    return datetime.fromtimestamp(value, UTC)


def _subject(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= _SUBJECT_CHARS:
        raise NotValid
    if not value.isprintable():
        raise NotValid
    return value


def _tenant(claims: Claims, name: str) -> str:
    if not name:
        return DEFAULT_TENANT
    value = claims.get(name)
    if not isinstance(value, str) or not re.fullmatch(NAME, value):
        raise NotValid
    return value


def _rights(value: object) -> frozenset[Right]:
    """The rights among the words of a claim: a list, or one text as OAuth's scopes are."""
    words = value.split() if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise NotValid
    return frozenset(right for right in Right if right.value in words)


def _groups(claims: Claims, name: str) -> tuple[str, ...]:
    """The groups of a claim, a list of texts. `["*"]` is all stations, and has to be said."""
    if not name:
        return ()
    value = claims.get(name)
    if not isinstance(value, list) or not value:
        raise NotValid
    if tuple(value) == _ALL_STATIONS:
        return ()
    if "*" in value or not all(isinstance(each, str) for each in value):
        raise NotValid
    try:
        return checked_groups(value)
    except ValueError as error:
        raise NotValid from error
