"""The parts of our answers that are the same in all versions."""

from collections.abc import Mapping

from station_gateway.dialects import fields
from station_gateway.dialects.messages import (
    Booted,
    BootVerdict,
    Confirmation,
    HeartbeatSeen,
    NoticeSeen,
    Payload,
    StationCall,
    TokenVerdict,
    VendorDataSeen,
)

TOKEN_WORDS: Mapping[TokenVerdict, str] = {
    TokenVerdict.ACCEPTED: "Accepted",
    TokenVerdict.BLOCKED: "Blocked",
    TokenVerdict.EXPIRED: "Expired",
    TokenVerdict.INVALID: "Invalid",
    TokenVerdict.CONCURRENT: "ConcurrentTx",
    TokenVerdict.NOT_AT_THIS_TIME: "NotAtThisTime",
    TokenVerdict.NOT_AT_THIS_LOCATION: "NotAtThisLocation",
}

V16_TOKEN_WORDS: Mapping[TokenVerdict, str] = {
    **TOKEN_WORDS,
    TokenVerdict.NOT_AT_THIS_TIME: "Invalid",
    TokenVerdict.NOT_AT_THIS_LOCATION: "Invalid",
}
"""OCPP 1.6 has no words for a good token at the wrong time or place."""

BOOT_WORDS: Mapping[BootVerdict, str] = {
    BootVerdict.ACCEPTED: "Accepted",
    BootVerdict.PENDING: "Pending",
    BootVerdict.REJECTED: "Rejected",
}

ONE_EFFECT = frozenset(
    {
        "StartTransaction",
        "StopTransaction",
        "TransactionEvent",
        "ReservationStatusUpdate",
        "SecurityEventNotification",
    }
)
"""Reports that count once: a repeat gets the answer that the first one got. All other messages are
handled each time: a Heartbeat wants the present time, a status is news also under an old id."""

REFUSED_REQUESTS = frozenset(
    {
        "SignCertificate",  # no certificate authority stands behind the gateway
        "OpenPeriodicEventStream",  # nobody here reads streams of measurements
        "PullDynamicScheduleUpdate",  # nobody here makes dynamic schedules
    }
)
"""Notices that ask for a service that we do not offer: they are refused in their own words."""


def reply(call: StationCall, said: Confirmation) -> Payload:
    """The CALLRESULT payload for a message whose answer carries no judgement about a token."""
    match call:
        case HeartbeatSeen():
            return {"currentTime": fields.write_time(said.now)}
        case Booted():
            return {
                "status": BOOT_WORDS[said.boot],
                "currentTime": fields.write_time(said.now),
                "interval": said.interval_s,
            }
        case VendorDataSeen():
            return {"status": "UnknownVendorId"}
        case NoticeSeen() if call.action in REFUSED_REQUESTS:
            return {"status": "Rejected"}
        case _:
            return {}
