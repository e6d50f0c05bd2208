"""The answers that one session remembers, for reports that come again."""

import msgspec


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
