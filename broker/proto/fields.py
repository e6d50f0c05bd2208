"""What is wrong with the fields that several requests share. Pure; nothing is looked up."""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from evcommand.v1 import callback_service_pb2 as callbacks_pb
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import id_token_pb2 as id_token_pb
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from broker.callbacks.urls import malformed
from broker.errors import Violation
from broker.proto import names

MAX_LABELS = 16
MAX_LABEL_VALUE = 255
MAX_NOT_AFTER = timedelta(days=30)
MAX_HOLD = timedelta(days=30)
MIN_HOLD = timedelta(seconds=1)
MAX_TOKEN = 255
MAX_TEXT = 255
MAX_PAGE_SIZE = 200
MAX_FILTER_VALUES = 50
INT32_MAX = 2**31 - 1

_LABEL_KEY = re.compile(r"[a-z0-9][a-z0-9_.\-/]{0,62}")


class EnumValues(Protocol):
    """An enum of the contract."""

    def values(self) -> Sequence[int]:
        """The numbers that we know."""


class Findings:
    """Collects what is wrong, in the order of the request's fields."""

    def __init__(self) -> None:
        self._found: list[Violation] = []

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Everything found."""
        return tuple(self._found)

    def expect(self, holds: bool, field: str, description: str) -> None:
        """Note `description` for `field` unless it holds."""
        if not holds:
            self._found.append(Violation(field, description))


def moment(timestamp: Timestamp) -> datetime | None:
    """A Timestamp as an aware datetime; None when it lies outside of years 1 to 9999."""
    try:
        return timestamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def span(duration: Duration) -> timedelta | None:
    """A Duration as a timedelta; None when it is not valid."""
    try:
        return duration.ToTimedelta()
    except (ValueError, OverflowError):
        return None


def whole_seconds(duration: Duration) -> int | None:
    """A Duration of whole seconds from 0 to INT32_MAX; None when it is another."""
    length = span(duration)
    if length is None or length % timedelta(seconds=1):
        return None
    seconds = length // timedelta(seconds=1)
    return seconds if 0 <= seconds <= INT32_MAX else None


def station_field(findings: Findings, name: str, *, required: bool) -> None:
    """A station's name."""
    if not name:
        findings.expect(not required, "station", "is required: stations/{station}")
        return
    findings.expect(
        names.parse_station(name) is not None,
        "station",
        "must be stations/{station}, the identity URL-escaped",
    )


def reservation_field(findings: Findings, name: str, field: str = "reservation") -> None:
    """A reservation's name."""
    findings.expect(
        names.parse_reservation(name) is not None, field, "must be reservations/{reservation}"
    )


def end_field(
    findings: Findings, end: str | None, expire_time: Timestamp, ttl: Duration, now: datetime
) -> None:
    """The end of a hold, when it is given: a moment, or a span from now on."""
    if end == "expire_time":
        at = moment(expire_time)
        findings.expect(at is not None and at > now, end, "must be a time in the future")
        findings.expect(at is None or at <= now + MAX_HOLD, end, "must be within 30 days")
    elif end == "ttl":
        length = span(ttl)
        known = length is not None and MIN_HOLD <= length <= MAX_HOLD
        findings.expect(known, end, "must be 1 second to 30 days")


def positive_field(findings: Findings, request: Message, field: str) -> None:
    """A number of an EVSE or a connector, when it is given."""
    if request.HasField(field):
        findings.expect(getattr(request, field) >= 1, field, "must be 1 or more")


def id_token_field(
    findings: Findings, field: str, token: id_token_pb.IdToken, *, present: bool
) -> None:
    """A token."""
    if not present:
        findings.expect(False, field, "is required")
        return
    token_value(findings, f"{field}.value", token.value)
    enum_value(findings, f"{field}.type", token.type, id_token_pb.IdTokenType)


def token_value(findings: Findings, field: str, value: str) -> None:
    """A token's value."""
    findings.expect(
        1 <= len(value) <= MAX_TOKEN and is_printable(value),
        field,
        f"must be 1 to {MAX_TOKEN} printable characters",
    )
    findings.expect(not value.startswith("****"), field, "is masked; a masked value names no token")


def request_fields(
    findings: Findings, request_id: str, options: options_pb.CommandOptions, now: datetime
) -> None:
    """What every command has: `request_id` and `options`."""
    findings.expect(
        not request_id or names.parse_uuid(request_id) is not None,
        "request_id",
        "must be a UUID of 36 characters, or absent",
    )
    enum_value(findings, "options.wait_for", options.wait_for, options_pb.WaitFor)
    if options.HasField("not_after"):
        not_after_field(findings, options.not_after, now)
    enum_value(findings, "options.offline_policy", options.offline_policy, options_pb.OfflinePolicy)
    label_map(findings, "options.labels", dict(options.labels))
    if options.HasField("callback"):
        callback_fields(findings, "options.callback", options.callback)


def callback_fields(
    findings: Findings,
    field: str,
    callback: options_pb.Callback | callbacks_pb.CallbackSettings,
) -> None:
    """Where news are posted, and which."""
    wrong = malformed(callback.url)
    findings.expect(not wrong, f"{field}.url", wrong)
    enum_value(findings, f"{field}.events", callback.events, options_pb.Callback.Events)


def not_after_field(findings: Findings, given: Timestamp, now: datetime) -> None:
    """The caller's own deadline."""
    at = moment(given)
    field = "options.not_after"
    if at is None:
        findings.expect(False, field, "is not a valid time")
        return
    findings.expect(at > now, field, "must be in the future")
    findings.expect(at <= now + MAX_NOT_AFTER, field, "must be within 30 days")


def label_map(findings: Findings, field: str, labels: dict[str, str]) -> None:
    """Labels, given or asked for."""
    findings.expect(len(labels) <= MAX_LABELS, field, f"at most {MAX_LABELS}")
    for key in sorted(labels)[:MAX_LABELS]:
        findings.expect(
            _LABEL_KEY.fullmatch(key) is not None,
            field,
            "keys must be 1 to 63 characters of a-z, 0-9, _, -, . and /, "
            "beginning with a letter or a digit",
        )
        findings.expect(
            len(labels[key]) <= MAX_LABEL_VALUE and is_printable(labels[key]),
            field,
            f"values must be at most {MAX_LABEL_VALUE} printable characters",
        )


def is_rate(value: float) -> bool:
    """Whether a limit is a number that OCPP can carry."""
    return math.isfinite(value) and 0 <= value <= INT32_MAX


def page_size_field(findings: Findings, page_size: int) -> None:
    """The size of a page."""
    findings.expect(
        0 <= page_size <= MAX_PAGE_SIZE,
        "page_size",
        f"must be 1 to {MAX_PAGE_SIZE}, or absent",
    )


def enum_values(findings: Findings, field: str, values: Iterable[int], kind: EnumValues) -> None:
    """Enum values to filter by."""
    given = list(values)
    findings.expect(len(given) <= MAX_FILTER_VALUES, field, f"at most {MAX_FILTER_VALUES} values")
    for index, value in enumerate(given[:MAX_FILTER_VALUES]):
        enum_value(findings, f"{field}[{index}]", value, kind)
        findings.expect(value != 0, f"{field}[{index}]", "must say which")


def enum_value(findings: Findings, field: str, value: int, kind: EnumValues) -> None:
    """An enum value that we know."""
    findings.expect(
        value in kind.values(), field, f"{value} is not a value of this enum that we know"
    )


def is_printable(text: str) -> bool:
    """Whether a text has no control characters."""
    return text.isprintable()
