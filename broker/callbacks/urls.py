"""What a callback URL may look like. Pure.

Where its name leads is checked later, when a post is made (`addresses`).
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from domain.addresses import objection

MAX_URL = 2_048

_CHARACTERS = re.compile(r"[!#-\[\]_a-z~]+", re.IGNORECASE)  # printable ASCII but " \ ^ ` { | }
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,62})\.)*[a-z0-9_]([a-z0-9_-]{0,62})\.?")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)")


@dataclass(frozen=True)
class Target:
    """A callback URL in parts. host: without brackets; path: with its query."""

    secure: bool
    host: str
    port: int
    path: str
    netloc: str


def malformed(url: str) -> str:
    """What is wrong with a URL under any settings; "" when nothing is."""
    if not url:
        return "is required"
    if len(url) > MAX_URL:
        return f"must be at most {MAX_URL} characters"
    if not _CHARACTERS.fullmatch(url):
        return "must be printable ASCII; escape the rest"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "is not a valid URL"
    if parts.scheme not in ("https", "http"):
        return "must begin with https://"
    if "@" in parts.netloc:
        return "must not contain a user or a password"
    if parts.fragment or url.endswith("#"):
        return "must not have a fragment"
    if port == 0 or parts.netloc.endswith(":"):
        return "has no valid port"
    return "" if _is_host(host) else "has no valid host; write a name in its ASCII form"


def forbidden(url: str) -> str:
    """Why a well-formed URL needs settings that allow private receivers; "" when it does not."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        return "must begin with https://"
    host = (parts.hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return "must not lead to this machine"
    if _is_address(host) and (why := objection(host)):
        return f"must lead to a public address, and {host} is {why}"
    return ""


def target(url: str) -> Target:
    """The parts of a well-formed URL."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host = parts.hostname or ""
    port = parts.port or (443 if secure else 80)
    return Target(secure, host, port, _path(parts), parts.netloc)


def _path(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _is_host(host: str) -> bool:
    if _is_address(host):
        return True
    if not _HOST.fullmatch(host):
        return False
    # Some resolvers read "127.1", "2130706433" and "0x7f.1" as addresses. None are real names.
    return not _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2])


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return "%" not in host
