"""OCPP's words that are the same in all versions."""

from collections.abc import Mapping

from station_gateway.dialects.messages import BootVerdict, TokenVerdict

TOKEN_WORDS: Mapping[TokenVerdict, str] = {
    TokenVerdict.ACCEPTED: "Accepted",
    TokenVerdict.BLOCKED: "Blocked",
    TokenVerdict.EXPIRED: "Expired",
    TokenVerdict.INVALID: "Invalid",
    TokenVerdict.CONCURRENT: "ConcurrentTx",
}

BOOT_WORDS: Mapping[BootVerdict, str] = {
    BootVerdict.ACCEPTED: "Accepted",
    BootVerdict.PENDING: "Pending",
    BootVerdict.REJECTED: "Rejected",
}
