"""Makes the words of a station safe for a log, a terminal and a database."""


def printable(text: str, limit: int) -> str:
    """At most `limit` characters, each of them printable (a NUL would even stop PostgreSQL)."""
    if len(text) > limit:
        text = text[:limit]
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
