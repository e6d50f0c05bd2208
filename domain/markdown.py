"""Text of others inside the Markdown of the Temporal web UI."""

import re


def plain(text: str) -> str:
    """The words of stations and callers, escaped: masks keep their stars, and no link appears."""
    return re.sub(r"([\\`*\[\]<>~])", r"\\\1", text)
