"""Whether a credential may still get the events that it chose, and of which stations. Pure.

A choice outlives the call that made it, so each post is looked at again: an API key counts as it
stands in the settings now. A signed token is not here any more; it may what it might when it chose.
A no is no end: another broker may have newer settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.access.token_claims import TOKEN_CALLER
from broker.settings import BrokerSettings, Right
from fleet.callbacks import Endpoint


@dataclass(frozen=True)
class MayGet:
    """What a credential may get. why_not: a sentence; "" when it may.

    groups: how the identities of its stations begin; none: of all.
    """

    groups: Sequence[str] = ()
    why_not: str = ""


def may_get(owner: Endpoint, settings: BrokerSettings) -> MayGet:
    """What the owner of these callback settings may get of its tenant's events."""
    if not settings.has_credentials:  # it admits everybody
        return MayGet(owner.station_groups or ())
    if owner.caller.startswith(TOKEN_CALLER):
        if not settings.tokens.jwks_url:
            return MayGet(why_not="This broker takes no signed tokens any longer.")
        return MayGet(owner.station_groups or ())
    for key in settings.api_keys:
        if (key.name, key.tenant) == (owner.caller, owner.tenant):
            if Right.READ not in key.rights:
                return MayGet(why_not="Its credential has not the right read any longer.")
            return MayGet(key.groups)
    return MayGet(why_not="Its credential is not known to this broker any longer.")
