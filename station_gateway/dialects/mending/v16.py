"""How odd reports of an OCPP 1.6 station are taken."""

from collections.abc import Callable, Mapping

from station_gateway.dialects.mending import meters
from station_gateway.dialects.mending.mends import (
    Mending,
    MendKind,
    clean_token,
    number_id,
    words,
)
from station_gateway.dialects.messages import Payload

_STATUS = words(
    "Available",
    "Preparing",
    "Charging",
    "SuspendedEVSE",
    "SuspendedEV",
    "Finishing",
    "Reserved",
    "Unavailable",
    "Faulted",
)
_REASONS = words(
    "EmergencyStop",
    "EVDisconnected",
    "HardReset",
    "Local",
    "Other",
    "PowerLoss",
    "Reboot",
    "Remote",
    "SoftReset",
    "UnlockCommand",
    "DeAuthorized",
)


def _started(mending: Mending) -> str:
    """Taken when it tells a place or a token. Without a connector its place is not known: 0."""
    mending.energy("meterStart")
    mending.time("timestamp")
    mending.id("reservationId")
    _token(mending)
    if mending.id("connectorId") is None:
        mending.made["connectorId"] = 0
        mending.note(MendKind.FIELD_ABSENT, "connectorId")
        return "" if clean_token(mending.made["idTag"]) else "connectorId"
    return ""


def _stopped(mending: Mending) -> str:
    """Always taken: without a usable id it is the one running session that is meant."""
    mending.energy("meterStop")
    mending.time("timestamp")
    if mending.has("idTag"):
        _token(mending)
    mending.word("reason", _REASONS)
    if mending.id("transactionId", MendKind.SESSION_ID) is None:
        mending.made["transactionId"] = 0
        mending.note(MendKind.SESSION_ID, "transactionId")
    meters.take(mending, "transactionData", str)
    return ""


def _token(mending: Mending) -> None:
    """A tag; "" when there is none: then it is nobody's."""
    text = mending.text("idTag")
    mending.made["idTag"] = text
    if not text:
        mending.note(MendKind.FIELD_ABSENT, "idTag")


def _meter(mending: Mending) -> str:
    """Always taken."""
    mending.id("connectorId")
    if mending.has("transactionId"):
        mending.id("transactionId", MendKind.SESSION_ID)
    meters.take(mending, "meterValue", str)
    mending.made.setdefault("meterValue", [{"sampledValue": []}])
    return ""


def _status(mending: Mending) -> str:
    place = mending.id("connectorId")
    status = mending.word("status", _STATUS)
    mending.text("errorCode")
    mending.text("info")
    mending.time("timestamp", needed=False)
    return "connectorId" if place is None else "" if status else "status"


def _boot(mending: Mending) -> str:
    for key in (
        "chargePointVendor",
        "chargePointModel",
        "chargePointSerialNumber",
        "chargeBoxSerialNumber",
        "firmwareVersion",
    ):
        mending.text(key)
    for key in ("chargePointVendor", "chargePointModel"):
        if key not in mending.made:
            mending.note(MendKind.FIELD_ABSENT, key)
    return ""


def _authorize(mending: Mending) -> str:
    _token(mending)
    return "" if clean_token(mending.made["idTag"]) else "idTag"


MENDERS: Mapping[str, Callable[[Mending], str]] = {
    "StartTransaction": _started,
    "StopTransaction": _stopped,
    "MeterValues": _meter,
    "StatusNotification": _status,
    "BootNotification": _boot,
    "Authorize": _authorize,
}
"""By action: builds the payload anew. Returns the field that is missing for taking it, or ""."""


def subject_of(payload: Payload) -> tuple[int | None, str]:
    """EVSE and transaction id of a refused report; None and "" where it does not say."""
    named = number_id(payload.get("transactionId"))
    return number_id(payload.get("connectorId")), str(named) if named else ""
