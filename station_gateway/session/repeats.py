"""The answers that one session remembers, its own and those of the station."""

import msgspec
import orjson

from station_gateway.session.frames import DecodedFrame, MessageId


class _Answered(msgspec.Struct):
    frame: str
    until: float


class RememberedAnswers:
    """The newest answers, each for a while. Times are monotonic seconds.

    The key is a fingerprint of the whole text of the report, its message id included: an id alone
    says nothing, for stations use their ids again.
    """

    __slots__ = ("_by_fingerprint", "_for_s", "_limit")

    def __init__(self, limit: int, for_s: float) -> None:
        self._limit = limit
        self._for_s = for_s
        self._by_fingerprint: dict[int, _Answered] = {}

    def __len__(self) -> int:
        return len(self._by_fingerprint)

    def find(self, fingerprint: int, now: float) -> str | None:
        """The frame that answered this report; None when it never came, or too long ago."""
        known = self._by_fingerprint.get(fingerprint)
        return known.frame if known is not None and now < known.until else None

    def keep(self, fingerprint: int, frame: str, now: float) -> None:
        """Remember an answer; the oldest one is forgotten when there are too many."""
        self._by_fingerprint.pop(fingerprint, None)
        self._by_fingerprint[fingerprint] = _Answered(frame, now + self._for_s)
        if len(self._by_fingerprint) > self._limit:
            del self._by_fingerprint[next(iter(self._by_fingerprint))]


class HeardAnswers:
    """What the station answered to our newest CALLs, so that a contradiction is noticed."""

    __slots__ = ("_by_id", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._by_id: dict[MessageId, tuple[str, int]] = {}

    def keep(self, action: str, frame: DecodedFrame) -> None:
        """Remember the answer to a CALL of ours; the oldest one is forgotten."""
        self._by_id[str(frame.message_id)] = action, _content(frame)
        if len(self._by_id) > self._limit:
            del self._by_id[next(iter(self._by_id))]

    def contradicted(self, frame: DecodedFrame) -> str | None:
        """The action of the CALL that had another answer; None for a repeat, or no CALL of ours."""
        action, content = self._by_id.get(str(frame.message_id), (None, 0))
        return action if content != _content(frame) else None


def _content(frame: DecodedFrame) -> int:
    said = (frame.type_number, frame.body, frame.error)
    return hash(orjson.dumps(said, default=str, option=orjson.OPT_SORT_KEYS))
