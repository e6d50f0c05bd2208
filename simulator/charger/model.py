"""What a charging station consists of, and what can happen in it. No OCPP words but statuses.

Events are what the charger (pure) tells the station (I/O): a dialect turns them into messages.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True)
class Token:
    """What a driver shows. `type` is OCPP 2.x's word; 1.6 has none. `group`: 1.6's parent."""

    value: str
    type: str = "ISO14443"
    group: str | None = None

    def is_same(self, other: "Token") -> bool:
        """The same card. Identifiers are case-insensitive in OCPP."""
        return self.value.casefold() == other.value.casefold()

    def shares_group(self, other: "Token") -> bool:
        """Cards of one household or fleet."""
        return None not in (self.group, other.group) and self.group == other.group


@dataclass(frozen=True)
class Authorization:
    """Somebody may charge here.

    remote_start_id: OCPP 2.x's, of a remote start. reservation_id: the hold that it used up.
    """

    token: Token
    since: datetime
    remote: bool
    remote_start_id: int | None = None
    reservation_id: int | None = None


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
    suspended: bool = False
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
    """A hold for one token or its group.

    evse_id: None holds any one outlet; connector_type: then only one with this plug.
    """

    id: int
    token: Token
    expiry: datetime
    evse_id: int | None = None
    connector_type: str | None = None

    def is_for(self, token: Token) -> bool:
        """This driver may use it."""
        return token.is_same(self.token) or token.shares_group(self.token)


class Outage(StrEnum):
    """Why an outlet is out of service by a reset. WAITING: it comes when nobody charges here."""

    NONE = "none"
    WAITING = "waiting"
    RESTARTING = "restarting"


@dataclass
class Evse:
    """One outlet. `charging_since`: energy flows and the meter turns. `jammed`: its lock is."""

    id: int
    connector_type: str = "cType2"
    plugged: bool = False
    available: bool = True
    faulted: bool = False
    jammed: bool = False
    outage: Outage = Outage.NONE
    authorization: Authorization | None = None
    session: Session | None = None
    charged_this_plug: bool = False
    meter_wh: float = 0.0
    charging_since: datetime | None = None
    reported_status: str = field(default="Available")

    @property
    def busy(self) -> bool:
        """Somebody charges here, or may begin to."""
        return self.session is not None or self.authorization is not None

    @property
    def operative(self) -> bool:
        """Neither faulted nor taken out of service; perhaps restarting."""
        return self.available and not self.faulted

    @property
    def free(self) -> bool:
        """Nobody is here, and somebody could charge."""
        return self.operative and self.outage is Outage.NONE and not self.busy

    def status(self, *, reserved: bool) -> str:
        """The connector's status in OCPP 1.6's words; 2.x has fewer."""
        if self.faulted:
            return "Faulted"
        if self.session is not None and self.outage is not Outage.RESTARTING:
            return "Charging" if self.session.charging else "Preparing"
        if not self.available or self.outage is Outage.RESTARTING:
            return "Unavailable"
        if self.authorization is not None:
            return "Preparing"
        if self.outage is Outage.WAITING:
            return "Unavailable"
        if self.plugged:
            return "Finishing" if self.charged_this_plug else "Preparing"
        return "Reserved" if reserved else "Available"


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
    """The station goes down and comes back.

    boot_reason: OCPP 2.x's of the next BootNotification. trigger, ending: why sessions end; no
    `ending` suspends them until the boot. power_cut: at once, without a word before.
    commanded: the back end wanted it.
    """

    boot_reason: str
    trigger: str = "ResetCommand"
    ending: str | None = "ImmediateReset"
    power_cut: bool = False
    commanded: bool = True


@dataclass(frozen=True)
class EvseRestarting:
    """One outlet goes down and comes back, while the station stays."""

    evse_id: int


@dataclass(frozen=True)
class ReservationHeld:
    """An outlet is held until the reservation's expiry."""

    reservation: Reservation


class ReservationEnd(StrEnum):
    """How a hold ended by itself, in OCPP 2.x's words. NO_TRANSACTION is 2.1's."""

    EXPIRED = "Expired"
    REMOVED = "Removed"
    NO_TRANSACTION = "NoTransaction"


@dataclass(frozen=True)
class ReservationEnded:
    """A hold is over, and neither its driver nor the back end did it."""

    reservation_id: int
    how: ReservationEnd


Event = (
    StatusChanged
    | AwaitingCable
    | SessionStarted
    | SessionUpdated
    | SessionEnded
    | Rebooting
    | EvseRestarting
    | ReservationHeld
    | ReservationEnded
)
