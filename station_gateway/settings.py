"""Every setting and every limit of a gateway process, with its unit and its reason."""

from dataclasses import dataclass, field

from domain.loopback import is_loopback, is_loopback_listener
from domain.ocpp_words import Capabilities
from station_gateway.opening_settings import OpeningSettings
from station_gateway.relay_settings import RelaySettings
from station_gateway.tls_settings import TlsSettings

BOOT_ANSWERS = ("ACCEPTED", "PENDING", "REJECTED")


class UnsafeStationListener(Exception):
    """The gateway would be open to a network; the message says what to configure instead."""


@dataclass(frozen=True)
class GatewaySettings(TlsSettings, OpeningSettings, RelaySettings):
    """Settings of one gateway process. Times are seconds, sizes bytes, rates per second."""

    # Where it listens and whom it admits.
    host: str = field(
        default="127.0.0.1", metadata={"doc": "of the OCPP-J listener; port 0 takes a free one."}
    )
    port: int = field(
        default=9000, metadata={"doc": "of the OCPP-J listener; port 0 takes a free one."}
    )
    open: bool = field(
        default=False,
        metadata={"doc": "admits stations that nobody registered, and accepts unknown tokens."},
    )
    open_tenant: str = field(
        default="default", metadata={"doc": "the tenant that such stations belong to."}
    )
    insecure: bool = field(
        default=False,
        metadata={"doc": "listen beyond loopback although TLS or credentials are missing."},
    )
    gateway_id: str = field(
        default="",
        metadata={
            "doc": (
                '"" makes a new random one, which is right: an id stands for one process\'s '
                "sockets."
            )
        },
    )

    # The direct line, on which workers hand over frames.
    line_listen: str = field(
        default="127.0.0.1:0",
        metadata={
            "doc": (
                "HOST:PORT of the direct line of this gateway's workers; port 0 takes a free one, "
                "empty: none. Beyond loopback it needs mutual TLS."
            )
        },
    )
    line_address: str = field(
        default="",
        metadata={"doc": "HOST:PORT that workers use; empty: the one it listens on."},
    )
    line_certificate: str = field(
        default="", metadata={"doc": "PEM file of the direct line; with it mutual TLS is served."}
    )
    line_key: str = field(default="", metadata={"doc": "PEM file of its key."})
    line_ca: str = field(
        default="", metadata={"doc": "PEM file: workers must show a certificate that it signed."}
    )

    # Frames.
    max_frame_bytes: int = field(
        default=64 * 1024, metadata={"doc": "one message of an OCPP 1.6 station."}
    )
    max_frame_bytes_v2: int = field(
        default=256 * 1024, metadata={"doc": "one message of a 2.x station (reports are larger)."}
    )
    strict: bool = field(
        default=False,
        metadata={
            "doc": (
                "refuse every report that does not conform, for laboratories. Else it is taken for "
                "what it certainly means, and marked."
            )
        },
    )
    mend_bytes: int = field(
        default=32 * 1024,
        metadata={"doc": "the longest broken text that is mended; a longer one is refused."},
    )
    queue_frames: int = field(
        default=16,
        metadata={
            "doc": (
                "CALLs of a station that wait for their answer; beyond it the socket is closed."
            )
        },
    )
    message_rate: float = field(
        default=20.0,
        metadata={
            "doc": "messages per second of one station; beyond it the socket is read slower."
        },
    )
    message_burst: int = field(default=60, metadata={"doc": "messages at once before that."})
    byte_rate: float = field(
        default=64 * 1024.0,
        metadata={"doc": "bytes per second of one station; beyond it the socket is read slower."},
    )
    byte_burst: int = field(
        default=512 * 1024, metadata={"doc": "bytes of a station at once before that."}
    )
    frame_cost: int = field(
        default=1024,
        metadata={"doc": "bytes that each frame counts beside its own, a ping and a fragment too."},
    )
    value_cost: int = field(
        default=16,
        metadata={"doc": "bytes that each value in a message counts beside its own."},
    )
    flood_patience_s: float = field(
        default=5.0,
        metadata={"doc": "how long a station may be slowed down without a pause before 1008."},
    )
    write_timeout_s: float = field(
        default=10.0,
        metadata={"doc": "how long a socket may refuse our bytes before it counts as dead."},
    )
    close_timeout_s: float = field(
        default=5.0, metadata={"doc": "from our close frame to the end of TCP."}
    )

    # Dead sockets (found within ping_interval_s + ping_timeout_s + 2 sweep_interval_s).
    ping_interval_s: float = field(
        default=25.0, metadata={"doc": "silence after which a ping is sent."}
    )
    ping_timeout_s: float = field(
        default=20.0, metadata={"doc": "silence after a ping that ends the connection."}
    )
    sweep_interval_s: float = field(
        default=5.0,
        metadata={"doc": "how often all stations are looked at, and last-seen times are written."},
    )
    idle_timeout_s: float = field(
        default=0.0,
        metadata={"doc": "a socket without an OCPP message for this long is closed; 0 for never."},
    )
    max_socket_age_s: float = field(
        default=0.0,
        metadata={
            "doc": (
                "a socket that is about this old is closed with 1012 when no message waits for an "
                "answer, and its station connects anew; 0 for never."
            )
        },
    )
    revocation_interval_s: float = field(
        default=2.0,
        metadata={"doc": "how often deleted stations and displaced sockets are looked for."},
    )
    last_seen_interval_s: float = field(
        default=30.0, metadata={"doc": "the resolution of a station's last-seen time."}
    )

    # Commands.
    command_queue: int = field(
        default=16,
        metadata={
            "doc": (
                "commands that wait for their turn at one station; beyond it they are not sent, "
                "but for stops and unlocks, which have as many places of their own."
            )
        },
    )
    progress_delay_s: float = field(
        default=0.2,
        metadata={"doc": "a command that waits longer than this in the queue says so in the log."},
    )
    heartbeat_interval_s: float = field(
        default=2.0, metadata={"doc": "of the activity to Temporal."}
    )
    late_answers: int = field(
        default=32,
        metadata={"doc": "message ids per station whose late answer is still recognised."},
    )
    ask_timeout_s: float = field(
        default=30.0, metadata={"doc": "limit of one read-only question to a station."}
    )
    asked_connectors: int = field(
        default=16,
        metadata={"doc": "connectors of one station that one question goes through, at most."},
    )
    rotation_interval_s: float = field(
        default=2.0,
        metadata={"doc": "how often new passwords for stations are looked for."},
    )
    rotation_grace_s: float = field(
        default=30.0,
        metadata={
            "doc": (
                "how long a station that took a new password has time to come back with it before "
                "its socket is closed."
            )
        },
    )
    rotations: int = field(
        default=200,
        metadata={"doc": "stations of this process that get a new password at once."},
    )
    retry_pause_s: float = field(
        default=0.5,
        metadata={
            "doc": "between two tries to write a fact or an answer while the database is away."
        },
    )

    # Station's own messages.
    heartbeat_s: int = field(
        default=300, metadata={"doc": "interval that BootNotification's answer asks for."}
    )
    unregistered_boot: str = field(
        default="ACCEPTED",
        metadata={
            "doc": (
                "what a boot of a station that nobody registered is answered (with `open`): "
                "ACCEPTED, PENDING or REJECTED. It gets no commands before ACCEPTED."
            )
        },
    )
    boot_retry_s: int = field(
        default=60, metadata={"doc": "when a station that is not accepted is to boot again."}
    )
    boot_grace_s: float = field(
        default=1.0,
        metadata={
            "doc": (
                "commands wait this long for the boot of a station that reconnects and is silent."
            )
        },
    )
    boot_ask_s: float = field(
        default=3.0,
        metadata={
            "doc": (
                "a station that never booted here is asked to boot after this time, or when it "
                "says something else."
            )
        },
    )
    boot_talk_s: float = field(
        default=30.0,
        metadata={"doc": "a station that talks this long and does not boot is taken as booted."},
    )
    housekeeping_delay_s: float = field(
        default=5.0, metadata={"doc": "from the accepted boot to the first question, at least."}
    )
    housekeeping_jitter_s: float = field(
        default=8.0, metadata={"doc": "a random time up to this is added."}
    )
    housekeeping_rate: float = field(
        default=20.0,
        metadata={"least": 0.001, "doc": "first questions per second, of all stations together."},
    )
    housekeeping_timeout_s: float = field(default=5.0, metadata={"doc": "limit of that question."})
    fact_timeout_s: float = field(
        default=20.0,
        metadata={"doc": "limit of writing one fact; later the message stays unanswered."},
    )

    # Process.
    lease_s: float = field(
        default=15.0,
        metadata={
            "doc": (
                "how long this process's connections stand without renewal; not longer than the "
                "timing's `effect_margin_s`: who finds no report then knows that none waits here."
            )
        },
    )
    lease_renewal_s: float = field(default=4.0, metadata={"doc": "how often they are renewed."})
    stall_limit_s: float = field(
        default=60.0,
        metadata={
            "doc": (
                "how long its event loop may be busy without a turn; then its connections do not "
                "stand any longer, until the next turn."
            )
        },
    )
    activity_hold_s: float = field(
        default=1.5,
        metadata={
            "doc": (
                "how long a frame keeps its place among them; its station's answer is waited for "
                "without a place then."
            )
        },
    )
    max_activities: int = field(
        default=2_000, metadata={"doc": "frames and questions in flight in this process."}
    )
    max_polls: int = field(
        default=50,
        metadata={"doc": "polls of Temporal that wait for frames; 5 are always open."},
    )
    drain_timeout_s: float = field(
        default=30.0, metadata={"doc": "how long a stopping process waits for CALLs in flight."}
    )
    drain_batch: int = field(default=100, metadata={"doc": "sockets closed at once when stopping."})
    drain_pause_s: float = field(default=0.1, metadata={"doc": "the pause between two batches."})

    def frame_bytes(self, capabilities: Capabilities) -> int:
        """The largest message of a station whose OCPP version has these capabilities."""
        return self.max_frame_bytes_v2 if capabilities.large_messages else self.max_frame_bytes

    def check(self) -> None:
        """Refuse a listener that anybody in a network could use.

        Raises:
            UnsafeStationListener: beyond loopback without TLS or without credentials, and not
                `insecure`.
            ValueError: `unregistered_boot` is no answer to a boot; or `stall_limit_s` is shorter
                than `lease_s`; or as `check_tls`, `check_proxies` or `relay_fault` says.
        """
        if self.stall_limit_s < self.lease_s:
            raise ValueError("stall_limit_s is at least lease_s: a busy loop would end the lease")
        if self.unregistered_boot not in BOOT_ANSWERS:
            raise ValueError(f"unregistered_boot is one of {', '.join(BOOT_ANSWERS)}")
        self.check_tls()
        self.check_proxies()
        self._check_line()
        if fault := self.relay_fault(insecure=self.insecure):
            raise ValueError(fault)
        if self.insecure or is_loopback(self.host):
            return
        if not self.tls:
            raise UnsafeStationListener(
                f"{self.host} is not loopback and stations' passwords would be readable: "
                "give a TLS certificate and key, or accept the risk with --insecure"
            )
        if self.open:
            raise UnsafeStationListener(
                f"{self.host} is not loopback and --open admits every station: "
                "register the stations, or accept the risk with --insecure"
            )

    def _check_line(self) -> None:
        files = (self.line_certificate, self.line_key, self.line_ca)
        if any(files) and not all(files):
            raise ValueError("line_certificate, line_key and line_ca: give all three or none")
        if self.line_listen and not any(files) and not is_loopback_listener(self.line_listen):
            raise UnsafeStationListener(
                f"the direct line on {self.line_listen} is not loopback: give line_certificate, "
                "line_key and line_ca (mutual TLS), listen on 127.0.0.1:0, or turn it off"
            )
