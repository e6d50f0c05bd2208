"""Page tokens of the List methods."""

from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message

from broker.errors import Reason, bad_field
from broker.reading.opaque_tokens import BadToken, read_token, selection_digest, write_token

DEFAULT_PAGE_SIZE = 50
_NOT_SELECTING = frozenset({"page_size", "page_token"})


class Pager:
    """Reads and writes the page tokens of one request: they fit its filters only."""

    def __init__(self, tenant: str, method: str, request: Message) -> None:
        self._selection = selection_digest(tenant, method, request, _NOT_SELECTING)

    def position(self, token: str, shape: tuple[type, ...]) -> tuple[Any, ...] | None:
        """Where the page begins; None for the first. Raises: Refusal (PAGE_TOKEN_INVALID)."""
        if not token:
            return None
        try:
            return read_token(self._selection, token, shape)
        except BadToken as error:
            raise bad_field(Reason.PAGE_TOKEN_INVALID, "page_token", str(error)) from error

    def token(self, position: list[Any] | None) -> str:
        """The token of the next page; empty when there is none."""
        return "" if position is None else write_token(self._selection, position)


def limit_of(page_size: int) -> int:
    """How many to return: the default when the request does not say."""
    return page_size or DEFAULT_PAGE_SIZE


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds_of(moment: datetime) -> int:
    """A moment as a page token holds it: exactly."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment_of(microseconds: int) -> datetime:
    """The opposite of `microseconds_of`."""
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(
        microsecond=microseconds % 1_000_000
    )
