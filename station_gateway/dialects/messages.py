"""What stations say and what we say back, in the domain's words and without an OCPP version.

`read_call` of a dialect makes one of the classes of `StationCall` from a station's CALL; `reply`
makes the payload of the answer from a `Confirmation`. Everything in these classes is bounded and
clean: strings are printable and cut at the length that the standard gives, numbers fit into 32 bits
(meter readings into 64), times are aware UTC and within the window of `fields.read_time`. Messages
that tell facts have `mended`: the kinds of mends that were needed to read them.

The classes are msgspec structs: making one takes a quarter of the time of a frozen dataclass, and
one is made for every message.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from domain.model.answers import CallError

Payload = dict[str, Any]
"""A payload as it stands on the wire: camelCase keys, JSON values."""

OutgoingCall = tuple[str, Payload]
"""Action and payload of a CALL of ours."""


class Unreadable(msgspec.Struct, frozen=True):
    """An answer of the station that cannot be understood. `reason` never echoes the payload."""

    reason: str


Answer = Payload | CallError | Unreadable
"""What came back for a CALL of ours: a CALLRESULT's payload, a CALLERROR, or neither."""


class QuestionAnswer(msgspec.Struct, frozen=True):
    """What the station answered to a read-only question of ours. None: it did not say.

    ongoing: the transaction is running (2.x).
    messages_in_queue: the station still holds messages about it that it will send (2.x).
    detail: the station's own word.
    """

    ongoing: bool | None = None
    messages_in_queue: bool | None = None
    detail: str = ""


class CallRefused(Exception):
    """The station's CALL cannot be taken: answer it with this CALLERROR.

    code: in the spelling of the dialect that raised it.
    """

    def __init__(self, code: str, description: str = "") -> None:
        super().__init__(code, description)
        self.code = code
        self.description = description


class Unsendable(ValueError):
    """The command cannot be said in this OCPP version; nothing may be sent.

    The message names the field and the limit, never the value.
    """


class TokenVerdict(StrEnum):
    """What a token may do, as the Authorizer judged it.

    NOT_JUDGED: another back end (CSMS) judges it, and has not. That is never said to a station.
    """

    ACCEPTED = "ACCEPTED"
    BLOCKED = "BLOCKED"
    EXPIRED = "EXPIRED"
    INVALID = "INVALID"
    CONCURRENT = "CONCURRENT"
    NOT_AT_THIS_TIME = "NOT_AT_THIS_TIME"
    NOT_AT_THIS_LOCATION = "NOT_AT_THIS_LOCATION"
    NOT_JUDGED = "NOT_JUDGED"


class Authorization(msgspec.Struct, frozen=True):
    """The judgement about one token. `group`: the value of its parent (1.6) or group token."""

    verdict: TokenVerdict
    group: str | None = None
    group_type: str = "Central"
    expire_time: datetime | None = None


class BootVerdict(StrEnum):
    """The answer to a BootNotification."""

    ACCEPTED = "ACCEPTED"
    PENDING = "PENDING"
    REJECTED = "REJECTED"


class Confirmation(msgspec.Struct, frozen=True):
    """What a reply is made from; each message takes the fields that its answer has.

    authorization: required for Authorize and StartTransaction; None where no token came.
    ocpp_transaction_id: StartTransaction of 1.6 only; 0 when the start was refused.
    interval_s: heartbeat interval when the boot is accepted, else when to boot again.
    """

    now: datetime
    authorization: Authorization | None = None
    ocpp_transaction_id: int = 0
    boot: BootVerdict = BootVerdict.ACCEPTED
    interval_s: int = 300


class StationTime(msgspec.Struct, frozen=True):
    """When something happened: the station's time, or our time when that is not believable.

    suspect: `time` is ours. raw_skew_s: the station's time minus ours, None when the station's time
    could not be read. zoned: it named its offset from UTC.
    offset_s: how far the station's clock is ahead, when `time` was corrected by it; 0: it was not.
    written: what the station wrote, when `time` was corrected.
    slack_s: by how much later than `time` it was at most; None: the clock is not known.
    lead_s: how far `time` is still ahead of our clock, as far as that is known; None: it is not.
    """

    time: datetime
    suspect: bool = False
    raw_skew_s: float | None = None
    zoned: bool = True
    offset_s: float = 0.0
    written: datetime | None = None
    slack_s: float | None = None
    lead_s: float | None = None


class TokenSeen(msgspec.Struct, frozen=True):
    """A token as the station sent it. `type` is None on 1.6, which has no types.

    cleaned: something was taken away around it, or made visible in it.
    answered: what another back end (CSMS) said of it; None: it is ours to judge.
    """

    value: str
    type: str | None = None
    cleaned: bool = False
    answered: Authorization | None = None


