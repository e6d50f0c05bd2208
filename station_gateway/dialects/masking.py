"""Masks the tokens of a frame of ours, and those in a station's own words, before they are kept.

OCPP 1.6 writes tokens as plain texts (idTag, parentIdTag). OCPP 2.x writes objects (idToken,
groupIdToken) with the value, its type, and perhaps further values (additionalInfo). Every text
below one of these names counts as a token, except the fields of `PLAIN_FIELDS`. So a field that a
later version adds there is masked until somebody decides that it may be shown.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

TOKEN_FIELDS = frozenset({"idTag", "parentIdTag", "idToken", "groupIdToken"})
"""The names of the fields below which all texts are tokens, in every version."""

PLAIN_FIELDS = frozenset({"type"})
"""Texts inside a token's object that do not identify the token."""

_WORD = re.compile(r"[^\s\"'`<>()\[\]{},;]+")


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


def without_tokens(text: str, is_token: Callable[[str], bool], mask: Callable[[str], str]) -> str:
    """A station's own text, in which `mask` has replaced each word that is a token."""

    def shown(word: re.Match[str]) -> str:
        token = next(filter(is_token, _tokens_in(word[0])), None)
        return word[0] if token is None else word[0].replace(token, mask(token))

    return mask(text) if is_token(text) else _WORD.sub(shown, text)


def _tokens_in(word: str) -> Iterator[str]:
    """What of a word may be a token: all of it, or what stands beside a mark (`idTag=ABC.`)."""
    yield word
    yield word.strip(".:!?=")
    yield from re.split("[=:]", word.rstrip(".!?"))
