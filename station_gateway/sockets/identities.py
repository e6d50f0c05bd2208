"""Which station an opening request is of: an identity may be spelled in several ways.

One spelling may mean two stations, also of two tenants. Then the one whose password or certificate
was shown is meant, so that nobody who registers another spelling keeps a station out.
"""

from collections.abc import Sequence
from urllib.parse import unquote

from fleet import station_secrets, stations
from fleet.engine.statements import Tx
from fleet.keys import Fit, Passwords
from fleet.station_secrets import Secrets
from station_gateway.sockets.opening import (
    OpeningRequest,
    credentials,
    is_identity,
    last_part,
)

Known = tuple[stations.Station, Secrets]
"""A station, and how its passwords are recognised."""

Found = tuple[stations.Station | None, Secrets]
"""The same, or that there is none."""


def spellings(identity: str) -> list[str]:
    """What a station of this identity may be called, the identity itself first.

    It may have been escaped otherwise: a space as `+`, as in a form, or everything twice.
    """
    possible = (identity, identity.replace("+", " "), unquote(identity))
    return [each for each in dict.fromkeys(possible) if is_identity(each)]


async def find(tx: Tx, identity: str) -> list[Known]:
    """The stations that this identity may mean, the one that has it first."""
    found = []
    for spelling in spellings(identity):
        station, secrets = await station_secrets.get_with_secrets(tx, spelling)
        if station is not None:
            found.append((station, secrets))
    return found


async def find_by_id(tx: Tx, id: str) -> stations.Station | None:
    """The station that has exactly this identity."""
    return (await station_secrets.get_with_secrets(tx, id))[0]


def meant(
    found: Sequence[Known], identity: str, request: OpeningRequest, passwords: Passwords
) -> Found:
    """Which of these stations the request is of; the first of them when nothing tells."""
    if not found:
        return None, Secrets()
    if len(found) == 1:
        return found[0]
    return max(found, key=lambda known: _likeness(known, identity, request, passwords))


def is_named(found: Sequence[Known], station: stations.Station, request: OpeningRequest) -> bool:
    """Whether the request may be shown to the back end of this station, which sees its password.

    Where another tenant has a station of the same spelling, the user name has to be this one's id.
    """
    alone = all(other.tenant == station.tenant for other, _ in found)
    return alone or _names_itself(station, request)


def _names_itself(station: stations.Station, request: OpeningRequest) -> bool:
    return credentials(request.headers, (station.id,))[0]


def _likeness(
    known: Known, identity: str, request: OpeningRequest, passwords: Passwords
) -> tuple[bool, bool, bool, bool]:
    station, secrets = known
    shown = request.certificate
    certified = shown is not None and station.id in shown.names
    users = (station.id, identity, last_part(request.path))
    named, password = credentials(request.headers, users)
    fits = {passwords.look(each, secrets.known_good, password) for each in secrets.hashes}
    right, unproven = named and Fit.RIGHT in fits, named and Fit.UNPROVEN in fits
    return certified, right, unproven, _names_itself(station, request)
