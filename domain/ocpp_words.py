"""OCPP's words that the rules read, and what each OCPP version can express.

A station's own words travel as plain strings: a station may say anything, and a client sees what it
said. The enums name the few words that decide something. They compare equal to the strings. No
other file of `domain/` or `journal/` spells an OCPP word.

`CAPABILITIES` is the one table of what the versions differ in, for the broker, the dialects and the
rules. OCPP 1.6 and 2.x have different words for the same thing in places; both stand here.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from domain.model.specs import ResetMode


class ConnectorStatus(StrEnum):
    """The status of a connector (StatusNotification). OCPP 2.x has OCCUPIED for what 1.6 tells
    apart: a car that is plugged in, and one that charges."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    FINISHING = "Finishing"
    OCCUPIED = "Occupied"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


KNOWN_STATUSES = frozenset(map(str, ConnectorStatus))
"""All status words of a connector. A station may show another one: then nobody knows."""

NO_TRANSACTION_ID = "-1"
"""In place of the id of a 1.6 session to which another back end (CSMS) has given none yet."""


def told_id(ocpp_transaction_id: str) -> str:
    """OCPP's id of a session as it is shown; empty while there is none.

    The row of a session whose id another one has now is renamed: its id, "~" and a number. Nobody
    outside knows that name, and no station does: what it had is shown. OCPP has no "~" in an id.
    """
    had, _, row = ocpp_transaction_id.rpartition("~")
    told = had if had and row.isdecimal() else ocpp_transaction_id
    return "" if told == NO_TRANSACTION_ID else told


RUNNING = frozenset(
    {ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE}
)
"""The status words of a connector whose session runs (OCPP 1.6)."""

IN_SESSION = RUNNING | {ConnectorStatus.FINISHING}
"""The status words of a connector that has, or just had, a session (OCPP 1.6)."""

IN_USE = IN_SESSION | {ConnectorStatus.PREPARING, ConnectorStatus.OCCUPIED}
"""The status words of a connector where somebody is, in the words of all versions."""


class StopReason(StrEnum):
    """Why a transaction ended, as far as it says something about a command.

    The first ones are those of a driver, the last ones those of a restart.
    """

    LOCAL = "Local"
    EV_DISCONNECTED = "EVDisconnected"

    DE_AUTHORIZED = "DeAuthorized"
    REMOTE = "Remote"
    TIMEOUT = "Timeout"
    IMMEDIATE_RESET = "ImmediateReset"
    SOFT_RESET = "SoftReset"
    HARD_RESET = "HardReset"
    REBOOT = "Reboot"


RESET_REASONS = frozenset(
    {
        StopReason.IMMEDIATE_RESET,
        StopReason.SOFT_RESET,
        StopReason.HARD_RESET,
        StopReason.REBOOT,
    }
)
"""Why a transaction ended when its station was restarted, in the words of all versions."""


class BootReason(StrEnum):
    """Why a station booted (OCPP 2.x; 1.6 gives no reason)."""

    REMOTE_RESET = "RemoteReset"
    SCHEDULED_RESET = "ScheduledReset"
    TRIGGERED = "Triggered"


class ChargingState(StrEnum):
    """How far a transaction is (OCPP 2.x). IDLE: it is open, and no car is connected.

    EV_CONNECTED: a car is connected and gets no energy. CHARGING: energy flows, so somebody has
    authorised it.
    """

    IDLE = "Idle"
    EV_CONNECTED = "EVConnected"
    CHARGING = "Charging"


NOT_CHARGING = frozenset({ChargingState.IDLE, ChargingState.EV_CONNECTED})
"""The states of a transaction that nobody charges in: not yet, or no longer (OCPP 2.x)."""


class TransactionPhase(StrEnum):
    """Which part of a transaction a message tells of (OCPP 2.x: eventType)."""

    STARTED = "Started"
    ENDED = "Ended"


class ReservationReport(StrEnum):
    """What a station tells about the end of a reservation (OCPP 2.x: ReservationStatusUpdate)."""

    EXPIRED = "Expired"
    REMOVED = "Removed"
    NO_TRANSACTION = "NoTransaction"


NO_ERROR = "NoError"
"""The error code of a connector without an error (OCPP 1.6)."""

GROUP_TYPE = "Central"
"""The type of the token that stands for a group of drivers: the central system made it."""


class StationMessage(StrEnum):
    """The messages of a station that wake a command, by their names in OCPP."""

    BOOT_NOTIFICATION = "BootNotification"
    METER_VALUES = "MeterValues"
    RESERVATION_STATUS_UPDATE = "ReservationStatusUpdate"
    START_TRANSACTION = "StartTransaction"
    STATUS_NOTIFICATION = "StatusNotification"
    NOTIFY_EVENT = "NotifyEvent"
    STOP_TRANSACTION = "StopTransaction"
    TRANSACTION_EVENT = "TransactionEvent"


