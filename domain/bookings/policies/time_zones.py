"""Time zones whose names mean the same on every machine: those of IANA's database.

A machine's own directory has more: `localtime` is where the machine stands, `posixrules` and
`posix/...` are what its packager likes, `right/...` counts leap seconds. A booking that was made by
one of those would be at another time after a move of the broker. IANA's `Factory` is no place.
"""

from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

_NO_PLACE = "Factory"


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """The names that are taken."""
    listed = files("tzdata").joinpath("zones").read_text(encoding="utf-8")
    return frozenset(listed.split()) - {_NO_PLACE}


def zone_named(name: str) -> ZoneInfo | None:
    """The zone of this name; None: there is none, or another one on each machine."""
    return ZoneInfo(name) if name in zone_names() else None
