"""The request that opens a station's socket: what it says of itself, and how it is refused."""

import base64
import binascii
import hmac
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from math import ceil
from urllib.parse import unquote

from websockets.datastructures import Headers, MultipleValuesError
from websockets.headers import parse_subprotocol

from station_gateway.dialects import DIALECTS
from station_gateway.sockets.client_certificates import StationCertificate

PATH = "/ocpp/"
MAX_ID_CHARS = 255


class Refused(Exception):
    """The handshake ends with this HTTP status; `reason` is a word for metrics and log."""

    def __init__(self, status: HTTPStatus, reason: str, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after_s = ceil(retry_after_s)


@dataclass(frozen=True, slots=True)
class OpeningRequest:
    """One request to open a socket. `address` is the peer's, without port.

    certificate: that TLS took; None: none was shown.
    """

    path: str
    headers: Headers
    address: str
    tls: bool
    certificate: StationCertificate | None = None


def station_id(path: str) -> str:
    """The station's identity out of the request path `/ocpp/{station_id}`, URL-unescaped.

    Stations also send the whole URL (absolute form, RFC 9112 section 3.2.2), and slashes too many:
    where they joined an address and an identity, or at the end. An identity with a slash in it is
    sent with that slash escaped, so no other path is meant.

    Raises:
        Refused: 404, another path or an identity that cannot be one.
    """
    parts = [part for part in origin_form(path).split("/") if part]
    # One character has up to four bytes in UTF-8, each of them up to three characters escaped.
    if len(parts) != 2 or parts[0] != PATH.strip("/") or len(parts[1]) > 12 * MAX_ID_CHARS:
        raise Refused(HTTPStatus.NOT_FOUND, "unknown_path")
    identity = unicodedata.normalize("NFC", unquote(parts[1], errors="replace"))
    if not is_identity(identity):
        raise Refused(HTTPStatus.NOT_FOUND, "unknown_path")
    return identity


def is_identity(text: str) -> bool:
    """Whether a station can be called so. What cannot may be no text for a database either."""
    return len(text) <= MAX_ID_CHARS and text.isprintable() and "\ufffd" not in text


def origin_form(path: str) -> str:
    """The path of a request target without scheme, authority and query."""
    bare = path.partition("?")[0]
    scheme, separator, rest = bare.partition("://")
    if not separator or scheme.lower() not in {"http", "https", "ws", "wss"}:
        return bare
    return "/" + rest.partition("/")[2]


def last_part(path: str) -> str:
    """The identity as it stands in a request path: still escaped."""
    return origin_form(path).rstrip("/").rpartition("/")[2]


def offered(headers: Headers) -> tuple[str, ...]:
    """The subprotocols that a station offers, in its order.

    Raises:
        Refused: 400, a header that cannot be read.
    """
    try:
        values = headers.get_all("Sec-WebSocket-Protocol")
        return tuple(name for value in values for name in _subprotocols(value))
    except Exception as error:
        raise Refused(HTTPStatus.BAD_REQUEST, "bad_subprotocol") from error


@lru_cache(maxsize=64)
def _subprotocols(value: str) -> tuple[str, ...]:
    """Those in one header line; nearly all stations send one of a few lines."""
    return tuple(parse_subprotocol(value))


def negotiate(names: Iterable[str]) -> str | None:
    """The newest OCPP version both sides speak; None when there is none.

    OCPP-J: the handshake is then completed without a subprotocol and the socket closed at once.
    """
    known = set(names)
    return next((name for name in DIALECTS if name in known), None)


def credentials(headers: Headers, users: Iterable[str]) -> tuple[bool, bytes]:
    """Whether the Basic Authorization header names one of `users`; and its password.

    A password is bytes: of a 1.6 station it need not be text, and may hold a colon. A user name
    with a colon breaks RFC 7617; it is known by its length, because we know who is meant.
    """
    try:
        scheme, _, encoded = headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return False, b""
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except (MultipleValuesError, binascii.Error, ValueError):
        return False, b""
    for user in users:
        prefix = user.encode("utf-8", "replace") + b":"
        if hmac.compare_digest(decoded[: len(prefix)], prefix):
            return True, decoded[len(prefix) :]
    return False, decoded.partition(b":")[2]
