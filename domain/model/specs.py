"""What a caller can ask of a station: one spec per kind of command.

Times are aware datetimes in UTC. Absent means None. A bare number carries its unit in its name.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

S = TypeVar("S")


class Kind(StrEnum):
    """What is asked of a station."""

    START_SESSION = "START_SESSION"
    STOP_SESSION = "STOP_SESSION"
    UNLOCK_CONNECTOR = "UNLOCK_CONNECTOR"
    RESET = "RESET"
    RESERVE_NOW = "RESERVE_NOW"
    CANCEL_RESERVATION = "CANCEL_RESERVATION"


class OfflinePolicy(StrEnum):
    """What to do when the station is not connected."""

    FAIL_FAST = "FAIL_FAST"
    WAIT = "WAIT"


class ResetMode(StrEnum):
    """How a station restarts. What a version cannot do is refused by the broker."""

    SOFT = "SOFT"
    HARD = "HARD"
    ON_IDLE = "ON_IDLE"
    IMMEDIATE_AND_RESUME = "IMMEDIATE_AND_RESUME"


@dataclass(frozen=True)
class IdToken:
    """A driver's token without its value: nobody can read it from a history or a log.

    masked: at most the last four characters, for humans ("****1234").
    sealed: the value, encrypted; only the gateway opens it.
    digest: keyed digest of type and value, for comparing tokens.
    """

    type: str
    masked: str
    sealed: str
    digest: str


@dataclass(frozen=True)
class SchedulePeriod:
    """From `start_s` seconds after the session's start, at most `limit` (in the rate's unit)."""

    start_s: int
    limit: float
    number_phases: int | None = None


@dataclass(frozen=True)
class ChargingProfile:
    """Limits for the session that is being started (OCPP's TxProfile)."""

    rate_unit: str  # "W" or "A"
    periods: tuple[SchedulePeriod, ...]
    stack_level: int = 0
    profile_kind: str = "Relative"  # or "Absolute"
    start_schedule: datetime | None = None
    duration_s: int | None = None
    min_charging_rate: float | None = None


@dataclass(frozen=True)
class StartSpec:
    """What StartSession asked for. `evse_id` None: any EVSE."""

    id_token: IdToken
    evse_id: int | None = None
    connector_id: int | None = None
    group_id_token: IdToken | None = None
    reservation: str | None = None
    charging_profile: ChargingProfile | None = None


@dataclass(frozen=True)
class StopSpec:
    """What StopSession asked for (exactly one of the targets), and what the broker found for it.

    The targets are echoed as given. `found_ocpp_transaction_id` goes to the station;
    `found_transaction` is the transaction's id of ours (part of its resource name), None when
    we never heard of it.
    """

    transaction: str | None = None
    start_command: str | None = None
    evse_id: int | None = None
    id_token: IdToken | None = None
    reservation: str | None = None
    ocpp_transaction_id: str | None = None
    found_ocpp_transaction_id: str = ""
    found_transaction: str | None = None


@dataclass(frozen=True)
class UnlockSpec:
    """What UnlockConnector asked for. `evse_id` None: the connector's number names the EVSE.

    connector_id: 0 only until the broker has found the one connector of the EVSE.
    """

    connector_id: int
    evse_id: int | None = None
    stop_first: bool = False

    @property
    def on_evse(self) -> int:
        """The EVSE of the connector."""
        return self.connector_id if self.evse_id is None else self.evse_id

    @property
    def on_connector(self) -> int:
        """The connector's number on its EVSE."""
        return 1 if self.evse_id is None else self.connector_id


@dataclass(frozen=True)
class ResetSpec:
    """What Reset asked for. `evse_id` None: the whole station."""

    mode: ResetMode
    evse_id: int | None = None


@dataclass(frozen=True)
class ReserveSpec:
    """What ReserveNow asked for, and what the broker made for it. `evse_id` None: any EVSE.

    expire_time: the end of the reservation; computed when `ttl_s` was given.
    reservation: our id of the reservation (part of its resource name). wire_id: the station's,
    minted by the broker; no other one at this station has it.
    """

    id_token: IdToken
    expire_time: datetime
    evse_id: int | None = None
    connector_id: int | None = None
    connector_type: str = ""
    group_id_token: IdToken | None = None
    ttl_s: float | None = None
    reservation: str = ""
    wire_id: int = 0


@dataclass(frozen=True)
class CancelReservationSpec:
    """What CancelReservation asked for, and what the broker found for it.

    reservation: as given; None when the request named the station and its own id.
    found_reservation: our id of the reservation, None when we never heard of it.
    """

    wire_id: int
    reservation: str | None = None
    found_reservation: str | None = None
    reason: str = ""


Spec = StartSpec | StopSpec | UnlockSpec | ResetSpec | ReserveSpec | CancelReservationSpec


@dataclass(frozen=True, kw_only=True)
class CommandSpecs:
    """One field for the spec of each kind. Only that of the command's kind is set."""

    start: StartSpec | None = None
    stop: StopSpec | None = None
    unlock: UnlockSpec | None = None
    reset: ResetSpec | None = None
    reserve: ReserveSpec | None = None
    cancel_reservation: CancelReservationSpec | None = None


SPEC_PLACES: dict[Kind, str] = {
    Kind.START_SESSION: "start",
    Kind.STOP_SESSION: "stop",
    Kind.UNLOCK_CONNECTOR: "unlock",
    Kind.RESET: "reset",
    Kind.RESERVE_NOW: "reserve",
    Kind.CANCEL_RESERVATION: "cancel_reservation",
}
"""The field of `CommandSpecs` that holds the spec of a kind."""


def required(spec: S | None) -> S:
    """The spec of a command's kind, which each command of that kind has.

    Raises: ValueError when the command has none: whoever made it filled in another kind's spec.
    """
    if spec is None:
        raise ValueError("the command has no spec of its kind")
    return spec


def specs_of(source: CommandSpecs) -> dict[str, Any]:
    """Every spec field of `source` by its name, to copy them into another object."""
    return {place: getattr(source, place) for place in SPEC_PLACES.values()}


def only_spec(kind: Kind, spec: Spec) -> dict[str, Any]:
    """All spec fields by name: `spec` for this kind, None for the others."""
    return {**dict.fromkeys(SPEC_PLACES.values()), SPEC_PLACES[kind]: spec}
