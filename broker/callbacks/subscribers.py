"""Whether a credential may still get the posts that it chose, and of which stations. Pure.

A choice outlives the call that made it, so each post is looked at again: an API key counts as it
stands in the settings now. A signed token is not here any more; it may what it might when it chose.
A no is no end: another broker may have newer settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.access.rights import READS_BOOKINGS, Rights
from broker.access.token_claims import TOKEN_CALLER
from broker.settings import ApiKey, BrokerSettings, Right
from domain.callback_events import OF_POOLS, EventSubject
from fleet.callbacks import Endpoint

OUTSIDE = "Its credential may not see its stations any longer."


@dataclass(frozen=True)
class MayGet:
    """What a credential may get. why_not: a sentence; "" when it may.

    groups: how the identities of its stations begin; none: of all.
    """

    groups: Sequence[str] = ()
    why_not: str = ""


def read_by(subject: EventSubject) -> Rights:
    """The rights of which a credential needs one to be told of such a thing."""
    return READS_BOOKINGS if subject in OF_POOLS else (Right.READ,)


def may_get(owner: Endpoint, settings: BrokerSettings, subject: EventSubject) -> MayGet:
    """What the owner of these callback settings may get of its tenant's events of this subject."""
    known = _as_it_stands(owner, settings)
    if not isinstance(known, ApiKey):
        return known
    needed = read_by(subject)
    if known.rights.isdisjoint(needed):
        named = " or ".join(right.value for right in needed)
        return MayGet(why_not=f"Its credential has not the right {named} any longer.")
    return MayGet(known.groups)


def may_be_told(owner: Endpoint, settings: BrokerSettings, station: str) -> str:
    """Why a credential is not told any longer of its own command at a station; "" when it is.

    It needs no right for that, as it needs none for the reply to its call.
    """
    known = _as_it_stands(owner, settings)
    if not isinstance(known, ApiKey):
        return known.why_not
    return "" if not known.groups or station.startswith(known.groups) else OUTSIDE


def _as_it_stands(owner: Endpoint, settings: BrokerSettings) -> ApiKey | MayGet:
    """The owner's API key; what it may get when it is none."""
    if not settings.has_credentials:  # it admits everybody
        return MayGet(owner.station_groups or ())
    if owner.caller.startswith(TOKEN_CALLER):
        if not settings.tokens.jwks_url:
            return MayGet(why_not="This broker takes no signed tokens any longer.")
        return MayGet(owner.station_groups or ())
    for key in settings.api_keys:
        if (key.name, key.tenant) == (owner.caller, owner.tenant):
            return key
    return MayGet(why_not="Its credential is not known to this broker any longer.")
