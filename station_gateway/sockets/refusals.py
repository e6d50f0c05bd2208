"""What operators hear of the handshakes that were refused: one line each, and a metric.

Anybody who reaches the port can cause these lines. So they are limited, per address and in all;
what was left out is counted, and told with the next line. A path is cut and made printable, and its
query left out: it is a secret with some stations.
"""

import logging
import re
from collections.abc import Callable
from http import HTTPStatus

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Response

from domain.token_bucket import TokenBucket
from station_gateway.dialects import DIALECTS
from station_gateway.dialects.printable import printable
from station_gateway.sockets.limits import Reconnects, network_of
from station_gateway.sockets.opening import MAX_ID_CHARS, Refused, origin_form, station_id
from telemetry import metrics

log = structlog.get_logger(__name__)

LINES_PER_S, LINES_AT_ONCE = 20.0, 200
"""Of all addresses together."""

LINES_PER_HOUR, LINES_AT_ONCE_PER_ADDRESS = 360, 30
"""Of one address. Many stations may share it."""

_OFFERS_SHOWN = 8

NO_COMMON = "no_common_subprotocol"
NONE_OFFERED = "no_subprotocol"
MISSPELT = "misspelt_subprotocol"
UNSUPPORTED = "unsupported_ocpp_version"
_VERSION = re.compile(r"ocpp\d+(\.\d+)*")

REMEDIES = {
    NO_COMMON: "configure the station for one of the versions in `ours`",
    NONE_OFFERED: "have the station send Sec-WebSocket-Protocol with one of the versions in `ours`",
    MISSPELT: "the words are compared with their case: have the station write them as in `ours`",
    UNSUPPORTED: "this OCPP version is not spoken here: update the station to one in `ours`",
    "bad_subprotocol": "Sec-WebSocket-Protocol is a list of words with commas between them",
    "bad_upgrade": "the request is no websocket upgrade of version 13: check proxies between",
    "bad_request": "the request is no HTTP: does the station use TLS, and this port does not?",
    "tls": "compare certificates, versions and cipher suites with docs/security.md",
    "wrong_credentials": "check that the station is registered, that its user name is its identity,"
    " and its password",
    "ambiguous_identity": "another tenant has a station of this spelling, and a back end would see"
    " the password: have the station send its identity, as it is, as user name",
    "too_many_passwords": "too many passwords that no station has used yet are tried at once: the"
    " station comes again by itself",
    "too_many_arrivals": "a fleet comes back while commands go on: the station comes again by"
    " itself; EVCOMMAND_GATEWAY_ARRIVALS_PER_S sets the pace",
    "bad_proxy_header": "have this balancer begin each connection with a PROXY header of version 2,"
    " or turn EVCOMMAND_GATEWAY_PROXY_PROTOCOL off",
    "unknown_path": "the URL is wss://HOST:PORT/ocpp/IDENTITY with the identity URL-escaped",
    "tls_required": "the station is registered for security profile 2: have it use wss://",
    "certificate_required": "the station is registered for security profile 3: have it use wss://"
    " with its certificate; a proxy must not end TLS",
    "foreign_certificate": "the common name of the certificate, or a DNS name beside it, must be"
    " the station's identity, and its organisation the configured one",
}


class Refusals:
    """Reports refused handshakes of one process."""

    def __init__(self, monotonic_s: Callable[[], float], *, max_addresses: int) -> None:
        self._monotonic_s = monotonic_s
        self._all = TokenBucket(LINES_PER_S, LINES_AT_ONCE, monotonic_s())
        self._by_address = Reconnects(
            per_hour=LINES_PER_HOUR, burst=LINES_AT_ONCE_PER_ADDRESS, max_keys=max_addresses
        )
        self._left_out = 0

    def report(
        self, reason: str, *, station: str, path: str, address: str, **facts: object
    ) -> None:
        """Count a refusal, and write its line unless there were too many of them.

        path: the request target; "" when none was read. facts: what else is known of it.
        """
        metrics.REFUSED_HANDSHAKES.labels(reason=reason).inc()
        now_s = self._monotonic_s()
        if self._by_address.blocked_s(network_of(address), now_s) or self._all.try_take(now_s):
            self._left_out += 1
            return
        left_out, self._left_out = self._left_out, 0
        facts |= {"remedy": REMEDIES[reason]} if reason in REMEDIES else {}
        facts |= {"not_logged_before": left_out} if left_out else {}
        log.warning(
            "handshake_refused",
            reason=reason,
            station=station,
            path=printable(origin_form(path), MAX_ID_CHARS),
            address=address,
            **facts,
        )


def without_common(offers: tuple[str, ...]) -> tuple[str, dict[str, object]]:
    """Why none of these subprotocols is spoken here: a reason, and the facts for its line."""
    # A long word is no version of anything; some clients send a token there.
    shown = [
        printable(name, 20) if len(name) <= 20 else "(a long word)"
        for name in offers[:_OFFERS_SHOWN]
    ]
    facts: dict[str, object] = {"offered": shown, "ours": list(DIALECTS)}
    lower = {name.strip().lower() for name in offers}
    if not offers:
        return NONE_OFFERED, facts
    if lower & set(DIALECTS):
        return MISSPELT, facts
    return (UNSUPPORTED if any(map(_VERSION.fullmatch, lower)) else NO_COMMON), facts


def asked_for(path: str) -> str:
    """The station that a request names; "" when it names none."""
    try:
        return station_id(path)
    except Refused:
        return ""


def answered(connection: ServerConnection, refused: Refused) -> Response:
    """The HTTP response of a refusal."""
    response = connection.respond(refused.status, f"{refused.status.phrase}\n")
    if refused.status is HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Basic realm="ocpp", charset="UTF-8"'
    if refused.retry_after_s:
        response.headers["Retry-After"] = str(refused.retry_after_s)
    return response


def quiet_logger() -> logging.Logger:
    """The library's logger without INFO: the gateway itself logs each open and close."""
    logger = logging.getLogger("station_gateway.websockets")
    logger.setLevel(logging.ERROR)
    return logger
