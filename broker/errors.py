"""Every error that a call can end with: a stable reason and its status code.

A reason belongs to exactly one status code. Messages name the thing and the remedy, and repeat
nothing of what the client sent but names of things. `broker.proto.error_details` writes them.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import grpc

from broker.places import ShareTaken

_MESSAGE_LIMIT = 1_000


class Reason(StrEnum):
    """Why a call ended with an error. The words are stable: clients branch on them."""

    INVALID_REQUEST = "INVALID_REQUEST"
    PAGE_TOKEN_INVALID = "PAGE_TOKEN_INVALID"  # noqa: S105  the name of a reason
    RESUME_TOKEN_INVALID = "RESUME_TOKEN_INVALID"  # noqa: S105  the name of a reason
    NOT_A_START_COMMAND = "NOT_A_START_COMMAND"

    STATION_NOT_FOUND = "STATION_NOT_FOUND"
    COMMAND_NOT_FOUND = "COMMAND_NOT_FOUND"
    TRANSACTION_NOT_FOUND = "TRANSACTION_NOT_FOUND"
    RESERVATION_NOT_FOUND = "RESERVATION_NOT_FOUND"
    TOKEN_NOT_FOUND = "TOKEN_NOT_FOUND"  # noqa: S105  the name of a reason
    NO_RUNNING_SESSION = "NO_RUNNING_SESSION"
    DELIVERY_NOT_FOUND = "DELIVERY_NOT_FOUND"
    POOL_NOT_FOUND = "POOL_NOT_FOUND"
    BOOKING_NOT_FOUND = "BOOKING_NOT_FOUND"
    BOOKING_POLICY_NOT_FOUND = "BOOKING_POLICY_NOT_FOUND"
    BOOKING_SERIES_NOT_FOUND = "BOOKING_SERIES_NOT_FOUND"
    WAITLIST_ENTRY_NOT_FOUND = "WAITLIST_ENTRY_NOT_FOUND"

    AMBIGUOUS_TARGET = "AMBIGUOUS_TARGET"
    START_NOT_FINAL = "START_NOT_FINAL"
    NOT_POSSIBLE_ON_STATION = "NOT_POSSIBLE_ON_STATION"
    STATION_BUSY = "STATION_BUSY"
    SECURITY_PROFILE_ONLY_RAISED = "SECURITY_PROFILE_ONLY_RAISED"
    STATION_NOT_REGISTERED = "STATION_NOT_REGISTERED"
    PASSWORD_ROTATION_OPEN = "PASSWORD_ROTATION_OPEN"  # noqa: S105  the name of a reason
    RESERVATION_NOT_HELD = "RESERVATION_NOT_HELD"
    RESERVATION_ENDED = "RESERVATION_ENDED"
    CALLBACK_SECRET_MISSING = "CALLBACK_SECRET_MISSING"  # noqa: S105  the name of a reason
    CALLBACKS_DISABLED = "CALLBACKS_DISABLED"
    STATION_IN_POOL = "STATION_IN_POOL"
    EVSE_IN_ANOTHER_POOL = "EVSE_IN_ANOTHER_POOL"
    POOL_IN_USE = "POOL_IN_USE"
    BOOKING_RULE = "BOOKING_RULE"
    POOL_FULL = "POOL_FULL"
    NO_PLAN_FOUND = "NO_PLAN_FOUND"
    EVSES_NOT_USABLE = "EVSES_NOT_USABLE"
    BOOKING_ENDED = "BOOKING_ENDED"
    BOOKING_IN_USE = "BOOKING_IN_USE"
    BOOKING_NOT_CONFIRMED = "BOOKING_NOT_CONFIRMED"
    CHECK_IN_TOO_EARLY = "CHECK_IN_TOO_EARLY"
    BOOKED = "BOOKED"
    SERIES_REFUSED = "SERIES_REFUSED"
    WAITLIST_FULL = "WAITLIST_FULL"
    WAITLIST_ENTRY_ENDED = "WAITLIST_ENTRY_ENDED"
    NO_OFFER = "NO_OFFER"
    NO_SNOOZE_LEFT = "NO_SNOOZE_LEFT"
    BOOKING_BOUND = "BOOKING_BOUND"
    WOULD_DISPLACE = "WOULD_DISPLACE"

    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    STATION_EXISTS = "STATION_EXISTS"
    POOL_EXISTS = "POOL_EXISTS"
    ETAG_MISMATCH = "ETAG_MISMATCH"

    RIGHT_MISSING = "RIGHT_MISSING"
    OUTSIDE_STATION_GROUP = "OUTSIDE_STATION_GROUP"
    CREDENTIALS_MISSING = "CREDENTIALS_MISSING"
    CREDENTIALS_INVALID = "CREDENTIALS_INVALID"
    CREDENTIALS_EXPIRED = "CREDENTIALS_EXPIRED"
    CREDENTIALS_NOT_CHECKED = "CREDENTIALS_NOT_CHECKED"
    REQUEST_NOT_RECEIVED = "REQUEST_NOT_RECEIVED"
    TOO_MANY_CALLS = "TOO_MANY_CALLS"
    RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"
    TOO_MANY_WATCHES = "TOO_MANY_WATCHES"
    TEMPORAL_UNAVAILABLE = "TEMPORAL_UNAVAILABLE"
    TEMPORAL_SLOW = "TEMPORAL_SLOW"
    DATABASE_UNAVAILABLE = "DATABASE_UNAVAILABLE"
    SHUTTING_DOWN = "SHUTTING_DOWN"
    INTERNAL = "INTERNAL"


_C = grpc.StatusCode

CODES: dict[Reason, grpc.StatusCode] = {
    Reason.INVALID_REQUEST: _C.INVALID_ARGUMENT,
    Reason.PAGE_TOKEN_INVALID: _C.INVALID_ARGUMENT,
    Reason.RESUME_TOKEN_INVALID: _C.INVALID_ARGUMENT,
    Reason.NOT_A_START_COMMAND: _C.INVALID_ARGUMENT,
    Reason.STATION_NOT_FOUND: _C.NOT_FOUND,
    Reason.COMMAND_NOT_FOUND: _C.NOT_FOUND,
    Reason.TRANSACTION_NOT_FOUND: _C.NOT_FOUND,
    Reason.RESERVATION_NOT_FOUND: _C.NOT_FOUND,
    Reason.TOKEN_NOT_FOUND: _C.NOT_FOUND,
    Reason.NO_RUNNING_SESSION: _C.NOT_FOUND,
    Reason.DELIVERY_NOT_FOUND: _C.NOT_FOUND,
    Reason.POOL_NOT_FOUND: _C.NOT_FOUND,
    Reason.BOOKING_NOT_FOUND: _C.NOT_FOUND,
    Reason.BOOKING_POLICY_NOT_FOUND: _C.NOT_FOUND,
    Reason.BOOKING_SERIES_NOT_FOUND: _C.NOT_FOUND,
    Reason.WAITLIST_ENTRY_NOT_FOUND: _C.NOT_FOUND,
    Reason.AMBIGUOUS_TARGET: _C.FAILED_PRECONDITION,
    Reason.START_NOT_FINAL: _C.FAILED_PRECONDITION,
    Reason.NOT_POSSIBLE_ON_STATION: _C.FAILED_PRECONDITION,
    Reason.STATION_BUSY: _C.FAILED_PRECONDITION,
    Reason.SECURITY_PROFILE_ONLY_RAISED: _C.FAILED_PRECONDITION,
    Reason.STATION_NOT_REGISTERED: _C.FAILED_PRECONDITION,
    Reason.PASSWORD_ROTATION_OPEN: _C.FAILED_PRECONDITION,
    Reason.CALLBACK_SECRET_MISSING: _C.FAILED_PRECONDITION,
    Reason.CALLBACKS_DISABLED: _C.FAILED_PRECONDITION,
    Reason.STATION_IN_POOL: _C.FAILED_PRECONDITION,
    Reason.EVSE_IN_ANOTHER_POOL: _C.FAILED_PRECONDITION,
    Reason.POOL_IN_USE: _C.FAILED_PRECONDITION,
    Reason.BOOKING_RULE: _C.FAILED_PRECONDITION,
    Reason.POOL_FULL: _C.FAILED_PRECONDITION,
    Reason.NO_PLAN_FOUND: _C.FAILED_PRECONDITION,
    Reason.EVSES_NOT_USABLE: _C.FAILED_PRECONDITION,
    Reason.BOOKING_ENDED: _C.FAILED_PRECONDITION,
    Reason.BOOKING_IN_USE: _C.FAILED_PRECONDITION,
    Reason.BOOKING_NOT_CONFIRMED: _C.FAILED_PRECONDITION,
    Reason.CHECK_IN_TOO_EARLY: _C.FAILED_PRECONDITION,
    Reason.BOOKED: _C.FAILED_PRECONDITION,
    Reason.SERIES_REFUSED: _C.FAILED_PRECONDITION,
    Reason.WAITLIST_FULL: _C.FAILED_PRECONDITION,
    Reason.WAITLIST_ENTRY_ENDED: _C.FAILED_PRECONDITION,
    Reason.NO_OFFER: _C.FAILED_PRECONDITION,
    Reason.NO_SNOOZE_LEFT: _C.FAILED_PRECONDITION,
    Reason.BOOKING_BOUND: _C.FAILED_PRECONDITION,
    Reason.WOULD_DISPLACE: _C.FAILED_PRECONDITION,
    Reason.REQUEST_ID_REUSED: _C.ALREADY_EXISTS,
    Reason.STATION_EXISTS: _C.ALREADY_EXISTS,
    Reason.POOL_EXISTS: _C.ALREADY_EXISTS,
    Reason.ETAG_MISMATCH: _C.ABORTED,
    Reason.RESERVATION_NOT_HELD: _C.FAILED_PRECONDITION,
    Reason.RESERVATION_ENDED: _C.FAILED_PRECONDITION,
    Reason.RIGHT_MISSING: _C.PERMISSION_DENIED,
    Reason.OUTSIDE_STATION_GROUP: _C.PERMISSION_DENIED,
    Reason.CREDENTIALS_MISSING: _C.UNAUTHENTICATED,
    Reason.CREDENTIALS_INVALID: _C.UNAUTHENTICATED,
    Reason.CREDENTIALS_EXPIRED: _C.UNAUTHENTICATED,
    Reason.CREDENTIALS_NOT_CHECKED: _C.UNAVAILABLE,
    Reason.REQUEST_NOT_RECEIVED: _C.UNAVAILABLE,
    Reason.TOO_MANY_CALLS: _C.RESOURCE_EXHAUSTED,
    Reason.RATE_LIMIT_EXCEEDED: _C.RESOURCE_EXHAUSTED,
    Reason.TOO_MANY_WATCHES: _C.RESOURCE_EXHAUSTED,
    Reason.TEMPORAL_UNAVAILABLE: _C.UNAVAILABLE,
    Reason.TEMPORAL_SLOW: _C.DEADLINE_EXCEEDED,
    Reason.DATABASE_UNAVAILABLE: _C.UNAVAILABLE,
    Reason.SHUTTING_DOWN: _C.UNAVAILABLE,
    Reason.INTERNAL: _C.INTERNAL,
}


@dataclass(frozen=True)
class FieldViolation:
    """What is wrong with one field of a request."""

    field: str
    description: str


class Refusal(Exception):
    """A call has to end with an error. May be raised anywhere in the broker.

    violations: the bad fields.
    retry_after: when to try again; always set with UNAVAILABLE and RESOURCE_EXHAUSTED.
    facts: further facts for programs (ErrorInfo.metadata).
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        violations: tuple[FieldViolation, ...] = (),
        retry_after: timedelta | None = None,
        facts: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message[:_MESSAGE_LIMIT]
        self.violations = violations
        self.retry_after = retry_after
        self.facts = facts or {}

    @property
    def code(self) -> grpc.StatusCode:
        """The status code of the reason."""
        return CODES[self.reason]


