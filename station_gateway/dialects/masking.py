"""A frame of ours as it may be remembered: everything but the tokens in it.

OCPP 1.6 writes tokens as plain texts (idTag, parentIdTag); 2.x as objects (idToken, groupIdToken)
that hold the value beside its type, and perhaps further values (additionalInfo). Below one of these
names every text is taken for a token, but for the few that the standard defines to be none: what a
later version adds there is masked until somebody says that it may be shown.
"""

from collections.abc import Callable, Mapping
from typing import Any

TOKEN_FIELDS = frozenset({"idTag", "parentIdTag", "idToken", "groupIdToken"})
"""The names below which all texts are tokens, in every version."""

PLAIN_FIELDS = frozenset({"type"})
"""Texts inside of a token's object that say nothing about whose it is."""


def masked(payload: Mapping[str, Any], mask: Callable[[str], str]) -> dict[str, Any]:
    """The payload of a CALL with every token's value replaced by `mask` of it. Changes nothing."""
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
