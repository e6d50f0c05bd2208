"""Reads the tokens of a station."""

from station_gateway.dialects.mending.mends import clean_token
from station_gateway.dialects.messages import TokenSeen


def token_seen(value: str, type_: str | None = None) -> TokenSeen:
    """A token, cleaned where that is safe."""
    text = clean_token(value)
    return TokenSeen(text, type_, cleaned=text is not value)
