"""How odd reports of an OCPP 2.x station are taken."""

from collections.abc import Callable, Mapping

from station_gateway.dialects.mending import meters
from station_gateway.dialects.mending.mends import (
    Mending,
    MendKind,
    alone,
    as_text,
    first_of,
    number_id,
    words,
)
from station_gateway.dialects.messages import Payload
from station_gateway.dialects.printable import printable

_PHASES = words("Started", "Updated", "Ended")
_CHARGING = words("EVConnected", "Charging", "SuspendedEV", "SuspendedEVSE", "Idle")
_STATUS = words("Available", "Occupied", "Reserved", "Unavailable", "Faulted")
_HOLD_ENDS = words("Expired", "Removed", "NoTransaction")
_TRIGGERS = words(
    "Authorized",
    "CablePluggedIn",
    "ChargingRateChanged",
    "ChargingStateChanged",
    "Deauthorized",
    "EnergyLimitReached",
    "EVCommunicationLost",
    "EVConnectTimeout",
    "EVDeparted",
    "EVDetected",
    "MeterValueClock",
    "MeterValuePeriodic",
    "RemoteStart",
    "RemoteStop",
    "ResetCommand",
    "StopAuthorized",
    "TimeLimitReached",
    "Trigger",
    "UnlockCommand",
)
_STOPS = words(
    "DeAuthorized",
    "EmergencyStop",
    "EnergyLimitReached",
    "EVDisconnected",
    "GroundFault",
    "ImmediateReset",
    "Local",
    "LocalOutOfCredit",
    "MasterPass",
    "Other",
    "OvercurrentFault",
    "PowerLoss",
    "PowerQuality",
    "Reboot",
    "Remote",
    "SOCLimitReached",
    "StoppedByEV",
    "TimeLimitReached",
    "Timeout",
)
_TYPES = words(
    "Central",
    "eMAID",
    "ISO14443",
    "ISO15693",
    "KeyCode",
    "Local",
    "MacAddress",
    "NoAuthorization",
)


def _event(mending: Mending) -> str:
    """Without an id of the session an update or an end is of the one that runs; a start is not."""
    phase = mending.word("eventType", _PHASES)
    if phase not in _PHASES.values():
        return "eventType"
    mending.time("timestamp")
    mending.word("triggerReason", _TRIGGERS)
    if not mending.made.get("triggerReason"):
        mending.note(MendKind.FIELD_ABSENT, "triggerReason")
    if mending.id("seqNo") is None:
        mending.note(MendKind.FIELD_ABSENT, "seqNo")
    mending.flag("offline")
    mending.id("reservationId")
    _place(mending)
    token = _token(mending)
    if token is not None:
        mending.made["idToken"] = token
    meters.take(mending, "meterValue", float)
    info = _info(mending)
    mending.made["transactionInfo"] = info
    if not info["transactionId"] and phase == "Started":
        return "transactionInfo.transactionId"
    return ""


def _info(mending: Mending) -> Payload:
    """The facts of the session, also where they stand one level too high."""
    outer, given = mending.given, mending.object("transactionInfo")
    names = ("transactionId", "chargingState", "stoppedReason", "remoteStartId")
    inner = Mending({name: first_of((given.get(name), outer.get(name))) for name in names})
    if any(inner.given[name] is not None and name not in given for name in names):
        mending.note(MendKind.SHAPE, "transactionInfo")
    said = as_text(alone(inner.given["transactionId"])).strip()
    # An id that is too long to be kept whole names no session for certain.
    named = said if len(said) <= 255 and said.isprintable() else ""
    if named != inner.given["transactionId"] or len(named) > 36:
        mending.note(MendKind.SESSION_ID, "transactionInfo.transactionId")
    inner.word("chargingState", _CHARGING)
    inner.word("stoppedReason", _STOPS)
    inner.id("remoteStartId")
    for kind, field in inner.found.items():
        mending.note(kind, f"transactionInfo.{field}")
    return {**inner.made, "transactionId": named}