def invalid(violations: tuple[FieldViolation, ...]) -> Refusal:
    """The refusal of a request with bad fields. It names them all."""
    first = {one.field: one.description for one in reversed(violations)}
    fields = dict.fromkeys(one.field for one in violations)
    said = "; ".join(f"{field} {first[field]}" for field in fields)
    return Refusal(
        Reason.INVALID_REQUEST, f"The request has bad fields: {said}.", violations=violations
    )


def check(violations: tuple[FieldViolation, ...]) -> None:
    """Go on only when a request has no bad fields. Raises: Refusal (INVALID_REQUEST)."""
    if violations:
        raise invalid(violations)


def bad_field(reason: Reason, field: str, description: str) -> Refusal:
    """The refusal of one field, for a reason that is not INVALID_REQUEST alone."""
    return Refusal(
        reason, f"{field}: {description}", violations=(FieldViolation(field, description),)
    )


def share_taken(
    reason: Reason, taken: ShareTaken, words: tuple[str, str], retry_after: timedelta
) -> Refusal:
    """The refusal of one call or watch too many. words: what there is too much of; the remedy."""
    what, remedy = words
    return Refusal(
        reason,
        f"This {taken.share} has as many {what} open as it may: {taken.most}. {remedy}",
        retry_after=retry_after,
        facts={"share": taken.share.value, "limit": str(taken.most)},
    )
