"""What a client asked for, after validation and conversion: dataclasses, token values included.

Token values live here only until they are sealed; they never show in a repr.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.model.command import Callback, WaitFor
from domain.model.specs import ChargingProfile, Kind, OfflinePolicy, ResetMode


@dataclass(frozen=True)
class PlainToken:
    """A token as it came. `type` in OCPP 2.0.1's words."""

    type: str
    value: str = field(repr=False)


@dataclass(frozen=True)
class Options:
    """CommandOptions. None: the kind's default."""

    wait_for: WaitFor = WaitFor.STATION_ANSWER
    not_after: datetime | None = None
    offline_policy: OfflinePolicy | None = None
    labels: dict[str, str] = field(default_factory=dict)
    callback: Callback | None = None


@dataclass(frozen=True)
class StartAsk:
    """StartSession. `request_id` None: the broker makes one."""

    station: str
    id_token: PlainToken
    evse_id: int | None = None
    connector_id: int | None = None
    group_id_token: PlainToken | None = None
    reservation: str | None = None
    charging_profile: ChargingProfile | None = None
    request_id: str | None = None
    options: Options = field(default_factory=Options)

    @property
    def kind(self) -> Kind:
        """What is asked of the station."""
        return Kind.START_SESSION


@dataclass(frozen=True)
class StopAsk:
    """StopSession. Exactly one target is not None; names are as the client gave them."""

    station: str | None = None
    transaction: str | None = None
    start_command: str | None = None
    evse_id: int | None = None
    id_token: PlainToken | None = None
    reservation: str | None = None
    transaction_id: str | None = None
    request_id: str | None = None
    options: Options = field(default_factory=Options)

    @property
    def kind(self) -> Kind:
        """What is asked of the station."""
        return Kind.STOP_SESSION


@dataclass(frozen=True)
class UnlockAsk:
    """UnlockConnector. `evse_id` None: the connector's number names the EVSE."""

    station: str
    connector_id: int
    evse_id: int | None = None
    stop_first: bool = False
    request_id: str | None = None
    options: Options = field(default_factory=Options)

    @property
    def kind(self) -> Kind:
        """What is asked of the station."""
        return Kind.UNLOCK_CONNECTOR


@dataclass(frozen=True)
class ResetAsk:
    """Reset. `evse_id` None: the whole station."""

    station: str
    mode: ResetMode
    evse_id: int | None = None
    request_id: str | None = None
    options: Options = field(default_factory=Options)

    @property
    def kind(self) -> Kind:
        """What is asked of the station."""
        return Kind.RESET


@dataclass(frozen=True)
class ReserveAsk:
    """ReserveNow. Exactly one of `expire_time` and `ttl` is not None."""

    station: str
    id_token: PlainToken
    expire_time: datetime | None = None
    ttl: timedelta | None = None
    evse_id: int | None = None
    connector_id: int | None = None
    connector_type: str = ""
    group_id_token: PlainToken | None = None
    request_id: str | None = None
    options: Options = field(default_factory=Options)

    @property
    def kind(self) -> Kind:
        """What is asked of the station."""
        return Kind.RESERVE_NOW


@dataclass(frozen=True)
class CancelReservationAsk:
    """CancelReservation: of a reservation by its name, or of a station by the station's number."""

    reservation: str | None = None
    station: str | None = None
    wire_id: int = 0
    reason: str = ""
    request_id: str | None = None
    options: Options = field(default_factory=Options)

    @property
    def kind(self) -> Kind:
        """What is asked of the station."""
        return Kind.CANCEL_RESERVATION


Ask = StartAsk | StopAsk | UnlockAsk | ResetAsk | ReserveAsk | CancelReservationAsk
