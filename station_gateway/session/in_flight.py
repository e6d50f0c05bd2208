"""The CALLs of one session that have no answer yet, one class for each direction."""

import msgspec

from station_gateway.session.events import CallReceived


class CallOfOurs(msgspec.Struct):
    """The CALL of ours that is outstanding."""

    message_id: str
    action: str
    deadline: float


class CallOfTheirs(msgspec.Struct):
    """A CALL of the station without our answer. `repeats`: how often it came again meanwhile.

    fingerprint: of its whole text, its id included; None when it is handled as often as it comes.
    """

    call: CallReceived
    fingerprint: int | None
    repeats: int = 0
