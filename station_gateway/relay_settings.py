"""Settings for a gateway in front of another back end (CSMS): where it is, and what is held."""

from dataclasses import dataclass, field

from domain.loopback import is_loopback
from domain.upstreams import host_of, is_secure, upstream_fault

OBSERVE, COMMAND = MODES = ("observe", "command")
MIRROR, HOLD = LOSSES = ("mirror", "hold")


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
    upstream_when_lost: str = field(
        default=MIRROR,
        metadata={
            "doc": (
                "what happens when the back end of a connected station is lost. `mirror`: the "
                "station's socket is closed with 1012; `hold`: it stays, what the station says is "
                "kept unanswered, and goes to the back end as soon as that is back."
            )
        },
    )
    upstream_lost_s: float = field(
        default=120.0,
        metadata={"doc": "how long a station is held; then its socket is closed with 1012."},
    )
    upstream_lost_frames: int = field(
        default=200,
        metadata={"doc": "messages that are kept for one held station; one more ends its hold."},
    )
    upstream_lost_bytes: int = field(
        default=256 * 1024,
        metadata={"doc": "the same in bytes. It bounds unanswered messages before a loss as well."},
    )
    upstream_lost_total_bytes: int = field(
        default=64 * 1024 * 1024, metadata={"doc": "the same for all stations together."}
    )
    upstream_allow_private: bool = field(
        default=False,
        metadata={
            "doc": (
                "let the `upstream` of a single station, which UpdateStation sets, lead to "
                "loopback and private addresses, and over plain `ws://`. Who may change stations "
                "can then have the gateway connect inside its own network."
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
                "how long a CALL of the back end waits for ours at a station: after half of it it "
                "goes before ours that wait, at its end what is out counts as unanswered. "
                "Back ends give up after about 30."
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
                "message is recorded without it. One that comes later is passed on all the same, "
                "and a session has its id by it."
            )
        },
    )

    def relay_fault(self, *, insecure: bool) -> str:
        """What is wrong with these settings; "" when nothing is.

        insecure: passwords may cross a network in the clear.
        """
        if self.upstream_mode not in MODES:
            return f"upstream_mode is one of {', '.join(MODES)}"
        if self.upstream_when_lost not in LOSSES:
            return f"upstream_when_lost is one of {', '.join(LOSSES)}"
        if not self.upstream_url:
            return ""
        if fault := upstream_fault(self.upstream_url):
            return f"upstream_url {fault}"
        host = host_of(self.upstream_url)
        if not (is_secure(self.upstream_url) or is_loopback(host) or insecure):
            return (
                f"upstream_url leads to {host} without TLS and stations' passwords would be "
                "readable: give wss://, or accept the risk with --insecure"
            )
        return ""
