"""Settings for a gateway in front of another back end (CSMS): where it is, and what is held."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from domain.loopback import is_loopback

OBSERVE, COMMAND = MODES = ("observe", "command")


@dataclass(frozen=True)
class RelaySettings:
    """The part of `GatewaySettings` about the back end that stations are relayed to."""

    upstream_url: str = field(
        default="",
        metadata={
            "doc": (
                "the back end (CSMS) that every station is relayed to, as "
                "`wss://csms.example/ocpp/{station}`; `{station}` stands for the identity as the "
                "station wrote it. Empty: the gateway is the back end."
            )
        },
    )
    upstream_mode: str = field(
        default=OBSERVE,
        metadata={
            "doc": (
                "`observe`: nothing of ours is sent to a relayed station; `command`: our commands "
                "and questions go in between."
            )
        },
    )
    upstream_ca: str = field(
        default="",
        metadata={"doc": "PEM file: who signed the back end's certificate; empty: the usual ones."},
    )
    upstream_timeout_s: float = field(
        default=8.0,
        metadata={"doc": "from dialling the back end to its answer, in the station's handshake."},
    )
    upstream_frame_bytes: int = field(
        default=1024 * 1024,
        metadata={"doc": "the longest message that is relayed; a longer one ends its socket."},
    )
    relay_copy_bytes: int = field(
        default=1024 * 1024,
        metadata={
            "doc": (
                "copies of one station's relayed messages that wait to be recorded, while the "
                "database is slow. What is left out beyond it is marked as a gap."
            )
        },
    )
    relay_total_bytes: int = field(
        default=128 * 1024 * 1024, metadata={"doc": "the same for all stations together."}
    )
    upstream_hold_s: float = field(
        default=25.0,
        metadata={
            "doc": (
                "how long a CALL of the back end waits behind ours at a station before it goes "
                "first. Back ends give up after about 30."
            )
        },
    )
    upstream_turn_s: float = field(
        default=30.0,
        metadata={"doc": "how long a station may take to answer it before the next CALL goes out."},
    )
    relay_answer_s: float = field(
        default=60.0,
        metadata={
            "doc": (
                "how long the back end's answer to a station's message is awaited before the "
                "message is recorded without it."
            )
        },
    )

    def upstream_fault(self, *, insecure: bool) -> str:
        """What is wrong with these settings; "" when nothing is.

        insecure: passwords may cross a network in the clear.
        """
        if self.upstream_mode not in MODES:
            return f"upstream_mode is one of {', '.join(MODES)}"
        if not self.upstream_url:
            return ""
        try:
            parts = urlsplit(self.upstream_url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            return "upstream_url is not a valid URL"
        if parts.scheme not in {"ws", "wss"} or not host:
            return "upstream_url begins with wss:// or ws:// and a host"
        if "@" in parts.netloc or parts.fragment:
            return "upstream_url has neither a password nor a fragment: stations' own go through"
        if parts.scheme == "ws" and not is_loopback(host) and not insecure:
            return (
                f"upstream_url leads to {host} without TLS and stations' passwords would be "
                "readable: give wss://, or accept the risk with --insecure"
            )
        return ""
