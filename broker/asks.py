"""What a client asked for, after validation and conversion: dataclasses, token values included.

Token values live here only until they are sealed; they never show in a repr.
"""

from dataclasses import dataclass, field
from datetime import datetime

from workflows.domain.model import Callback, ChargingProfile, Kind, OfflinePolicy, WaitFor


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


Ask = StartAsk | StopAsk
