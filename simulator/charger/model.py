"""The parts of a charging station, and the events that happen in it.

The charger (pure) returns events; the station (I/O) carries them out; a dialect turns them into
OCPP messages. Except for statuses, triggers and reasons, no OCPP words stand here.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True)
class DriverToken:
    """The token that a driver shows.

    type: the IdTokenEnum value of OCPP 2.x; 1.6 has none. group: groupIdToken, in 1.6 parentIdTag.
    """

    value: str
    type: str = "ISO14443"
    group: str | None = None

    def is_same(self, other: "DriverToken") -> bool:
        """Whether it is the same card. OCPP compares identifiers without case."""
        return self.value.casefold() == other.value.casefold()

    def shares_group(self, other: "DriverToken") -> bool:
        """Whether both cards belong to one group, for example one household or fleet."""
        return None not in (self.group, other.group) and self.group == other.group


@dataclass(frozen=True)
class DriverAuthorization:
    """A driver's permission to charge at an EVSE.

    remote_start_id: of the remote start that gave it (2.x); None for a card or for 1.6.
    reservation_id: the reservation that it used; None if it used none.
    """

    token: DriverToken
    since: datetime
    remote: bool
    remote_start_id: int | None = None
    reservation_id: int | None = None


@dataclass
class ChargingSession:
    """One charging session: what OCPP calls a transaction.

    id: the station's own id, in 2.x the transactionId of all messages.
    csms_transaction_id: 1.6's transactionId; None until the back end has given one.
    """

    id: str
    evse_id: int
    start_time: datetime
    meter_start_wh: int
    authorization: DriverAuthorization | None = None
    reservation_id: int | None = None
    csms_transaction_id: int | None = None
    charging: bool = False
    suspended: bool = False
    seq_no: int = 0
    end_time: datetime | None = None
    meter_stop_wh: int | None = None
    reason: str = ""

    @property
    def active(self) -> bool:
        """Whether it has not ended yet."""
        return self.end_time is None

    def next_seq_no(self) -> int:
        """The seqNo of the next TransactionEvent; 2.x counts from 0."""
        self.seq_no += 1
        return self.seq_no - 1


@dataclass(frozen=True)
class SimulatedReservation:
    """A reservation for one token or its group.

    evse_id: None reserves any one EVSE. connector_type: then only an EVSE with this type.
    """

    id: int
    token: DriverToken
    expiry: datetime
    evse_id: int | None = None
    connector_type: str | None = None

    def is_for(self, token: DriverToken) -> bool:
        """Whether this driver may use it."""
        return token.is_same(self.token) or token.shares_group(self.token)


class Outage(StrEnum):
    """Why a reset takes an EVSE out of service. WAITING: it restarts when nobody charges."""

    NONE = "none"
    WAITING = "waiting"
    RESTARTING = "restarting"


@dataclass
class Evse:
    """One EVSE with one connector.

    charged_this_plug: a session has ended since the cable was plugged in.
    power_w: the power of every session here.
    meter_wh: the reading of the meter when energy began to flow; or the present one.
    charging_since: since when energy flows; None: no energy flows.
    jammed: its lock does not open.
    """

    id: int
    connector_type: str = "cType2"
    plugged: bool = False
    available: bool = True
    faulted: bool = False
    jammed: bool = False
    outage: Outage = Outage.NONE
    authorization: DriverAuthorization | None = None
    session: ChargingSession | None = None
    charged_this_plug: bool = False
    power_w: float = 0.0
    meter_wh: float = 0.0
    charging_since: datetime | None = None
    reported_status: str = field(default="Available")

    @property
    def busy(self) -> bool:
        """Whether somebody charges here, or is authorised to."""
        return self.session is not None or self.authorization is not None

    @property
    def operative(self) -> bool:
        """Whether it is neither faulted nor out of service. It may be restarting."""
        return self.available and not self.faulted

    @property
    def free(self) -> bool:
        """Whether a driver could begin to charge here now."""
        return self.operative and self.outage is Outage.NONE and not self.busy

    @property
    def flowing_w(self) -> float:
        """The power that flows now."""
        return self.power_w if self.charging_since else 0.0

    def meter_at(self, now: datetime) -> int:
        """The reading of the energy meter, in Wh."""
        if self.charging_since is None:
            return round(self.meter_wh)
        return round(
            self.meter_wh + (now - self.charging_since).total_seconds() * self.power_w / 3600
        )

    def stop_energy(self, now: datetime) -> None:
        """Energy flows no longer; the meter stays where it is."""
        self.meter_wh, self.charging_since = float(self.meter_at(now)), None

    def status(self, *, reserved: bool) -> str:
        """The connector's status in the words of OCPP 1.6; 2.x has fewer."""
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
    """The status of a connector has changed."""

    evse_id: int
    status: str


@dataclass(frozen=True)
class AwaitingCable:
    """A driver is authorised and must plug in before the connection timeout."""

    evse_id: int
    authorization: DriverAuthorization


@dataclass(frozen=True)
class ChargingSessionStarted:
    """A session began. `trigger`: the triggerReason of OCPP 2.x, also in the two events below."""

    session: ChargingSession
    trigger: str


@dataclass(frozen=True)
class ChargingSessionUpdated:
    """Something about a running session changed."""

    session: ChargingSession
    trigger: str


@dataclass(frozen=True)
class ChargingSessionEnded:
    """A session ended; `session.reason` says why. `token`: who ended it; None: unknown."""

    session: ChargingSession
    trigger: str
    token: DriverToken | None = None


@dataclass(frozen=True)
class Rebooting:
    """The station goes down and boots again.

    boot_reason: the reason in the next BootNotification (2.x).
    trigger, ending: triggerReason and reason of the sessions that end. `ending` None: sessions are
        suspended and go on after the boot.
    power_cut: it goes down at once and sends nothing before.
    commanded: the back end asked for it.
    """

    boot_reason: str
    trigger: str = "ResetCommand"
    ending: str | None = "ImmediateReset"
    power_cut: bool = False
    commanded: bool = True


@dataclass(frozen=True)
class EvseRestarting:
    """One EVSE restarts while the station stays up."""

    evse_id: int


@dataclass(frozen=True)
class PasswordChanged:
    """The back end gave the station another password: it connects again with that one."""

    password: str = field(repr=False)


@dataclass(frozen=True)
class ReservationHeld:
    """The station took a reservation; it lasts until its expiry."""

    reservation: SimulatedReservation


class ReservationEnding(StrEnum):
    """How a reservation ended by itself, in the words of OCPP 2.x. NO_TRANSACTION: only 2.1."""

    EXPIRED = "Expired"
    REMOVED = "Removed"
    NO_TRANSACTION = "NoTransaction"


@dataclass(frozen=True)
class SimulatedReservationEnded:
    """A reservation ended; neither its driver nor the back end ended it."""

    reservation_id: int
    how: ReservationEnding


Event = (
    StatusChanged
    | AwaitingCable
    | ChargingSessionStarted
    | ChargingSessionUpdated
    | ChargingSessionEnded
    | Rebooting
    | EvseRestarting
    | PasswordChanged
    | ReservationHeld
    | SimulatedReservationEnded
)


@dataclass(frozen=True)
class RemoteStart:
    """The result of a remote start. `running`: the session that was there before; None: none."""

    accepted: bool
    events: list[Event]
    running: ChargingSession | None = None
