"""What a charging station consists of, and what can happen in it. No OCPP words but statuses.

Events are what the charger (pure) tells the station (I/O): a dialect turns them into messages.
"""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Token:
    """What a driver shows. `type` is OCPP 2.x's word; 1.6 has none."""

    value: str
    type: str = "ISO14443"
    group: str | None = None


@dataclass(frozen=True)
class Authorization:
    """Somebody may charge here. `remote_start_id`: OCPP 2.x's, of a remote start."""

    token: Token
    since: datetime
    remote: bool
    remote_start_id: int | None = None


@dataclass
class Session:
    """One transaction, as the station knows it.

    id: the station's own (2.x sends it). wire_id: 1.6's, None until the back end gave one.
    """

    id: str
    evse_id: int
    start_time: datetime
    meter_start_wh: int
    authorization: Authorization | None = None
    reservation_id: int | None = None
    wire_id: int | None = None
    charging: bool = False
    seq_no: int = 0
    end_time: datetime | None = None
    meter_stop_wh: int | None = None
    reason: str = ""

    @property
    def active(self) -> bool:
        """True until it ended."""
        return self.end_time is None

    def next_seq_no(self) -> int:
        """2.x numbers the events of a transaction from 0."""
        self.seq_no += 1
        return self.seq_no - 1


@dataclass(frozen=True)
class Reservation:
    """A hold on an EVSE for one token or its group."""

    id: int
    token: Token
    expiry: datetime


@dataclass
class Evse:
    """One outlet. `charging_since`: energy flows and the meter turns."""

    id: int
    plugged: bool = False
    available: bool = True
    authorization: Authorization | None = None
    session: Session | None = None
    reservation: Reservation | None = None
    charged_this_plug: bool = False
    meter_wh: float = 0.0
    charging_since: datetime | None = None
    reported_status: str = field(default="Available")

    def status(self) -> str:
        """The connector's status in OCPP 1.6's words; 2.x has fewer."""
        if self.session is not None:
            return "Charging" if self.session.charging else "Preparing"
        if not self.available:
            return "Unavailable"
        if self.authorization is not None:
            return "Preparing"
        if self.plugged:
            return "Finishing" if self.charged_this_plug else "Preparing"
        return "Reserved" if self.reservation is not None else "Available"


@dataclass(frozen=True)
class StatusChanged:
    """A connector's status is another one now."""

    evse_id: int
    status: str


@dataclass(frozen=True)
class AwaitingCable:
    """A driver is authorised and has to plug in before the connection timeout."""

    evse_id: int
    authorization: Authorization


@dataclass(frozen=True)
class SessionStarted:
    """A transaction began. `trigger` is OCPP 2.x's triggerReason, as in the two below."""

    session: Session
    trigger: str


@dataclass(frozen=True)
class SessionUpdated:
    """Something about a running transaction changed."""

    session: Session
    trigger: str


@dataclass(frozen=True)
class SessionEnded:
    """A transaction is over; `session.reason` says why. `token`: who ended it, when known."""

    session: Session
    trigger: str
    token: Token | None = None


@dataclass(frozen=True)
class Rebooting:
    """The station goes down now and comes back. `reason`: 2.x's of the next BootNotification."""

    reason: str


@dataclass(frozen=True)
class ReservationHeld:
    """An outlet is held until the reservation's expiry."""

    reservation: Reservation


@dataclass(frozen=True)
class ReservationExpired:
    """A hold ran out unused."""

    reservation_id: int


Event = (
    StatusChanged
    | AwaitingCable
    | SessionStarted
    | SessionUpdated
    | SessionEnded
    | Rebooting
    | ReservationHeld
    | ReservationExpired
)