def _place(mending: Mending) -> None:
    """The EVSE, also where it is a bare number or stands one level too high."""
    value = alone(mending.given.get("evse"))
    if not isinstance(value, dict):
        value = {
            "id": first_of((value, mending.given.get("evseId"))),
            "connectorId": mending.given.get("connectorId"),
        }
        if value["id"] is not None:
            mending.note(MendKind.SHAPE, "evse")
    inner = Mending(value)
    inner.id("id")
    inner.id("connectorId")
    for kind in inner.found:
        mending.note(kind, "evse")
    if inner.made:
        mending.made["evse"] = inner.made


def _token(mending: Mending) -> Payload | None:
    """The token, also as a bare text. Its further values do not identify the driver."""
    if not mending.has("idToken"):
        return None
    value = alone(mending.given["idToken"])
    if not isinstance(value, dict):
        value = {"idToken": value}
        mending.note(MendKind.SHAPE, "idToken")
    inner = Mending(value)
    text = inner.text("idToken")
    inner.word("type", _TYPES)
    if not inner.made.get("type"):
        inner.note(MendKind.FIELD_ABSENT, "type")
    for kind, field in inner.found.items():
        mending.note(kind, f"idToken.{field}")
    no_token = inner.made.get("type") == "NoAuthorization"
    return {"idToken": text, **inner.made} if text or no_token else None


def _meter(mending: Mending) -> str:
    """Always taken."""
    mending.id("evseId")
    meters.take(mending, "meterValue", float)
    mending.made.setdefault("meterValue", [{"sampledValue": []}])
    return ""


def _status(mending: Mending) -> str:
    mending.time("timestamp")
    for key in ("evseId", "connectorId"):
        if mending.id(key) is None:
            return key
    return "" if mending.word("connectorStatus", _STATUS) else "connectorStatus"


def _boot(mending: Mending) -> str:
    inner = Mending(mending.object("chargingStation"))
    for key in ("vendorName", "model", "serialNumber", "firmwareVersion"):
        inner.text(key)
        if key in ("vendorName", "model") and key not in inner.made:
            mending.note(MendKind.FIELD_ABSENT, f"chargingStation.{key}")
    for kind, field in inner.found.items():
        mending.note(kind, f"chargingStation.{field}")
    mending.made["chargingStation"] = inner.made
    if not mending.text("reason"):
        mending.note(MendKind.FIELD_ABSENT, "reason")
    return ""


def _reservation_ended(mending: Mending) -> str:
    number = mending.id("reservationId")
    status = mending.word("reservationUpdateStatus", _HOLD_ENDS)
    return "reservationId" if number is None else "" if status else "reservationUpdateStatus"


def _authorize(mending: Mending) -> str:
    """What stands for a certificate stays: a token is not judged as if it had come alone."""
    token = _token(mending)
    for key in ("certificate", "iso15118CertificateHashData"):
        if mending.has(key):
            mending.made[key] = mending.given[key]
    if token is None:
        return "idToken"
    mending.made["idToken"] = token
    return ""


MENDERS: Mapping[str, Callable[[Mending], str]] = {
    "TransactionEvent": _event,
    "MeterValues": _meter,
    "StatusNotification": _status,
    "BootNotification": _boot,
    "ReservationStatusUpdate": _reservation_ended,
    "Authorize": _authorize,
}
"""By action: builds the payload anew. Returns the field that is missing for taking it, or ""."""


def subject_of(payload: Payload) -> tuple[int | None, str]:
    """EVSE and transaction id of a refused report; None and "" where it does not say."""
    evse, info = payload.get("evse"), payload.get("transactionInfo")
    place = evse.get("id") if isinstance(evse, dict) else payload.get("evseId")
    named = info.get("transactionId") if isinstance(info, dict) else payload.get("transactionId")
    return number_id(place), printable(as_text(named), 255)
