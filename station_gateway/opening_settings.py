"""Settings for the opening of stations' connections: limits of handshakes and of guesses."""

from dataclasses import dataclass, field

from station_gateway.proxies import TrustedProxies


@dataclass(frozen=True)
class OpeningSettings:
    """The part of `GatewaySettings` that a connection meets first. Times are seconds."""

    handshake_timeout_s: float = field(
        default=10.0,
        metadata={"doc": "from TCP to the HTTP response, TLS too; slower ones are cut."},
    )
    max_pending_handshakes: int = field(
        default=512,
        metadata={"doc": "beyond it the longest-waiting slow one is cut, else 503 is answered."},
    )
    max_pending_tls: int = field(
        default=2048,
        metadata={
            "doc": (
                "TCP connections whose TLS or PROXY header is not complete; beyond it the "
                "longest-waiting silent one is cut, or one that began and is five times as slow, "
                "else the new one."
            )
        },
    )
    slow_handshake_s: float = field(
        default=1.0,
        metadata={
            "doc": "a handshake whose request is not complete by then may be cut for another."
        },
    )
    max_request_bytes: int = field(
        default=16 * 1024, metadata={"doc": "of request line and headers together."}
    )
    max_connections: int = field(
        default=20_000, metadata={"doc": "open sockets of this process; beyond it 503."}
    )
    retry_after_s: int = field(default=5, metadata={"doc": "what 503 tells a station to wait."})
    arrivals_per_s: float = field(
        default=370.0,
        metadata={
            "least": 1,
            "doc": (
                "stations that are let in per second while commands go on, with TLS of our own "
                "five ninths of it; without commands there is no limit."
            ),
        },
    )
    arrival_wait_s: float = field(
        default=5.0,
        metadata={"doc": "a station whose turn comes later than this is answered 503."},
    )
    password_checks: int = field(
        default=64,
        metadata={
            "doc": (
                "slow hashes of chosen passwords that wait for their turn; beyond it 503, first "
                "for the address with the most. A station that has used its password needs none."
            )
        },
    )
    station_failures: int = field(
        default=5,
        metadata={"doc": "failed attempts for one station within `failure_window_s` before 429."},
    )
    address_failures: int = field(default=100, metadata={"doc": "the same for one address."})
    failure_window_s: float = field(default=60.0, metadata={"doc": "the window of both."})
    failure_penalty_s: float = field(
        default=10.0,
        metadata={"doc": "the first 429's Retry-After; doubles with every further failure."},
    )
    max_penalty_s: float = field(
        default=900.0, metadata={"doc": "the longest Retry-After of a 429."}
    )
    reconnects_per_hour: int = field(
        default=60,
        metadata={"doc": "openings of one station; beyond it 429 until the next one is due."},
    )
    cool_off_s: float = field(
        default=60.0, metadata={"doc": "how long a station that flooded the gateway is kept out."}
    )
    max_remembered: int = field(
        default=20_000,
        metadata={"doc": "stations whose attempts are remembered; as many addresses."},
    )
    trusted_proxies: str = field(
        default="",
        metadata={
            "doc": (
                "addresses and networks of balancers, with commas between them: what they tell of "
                "a station's address counts in limits and logs."
            )
        },
    )
    proxy_protocol: bool = field(
        default=False,
        metadata={
            "doc": (
                "they tell it by PROXY protocol v2, before TLS; a connection of theirs without "
                "its header is refused."
            )
        },
    )
    forwarded_for: bool = field(
        default=False, metadata={"doc": "they tell it by the header X-Forwarded-For."}
    )

    def check_proxies(self) -> None:
        """Raises: ValueError when balancers are told without the way in which they tell."""
        if bool(self.trusted_proxies) != (self.proxy_protocol or self.forwarded_for):
            raise ValueError(
                "trusted_proxies comes with proxy_protocol or forwarded_for, and they with it"
            )
        try:
            TrustedProxies(self.trusted_proxies)
        except ValueError as error:
            raise ValueError(f"trusted_proxies has no address or network: {error}") from error
