"""Spans of time as they are given on the command line."""

import re
from datetime import timedelta

_SPAN = re.compile(r"(\d{1,5})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def span_in(text: str) -> timedelta | None:
    """The span in "90m", "24h" or "7d"; None when the text is none.

    It has at most five digits: a longer one leads to no time that there is.
    """
    found = _SPAN.fullmatch(text)
    return int(found[1]) * _UNITS[found[2]] if found else None