class Booted(msgspec.Struct, frozen=True):
    """BootNotification. `answered`: what another back end answered; None: it is ours to answer."""

    vendor: str
    model: str
    serial_number: str = ""
    firmware_version: str = ""
    reason: str = ""
    mended: tuple[str, ...] = ()
    answered: BootVerdict | None = None


class HeartbeatSeen(msgspec.Struct, frozen=True):
    """Heartbeat."""


class ConnectorStatusSeen(msgspec.Struct, frozen=True):
    """StatusNotification. EVSE 0 is the station itself. `status` is the station's own word.

    by_event: it was told in a NotifyEvent instead.
    """

    evse_id: int
    connector_id: int
    status: str
    time: StationTime
    error_code: str = ""
    info: str = ""
    mended: tuple[str, ...] = ()
    by_event: bool = False


class AvailabilitySeen(msgspec.Struct, frozen=True):
    """NotifyEvent that tells the state of connectors, each of them once and its newest."""

    connectors: tuple[ConnectorStatusSeen, ...]


class AuthorizationAsked(msgspec.Struct, frozen=True):
    """Authorize. certificate: it also asks about a contract's certificate, which nobody checks.

    asked_time: when it was read, by our clock.
    """

    token: TokenSeen
    asked_time: datetime
    certificate: bool = False
    mended: tuple[str, ...] = ()


class SessionStarted(msgspec.Struct, frozen=True):
    """StartTransaction (1.6). The answer must carry the transaction id that we mint.

    meter_start_wh: None when the station told none.
    given_id: the id that another back end gave, 0 when it gave none; None: it is ours to mint.
    given_late: it was given when the station may have waited for it no longer.
    """

    evse_id: int
    connector_id: int
    token: TokenSeen
    meter_start_wh: int | None
    time: StationTime
    reservation_id: int | None = None
    meter_suspect: bool = False
    mended: tuple[str, ...] = ()
    given_id: int | None = None
    given_late: bool = False


class SessionStopped(msgspec.Struct, frozen=True):
    """StopTransaction (1.6).

    ocpp_transaction_id: as text; `id_known` is False for 0 and -1: the station never got ours.
    meter_stop_wh: None when the station told none.
    """

    ocpp_transaction_id: str
    id_known: bool
    meter_stop_wh: int | None
    time: StationTime
    token: TokenSeen | None = None
    reason: str = "Local"
    meter_suspect: bool = False
    mended: tuple[str, ...] = ()


class SessionEvent(msgspec.Struct, frozen=True):
    """TransactionEvent (2.x). `event_type` is Started, Updated or Ended.

    ocpp_transaction_id: "" when it could not be read: an update or an end of the one that runs.
    token_follows: it carries a token, which is told when another back end has judged it.
    """

    event_type: str
    ocpp_transaction_id: str
    seq_no: int
    trigger: str
    time: StationTime
    offline: bool = False
    evse_id: int | None = None
    connector_id: int | None = None
    token: TokenSeen | None = None
    remote_start_id: int | None = None
    reservation_id: int | None = None
    charging_state: str = ""
    stop_reason: str = ""
    meter_wh: int | None = None
    mended: tuple[str, ...] = ()
    token_follows: bool = False


class MeterRead(msgspec.Struct, frozen=True):
    """MeterValues.

    evse_id: None when the station did not say. ocpp_transaction_id: only on 1.6.
    meter_wh: None without an energy register among the values. power_w: of the newest one; None
    without a power among it.
    """

    evse_id: int | None
    time: StationTime
    ocpp_transaction_id: str | None = None
    meter_wh: int | None = None
    power_w: float | None = None
    mended: tuple[str, ...] = ()


class VendorDataSeen(msgspec.Struct, frozen=True):
    """DataTransfer. The reply says that no vendor is known here."""

    vendor_id: str
    message_id: str = ""


class ReservationEndReported(msgspec.Struct, frozen=True):
    """ReservationStatusUpdate (2.x): Expired, Removed."""

    reservation_id: int
    status: str
    mended: tuple[str, ...] = ()


class SecurityEventSeen(msgspec.Struct, frozen=True):
    """SecurityEventNotification."""

    event: str
    time: StationTime
    info: str = ""


class NoticeSeen(msgspec.Struct, frozen=True):
    """A message that is confirmed, and not kept.

    FirmwareStatusNotification, DiagnosticsStatusNotification, LogStatusNotification (`status`),
    NotifyReport and NotifyEvent (`status` is "" and `more` says whether parts follow), and
    SignCertificate, which is refused in its own words.
    """

    action: str
    status: str = ""
    more: bool = False


StationCall = (
    Booted
    | HeartbeatSeen
    | ConnectorStatusSeen
    | AvailabilitySeen
    | AuthorizationAsked
    | SessionStarted
    | SessionStopped
    | SessionEvent
    | MeterRead
    | VendorDataSeen
    | ReservationEndReported
    | SecurityEventSeen
    | NoticeSeen
)
"""Every message of a station that is handled."""
