"""The way of a frame from a worker to its station's gateway, and why it was not the short one.

A frame goes by the gateway's direct line, or over the gateway's task queue in Temporal: there also
when it was offered to the line in vain.
"""

from enum import StrEnum


class Way(StrEnum):
    """How a frame came to its gateway."""

    DIRECT_LINE = "DIRECT_LINE"
    TASK_QUEUE = "TASK_QUEUE"


class LineUse(StrEnum):
    """What became of the offer of a frame over the direct line. The values are stored.

    All but USED lead to the task queue. PENDING: the gateway has the frame, and its result is asked
    for over the task queue. CROWDED: the same, because other decisions were to wait as well.
    NOT_OFFERED: frames of this sort take the task queue. Newer versions may have more words.
    """

    USED = "USED"
    NOT_OFFERED = "NOT_OFFERED"
    NO_LINE = "NO_LINE"
    TURNED_OFF = "TURNED_OFF"
    UNREACHABLE = "UNREACHABLE"
    KEY_REFUSED = "KEY_REFUSED"
    OTHER_GATEWAY = "OTHER_GATEWAY"
    BUSY = "BUSY"
    PENDING = "PENDING"
    CROWDED = "CROWDED"
    NO_REPLY = "NO_REPLY"
    UNREADABLE = "UNREADABLE"


STALE_EPOCH = "STALE_EPOCH"
"""Why a gateway sent nothing, more exactly than STATION_OFFLINE: its socket of the station is not
the newest one."""

_WHY: dict[str, str] = {
    LineUse.NO_LINE: "the gateway has no direct line",
    LineUse.TURNED_OFF: "direct lines are turned off",
    LineUse.UNREACHABLE: "the direct line could not be reached",
    LineUse.KEY_REFUSED: "the gateway refused the key of its direct line",
    LineUse.OTHER_GATEWAY: "another gateway has the address of the direct line",
    LineUse.BUSY: "the direct line had too many frames at once",
    LineUse.PENDING: "the direct line gave no result in time",
    LineUse.CROWDED: "too many decisions waited for their stations",
    LineUse.NO_REPLY: "the direct line did not reply",
    LineUse.UNREADABLE: "the reply of the direct line could not be used",
}


def way_of(line: str) -> Way | None:
    """The way that this word of `LineUse` means; None for "": nothing is known."""
    if not line:
        return None
    return Way.DIRECT_LINE if line == LineUse.USED else Way.TASK_QUEUE


def told(line: str) -> str:
    """The way in words, with the reason why it was not the direct line; "": nothing is known."""
    if way_of(line) is Way.DIRECT_LINE:
        return "by the direct line"
    if not line or line == LineUse.NOT_OFFERED:
        return "over the task queue" if line else ""
    why = f", as {_WHY[line]}" if line in _WHY else ""
    return f"over the task queue{why} ({line})"
