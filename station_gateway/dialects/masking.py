"""Masks the tokens of a frame of ours, before the frame is stored and shown.

OCPP 1.6 writes tokens as plain texts (idTag, parentIdTag). OCPP 2.x writes objects (idToken,
groupIdToken) with the value, its type, and perhaps further values (additionalInfo). Every text
below one of these names counts as a token, except the fields of `PLAIN_FIELDS`. So a field that a
later version adds there is masked until somebody decides that it may be shown.
"""

from collections.abc import Callable, Mapping
from typing import Any

TOKEN_FIELDS = frozenset({"idTag", "parentIdTag", "idToken", "groupIdToken"})
"""The names of the fields below which all texts are tokens, in every version."""

PLAIN_FIELDS = frozenset({"type"})
"""Texts inside a token's object that do not identify the token."""


def masked(payload: Mapping[str, Any], mask: Callable[[str], str]) -> dict[str, Any]:
    """A copy of a CALL's payload, in which `mask` has replaced the value of every token."""
    return {
        name: _hidden(value, mask) if name in TOKEN_FIELDS else _shown(value, mask)
        for name, value in payload.items()
    }


def _shown(value: Any, mask: Callable[[str], str]) -> Any:
    match value:
        case Mapping():
            return masked(value, mask)
        case list() | tuple():
            return [_shown(each, mask) for each in value]
    return value


def _hidden(value: Any, mask: Callable[[str], str]) -> Any:
    match value:
        case str():
            return mask(value)
        case Mapping():
            return {
                name: each
                if name in PLAIN_FIELDS and isinstance(each, str)
                else _hidden(each, mask)
                for name, each in value.items()
            }
        case list() | tuple():
            return [_hidden(each, mask) for each in value]
    return value
