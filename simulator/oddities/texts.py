"""Odd texts of frames, by name: the JSON is right but for something that parsers stumble over."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

_FIRST_KEY = re.compile(r'\{"(\w+)": ?("[^"\\]*"|-?\d+(?=[,}]))')
_FIRST_VALUE = re.compile(r'(": ?")([^"\\]+)(")')


def _twice(text: str) -> str:
    """The first key of the payload, twice."""
    return _FIRST_KEY.sub(lambda found: "{" + f"{found[0][1:]},{found[0][1:]}", text, count=1)


def _inside(character: str) -> Callable[[str], str]:
    """A raw control character at the end of the first text of the payload."""
    return lambda text: _FIRST_VALUE.sub(
        lambda found: found[1] + found[2] + character + found[3], text, count=1
    )


ODD_TEXTS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "bom": lambda text: f"\ufeff{text}",
        "nul-behind": lambda text: f"{text}\x00",
        "newlines-around": lambda text: f"\r\n{text}\r\n",
        "raw-tab": _inside("\t"),
        "raw-nul": _inside("\x00"),
        "key-twice": _twice,
    }
)
