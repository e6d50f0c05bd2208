"""Readers of the messages that have the same fields in all versions, and the choice of a reader."""

from collections.abc import Callable, Mapping
from datetime import datetime

from station_gateway.dialects import fields
from station_gateway.dialects.messages import (
    CallRefused,
    HeartbeatSeen,
    NoticeSeen,
    Payload,
    SecurityEventSeen,
    StationCall,
    VendorDataSeen,
)

Reader = Callable[[Payload, datetime], StationCall]


def read(
    readers: Mapping[str, Reader], action: str, payload: Payload, now: datetime
) -> StationCall:
    """Read a message with the reader of its action.

    Raises:
        CallRefused: a value is out of all bounds, or the action is not handled.
    """
    reader = readers.get(action)
    if reader is None:
        raise CallRefused("NotImplemented", "action is not known")
    return reader(payload, now)


def notices(*actions: str) -> dict[str, Reader]:
    """Readers of messages that are confirmed and not kept."""
    return {action: _notice(action) for action in actions}


def _notice(action: str) -> Reader:
    return lambda payload, _now: NoticeSeen(
        action, fields.text(payload, "status", 50), payload.get("tbc", False) is True
    )


def _heartbeat(payload: Payload, now: datetime) -> HeartbeatSeen:  # noqa: ARG001
    return HeartbeatSeen()


def _vendor_data(payload: Payload, now: datetime) -> VendorDataSeen:  # noqa: ARG001
    return VendorDataSeen(
        fields.text(payload, "vendorId", 255), fields.text(payload, "messageId", 50)
    )


def _security_event(payload: Payload, now: datetime) -> SecurityEventSeen:
    return SecurityEventSeen(
        event=fields.text(payload, "type", 50),
        time=fields.read_time(payload["timestamp"], now),
        info=fields.text(payload, "techInfo", 255),
    )


SAME_EVERYWHERE: Mapping[str, Reader] = {
    "Heartbeat": _heartbeat,
    "DataTransfer": _vendor_data,
    "SecurityEventNotification": _security_event,
    **notices("FirmwareStatusNotification", "LogStatusNotification", "SignCertificate"),
}
"""The readers that every version has."""