class UnlockAnswer(StrEnum):
    """The words of an answer to UnlockConnector that are more than a yes."""

    UNLOCK_FAILED = "UnlockFailed"
    SESSION_RUNNING = "OngoingAuthorizedTransaction"
    UNKNOWN_CONNECTOR = "UnknownConnector"


class ReserveAnswer(StrEnum):
    """The words of an answer to ReserveNow that say why the EVSE cannot be reserved."""

    OCCUPIED = "Occupied"
    FAULTED = "Faulted"
    UNAVAILABLE = "Unavailable"


@dataclass(frozen=True)
class Capabilities:
    """What one version of OCPP has words for.

    id_token_chars: the longest token that fits into a frame.
    any_token_type: the type of a token is free text; else it is one of the version's own words.
    reset_modes: which restarts can be asked for. resets_evse: also of one EVSE alone.
    several_connectors: an EVSE may have more than one connector.
    connector_types: a reservation may name a type of connector.
    numeric_transaction_ids: transactions have ids of 32 bits, minted by the central system.
    names_requests: a session names the request of ours that it came from (remoteStartId).
    transaction_status: the station can be asked about a transaction (GetTransactionStatus).
    reservation_ends_at_token: a reservation ends at the station when its token is shown, before the
        plug is in. Else it ends when the session starts.
    extended_frames: CALLRESULTERROR (type 5) and SEND (type 6) exist.
    large_messages: stations send reports of their configuration (NotifyReport), which are large.
    binary_passwords: a station is given its password (Basic authentication) as bytes, else as text.
    longest_password: how many bytes, or characters, it has at most.
    """

    id_token_chars: int
    any_token_type: bool
    reset_modes: frozenset[ResetMode]
    resets_evse: bool
    several_connectors: bool
    connector_types: bool
    numeric_transaction_ids: bool
    names_requests: bool
    transaction_status: bool
    reservation_ends_at_token: bool
    extended_frames: bool
    large_messages: bool
    binary_passwords: bool
    longest_password: int


_V16 = Capabilities(
    id_token_chars=20,
    any_token_type=True,
    reset_modes=frozenset({ResetMode.SOFT, ResetMode.HARD}),
    resets_evse=False,
    several_connectors=False,
    connector_types=False,
    numeric_transaction_ids=True,
    names_requests=False,
    transaction_status=False,
    reservation_ends_at_token=False,
    extended_frames=False,
    large_messages=False,
    binary_passwords=True,
    longest_password=20,
)
_V201 = Capabilities(
    id_token_chars=36,
    any_token_type=False,
    reset_modes=frozenset({ResetMode.SOFT, ResetMode.HARD, ResetMode.ON_IDLE}),
    resets_evse=True,
    several_connectors=True,
    connector_types=True,
    numeric_transaction_ids=False,
    names_requests=True,
    transaction_status=True,
    reservation_ends_at_token=True,
    extended_frames=False,
    large_messages=True,
    binary_passwords=False,
    longest_password=40,
)
_V21 = Capabilities(
    id_token_chars=255,
    any_token_type=True,
    reset_modes=frozenset(ResetMode),
    resets_evse=True,
    several_connectors=True,
    connector_types=True,
    numeric_transaction_ids=False,
    names_requests=True,
    transaction_status=True,
    reservation_ends_at_token=True,
    extended_frames=True,
    large_messages=True,
    binary_passwords=False,
    longest_password=40,
)

CAPABILITIES: dict[str, Capabilities] = {"1.6": _V16, "2.0.1": _V201, "2.1": _V21}
"""By OCPP version, as in `Station.ocpp_version`."""


def capabilities_of(ocpp_version: str) -> Capabilities | None:
    """What the version has words for.

    None while the station's version is not known, or when this project does not speak it. A rule
    then takes the cautious side: nothing is expected of the station that it may not have.
    """
    return CAPABILITIES.get(ocpp_version)


SHORTEST_PASSWORD = 16
"""How many bytes, or characters, a station's password for Basic authentication has at least."""

_HEX = re.compile("(?:[0-9A-Fa-f]{2}){8,}")


def password_bytes(password: str) -> bytes:
    """The password where a station is given bytes: hexadecimal digits stand for theirs."""
    return bytes.fromhex(password) if _HEX.fullmatch(password) else password.encode()


def password_fits(password: str, able: Capabilities) -> bool:
    """Whether a station of this version can be given the password."""
    length = len(password_bytes(password) if able.binary_passwords else password)
    return SHORTEST_PASSWORD <= length <= able.longest_password
