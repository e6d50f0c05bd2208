"""What the address of another back end (CSMS) behind a gateway may look like. Pure.

Where its name leads is checked later, when it is dialled (`domain.addresses`).
"""

import re
from urllib.parse import urlsplit

MAX_URL = 2_048
STATION = "{station}"
"""Stands for the identity of the station, as the station wrote it."""

_CHARACTERS = re.compile(r"[!#-\[\]_a-z{}~]+", re.IGNORECASE)  # printable ASCII but " \ ^ ` |


def upstream_fault(url: str) -> str:
    """What is wrong with the URL of a back end; "" when nothing is."""
    if len(url) > MAX_URL:
        return f"must be at most {MAX_URL} characters"
    if not _CHARACTERS.fullmatch(url) or _has_braces(url.replace(STATION, "")):
        return "must be printable ASCII, with {station} for the identity; escape the rest"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "is not a valid URL"
    if parts.scheme not in {"ws", "wss"} or not host or _has_braces(host):
        return "must begin with wss:// or ws:// and a host"
    if port == 0 or parts.netloc.endswith(":"):
        return "has no valid port"
    if "@" in parts.netloc or "#" in url:
        return "must not contain a password or a fragment: the station's own password goes through"
    return ""


def is_secure(url: str) -> bool:
    """Whether a well-formed URL asks for TLS."""
    return urlsplit(url).scheme == "wss"


def host_of(url: str) -> str:
    """The host of a well-formed URL, without port and brackets."""
    return urlsplit(url).hostname or ""


def _has_braces(text: str) -> bool:
    return "{" in text or "}" in text
