"""Pages of the List methods: how long they are, where they begin, where the next one does. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from broker.errors import Reason, Refusal, bad_field
from broker.reading.opaque_tokens import BadToken, read_token, write_token

DEFAULT_PAGE_SIZE = 50

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_T = TypeVar("_T")


class Pager:
    """Reads and writes the page tokens of one selection (`broker.proto.selection`)."""

    def __init__(self, selection: str) -> None:
        self._selection = selection

    def position(self, token: str, shape: tuple[type, ...]) -> tuple[Any, ...] | None:
        """Where the page begins; None for the first. Raises: Refusal (PAGE_TOKEN_INVALID)."""
        if not token:
            return None
        try:
            return read_token(self._selection, token, shape)
        except BadToken as error:
            raise _not_ours(str(error)) from error

    def token(self, position: list[Any] | None) -> str:
        """The token of the next page; empty when there is none."""
        return "" if position is None else write_token(self._selection, position)

    def time_position(self, token: str) -> tuple[datetime, str] | None:
        """The same for lists by time: the time and the name of the last one before the page."""
        position = self.position(token, (int, str))
        if position is None:
            return None
        try:
            return moment_of(position[0]), position[1]
        except (ValueError, OverflowError, OSError) as error:  # no calendar has such a time
            raise _not_ours("it was not made by this service") from error

    def time_token(self, last: tuple[datetime, str] | None) -> str:
        """The token after `last`, the page's last one; empty for None, when there are no more."""
        return self.token(None if last is None else [microseconds_of(last[0]), last[1]])


def _not_ours(why: str) -> Refusal:
    return bad_field(Reason.PAGE_TOKEN_INVALID, "page_token", why)


def limit_of(page_size: int) -> int:
    """How many to return: the default when the request does not say."""
    return page_size or DEFAULT_PAGE_SIZE


def cut_page(found: Sequence[_T], limit: int) -> tuple[Sequence[_T], _T | None]:
    """The page, and its last row when there are more. found: up to `limit` + 1 rows."""
    more = len(found) > limit
    return found[:limit], found[limit - 1] if more else None


def microseconds_of(moment: datetime) -> int:
    """A moment as a page token holds it: exactly."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment_of(microseconds: int) -> datetime:
    """The opposite of `microseconds_of`.

    Raises: ValueError, OverflowError or OSError after the year 9999.
    """
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(
        microsecond=microseconds % 1_000_000
    )
