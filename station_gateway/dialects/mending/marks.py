"""What a message that was read shows of its own mends."""

import msgspec

from station_gateway.dialects.mending.mends import MendKind, Mends
from station_gateway.dialects.messages import StationCall


def marks_of(message: StationCall) -> Mends:
    """What its reader had to mend: values that obey the standard's letter, and are odd still."""
    found: dict[MendKind, str] = {}
    time = getattr(message, "time", None)
    if time is not None and time.suspect:
        found[MendKind.TIME] = "timestamp"
    token = getattr(message, "token", None)
    if token is not None and token.cleaned:
        found[MendKind.TOKEN] = "idTag" if token.type is None else "idToken"
    if getattr(message, "meter_suspect", False):
        found[MendKind.METER] = "meter"
    return found


def marked(message: StationCall, mends: Mends) -> StationCall:
    """The message with the kinds of its mends, where it has a place for them."""
    if not hasattr(message, "mended"):
        return message
    kinds = tuple(sorted(kind.value for kind in mends))
    return msgspec.structs.replace(message, mended=kinds)
