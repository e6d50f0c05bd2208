"""Mends the text of a frame, as far as what it says is certain.

    dirt around the frame     a byte order mark, NULs, control characters: taken away
    a raw control character   inside a string: stays in the string
    a comma before a bracket  taken away
    a key twice               one of them, when both say the same; none, when they differ
    the frame's own form      type "2" or 2.0, a payload in a list, none, empty elements behind

A text that is cut off, or has more behind its end, is not mended: nobody knows what is missing. Nor
is a binary frame: OCPP has none.
"""

import json
import re
from math import isfinite
from typing import Any

import orjson

from station_gateway.dialects.mending.mends import MendKind, Mends

_DIRT = "".join(map(chr, range(33))) + "\x7f\ufeff"
_STRING_OR_COMMA = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[\]}])', re.DOTALL)
_NOTHING: tuple[Any, ...] = (None, "", [], {})
_NUMBER_CHARS = 400


def mended(data: str) -> tuple[list[Any], Mends] | None:
    """The frame that a broken text certainly means, and what was mended; None: it is not certain.

    Never raises. The array may be of any length; its payload is not looked at.
    """
    text = data.strip(_DIRT)
    for attempt in (text, _STRING_OR_COMMA.sub(_without_comma, text)):
        found: dict[MendKind, str] = {}
        message = _parsed(attempt, found)
        if isinstance(message, list) and message:
            found.setdefault(MendKind.FRAME_TEXT, "")
            return _in_form(message), found
    return None


def _without_comma(match: "re.Match[str]") -> str:
    return "" if match[0] == "," else match[0]


def _parsed(text: str, found: dict[MendKind, str]) -> Any:
    def pairs(given: list[tuple[str, Any]]) -> dict[str, Any]:
        return _object(given, found)

    try:
        message = json.loads(
            text,
            strict=False,
            object_pairs_hook=pairs,
            parse_int=_integer,
            parse_float=_fraction,
            parse_constant=_refused,
        )
        orjson.dumps(message)  # refuses what no string of ours may hold: half a surrogate pair
    except (ValueError, TypeError, RecursionError):
        return None
    return message


def _object(given: list[tuple[str, Any]], found: dict[MendKind, str]) -> dict[str, Any]:
    made = dict(given)
    if len(made) < len(given):
        found[MendKind.KEY_TWICE] = ""
        for key, value in given:
            if key in made and (made[key] != value or type(made[key]) is not type(value)):
                del made[key]
    return made


def _integer(digits: str) -> int | float:
    """An integer, beyond 64 bits as a float, as the usual parser has it."""
    return int(digits) if len(digits) < 19 else _fraction(digits)


def _fraction(digits: str) -> float:
    number = float(digits) if len(digits) <= _NUMBER_CHARS else float("inf")
    if not isfinite(number):
        raise ValueError("no number")
    return number


def _refused(word: str) -> Any:
    raise ValueError(word)


def _in_form(message: list[Any]) -> list[Any]:
    """The frame in the form of a CALL, where only that is odd."""
    kind = message[0]
    if kind in ("2", 2.0) and not isinstance(kind, bool):
        message[0] = 2
    if message[0] != 2 or len(message) < 3:
        return message
    while len(message) > 4 and message[-1] in _NOTHING:
        message.pop()
    if len(message) == 3 or message[3] is None:
        message[3:] = [{}]
    payload = message[3]
    if isinstance(payload, list) and len(payload) == 1 and isinstance(payload[0], dict):
        message[3] = payload[0]
    return message
