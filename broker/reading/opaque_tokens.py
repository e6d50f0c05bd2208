"""Opaque tokens: where the next page begins, and where a watch goes on. Pure.

A token is JSON in URL-safe base64. It holds the digest of the selection that it was made for
(`broker.proto.selection`), so that it cannot be used with other filters. It holds no secret and
gives no right: a client that makes one up reads only what it may read anyway. So every value of a
token is checked before it reaches a query: whole numbers from 0 to 2^63 - 1, and text that a
database takes.
"""

import base64
import binascii
import json
from typing import Any

_TOKEN_LIMIT = 2_048
_LARGEST = 2**63 - 1


class BadToken(ValueError):
    """A token that we never made, or made for another selection."""


def write_token(selection: str, position: list[Any]) -> str:
    """The token for `position` (JSON values) within a selection."""
    return base64.urlsafe_b64encode(json.dumps([selection, position]).encode()).decode()


def read_token(selection: str, token: str, shape: tuple[type, ...]) -> tuple[Any, ...]:
    """The position in a token, its values of the types in `shape` (`int` and `str`).

    Raises: BadToken.
    """
    if len(token) > _TOKEN_LIMIT:
        raise BadToken("it was not made by this service")
    try:
        content = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (ValueError, RecursionError, binascii.Error) as error:
        raise BadToken("it was not made by this service") from error
    match content:
        case [str(made_for), list(position)]:
            pass
        case _:
            raise BadToken("it was not made by this service")
    if made_for != selection:
        raise BadToken("it was made for a request with other filters")
    fits = len(position) == len(shape) and all(
        type(value) is kind and _is_possible(value)
        for value, kind in zip(position, shape, strict=True)
    )
    if not fits:
        raise BadToken("it was not made by this service")
    return tuple(position)


def _is_possible(value: object) -> bool:
    """Whether this value can stand in a token of ours: it fits the columns that it names."""
    if isinstance(value, int):
        return 0 <= value <= _LARGEST
    return isinstance(value, str) and "\x00" not in value and _is_unicode(value)


def _is_unicode(value: str) -> bool:
    """Whether the text can be written as UTF-8. JSON can escape half a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
