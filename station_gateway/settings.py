"""Every setting and every limit of a gateway process, with its unit and its reason."""

from dataclasses import dataclass

from domain.loopback import is_loopback


class UnsafeStationListener(Exception):
    """The gateway would be open to a network; the message says what to configure instead."""


@dataclass(frozen=True)
class GatewaySettings:
    """Settings of one gateway process. Times are seconds, sizes bytes, rates per second.

    Where it listens and whom it admits:
      host, port: of the OCPP-J listener; port 0 takes a free one.
      tls_certificate, tls_key: PEM files; both or none. Stations then connect with `wss://`.
      tls_terminated: a proxy in front of this listener ends TLS (security profile 2 is then met).
      open: admits stations that nobody registered, and accepts unknown tokens.
      open_tenant: the tenant that such stations belong to.
      insecure: listen beyond loopback although TLS or credentials are missing.
      gateway_id: "" makes a new random one, which is right: an id stands for one process's sockets.

    Opening a connection:
      handshake_timeout_s: from TCP (and TLS) to the HTTP response; slower ones are cut.
      max_pending_handshakes: beyond it the longest-waiting slow one is cut, else 503 is answered.
      slow_handshake_s: a handshake whose request is not complete by then may be cut for another.
      max_request_bytes: of request line and headers together.
      max_connections: open sockets of this process; beyond it 503.
      retry_after_s: what 503 tells a station to wait.
      station_failures: failed attempts for one station within `failure_window_s` before 429.
      address_failures: the same for one address.
      failure_window_s: the window of both.
      failure_penalty_s: the first 429's Retry-After; doubles with every further failure.
      max_penalty_s: the longest Retry-After of a 429.
      reconnects_per_hour: openings of one station; beyond it 429 for `cool_off_s`.
      cool_off_s: how long a flooding or flapping station is kept out.
      max_remembered: stations and addresses whose attempts are remembered, each.

    Frames:
      max_frame_bytes: one message of an OCPP 1.6 station.
      max_frame_bytes_v2: one message of a 2.x station (reports are larger).
      queue_frames: CALLs of a station that wait for their answer; beyond it the socket is closed.
      message_rate: messages per second of one station; beyond it the socket is read slower.
      message_burst: messages at once before that.
      flood_patience_s: how long a station may be slowed down without a pause before 1008.
      write_timeout_s: how long a socket may refuse our bytes before it counts as dead.
      close_timeout_s: from our close frame to the end of TCP.

    Dead sockets (found within ping_interval_s + ping_timeout_s + 2 sweep_interval_s):
      ping_interval_s: silence after which a ping is sent.
      ping_timeout_s: silence after a ping that ends the connection.
      sweep_interval_s: how often all stations are looked at, and last-seen times are written.
      idle_timeout_s: no OCPP message for so long closes the socket; 0 never does.
      last_seen_interval_s: the resolution of a station's last-seen time.

    Commands:
      command_queue: commands that wait for their turn at one station; beyond it they are not sent.
      progress_delay_s: a command that waits longer than this in line says so in the log.
      heartbeat_interval_s: of the activity to Temporal.
      late_answers: message ids per station whose late answer is still recognised.
      ask_timeout_s: limit of one read-only question to a station.

    Station's own messages:
      heartbeat_s: interval that BootNotification's answer asks for.
      housekeeping_delay_s: from the accepted boot to the first question, at least.
      housekeeping_jitter_s: at most so much longer, by chance.
      housekeeping_timeout_s: limit of that question.
      fact_timeout_s: limit of writing one fact; later the message stays unanswered.
      max_age_days: older station times are replaced by ours and flagged.
      max_ahead_days: later ones too.

    Process:
      lease_s: how long this process's connections stand without renewal.
      lease_renewal_s: how often they are renewed.
      max_activities: frames and questions in flight in this process.
      drain_timeout_s: how long a stopping process waits for CALLs in flight.
      drain_batch: sockets closed at once when stopping.
      drain_pause_s: the pause between two batches.
    """

    host: str = "127.0.0.1"
    port: int = 9000
    tls_certificate: str = ""
    tls_key: str = ""
    tls_terminated: bool = False
    open: bool = False
    open_tenant: str = "default"
    insecure: bool = False
    gateway_id: str = ""

    handshake_timeout_s: float = 10.0
    max_pending_handshakes: int = 512
    slow_handshake_s: float = 1.0
    max_request_bytes: int = 16 * 1024
    max_connections: int = 20_000
    retry_after_s: int = 5
    station_failures: int = 5
    address_failures: int = 100
    failure_window_s: float = 60.0
    failure_penalty_s: float = 10.0
    max_penalty_s: float = 900.0
    reconnects_per_hour: int = 60
    cool_off_s: float = 60.0
    max_remembered: int = 20_000

    max_frame_bytes: int = 64 * 1024
    max_frame_bytes_v2: int = 256 * 1024
    queue_frames: int = 16
    message_rate: float = 20.0
    message_burst: int = 60
    flood_patience_s: float = 5.0
    write_timeout_s: float = 10.0
    close_timeout_s: float = 5.0

    ping_interval_s: float = 25.0
    ping_timeout_s: float = 20.0
    sweep_interval_s: float = 5.0
    idle_timeout_s: float = 0.0
    last_seen_interval_s: float = 30.0

    command_queue: int = 16
    progress_delay_s: float = 0.2
    heartbeat_interval_s: float = 2.0
    late_answers: int = 32
    ask_timeout_s: float = 30.0

    heartbeat_s: int = 300
    housekeeping_delay_s: float = 5.0
    housekeeping_jitter_s: float = 8.0
    housekeeping_timeout_s: float = 5.0
    fact_timeout_s: float = 20.0
    max_age_days: int = 400
    max_ahead_days: int = 1

    lease_s: float = 15.0
    lease_renewal_s: float = 4.0
    max_activities: int = 2_000
    drain_timeout_s: float = 30.0
    drain_batch: int = 100
    drain_pause_s: float = 0.1

    @property
    def tls(self) -> bool:
        """Whether stations' credentials are encrypted on their way to this process."""
        return bool(self.tls_certificate) or self.tls_terminated

    def check(self) -> None:
        """Refuse a listener that anybody in a network could use.

        Raises:
            UnsafeListener: beyond loopback without TLS or without credentials, and not `insecure`.
            ValueError: only one of certificate and key is given.
        """
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key belong together: give both or none")
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
