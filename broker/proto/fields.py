"""What is wrong with the fields that several requests share. Pure; nothing is looked up.

Every function takes the `Findings` of one request and notes each bad field in it, so that a client
hears of all its mistakes at once.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from evcommand.v1 import remote_command_service_pb2 as commands_pb
from google.protobuf.message import Message

from broker.errors import FieldViolation
from broker.proto import names
from broker.proto.times import moment

MAX_LABELS = 16
MAX_LABEL_VALUE = 255
MAX_TEXT = 255
MAX_PAGE_SIZE = 200
MAX_FILTER_VALUES = 50
MAX_WATCHED_NAMES = 100

_LABEL_KEY = re.compile(r"[a-z0-9][a-z0-9_.\-/]{0,62}")


class EnumValues(Protocol):
    """An enum of the contract."""

    def values(self) -> Sequence[int]:
        """The numbers that we know."""


class Findings:
    """Collects what is wrong, in the order of the request's fields."""

    def __init__(self) -> None:
        self._found: list[FieldViolation] = []

    @property
    def violations(self) -> tuple[FieldViolation, ...]:
        """Everything found."""
        return tuple(self._found)

    def expect(self, holds: bool, field: str, description: str) -> None:
        """Note `description` for `field` unless it holds."""
        if not holds:
            self._found.append(FieldViolation(field, description))


def station_field(findings: Findings, name: str, *, required: bool) -> None:
    """A station's name."""
    if name:
        name_field(findings, "station", "station", name)
    else:
        findings.expect(not required, "station", "is required: stations/{station}")


def reservation_field(findings: Findings, name: str, field: str = "reservation") -> None:
    """A reservation's name."""
    name_field(findings, field, "reservation", name)


def name_field(findings: Findings, field: str, collection: str, name: str) -> None:
    """The name of a "station", "command", "transaction", "reservation" or "delivery"."""
    parse, form = _NAMES[collection]
    findings.expect(parse(name) is not None, field, f"must be {form}")


def name_fields(
    findings: Findings, field: str, collection: str, given: Sequence[str], *, most: int
) -> None:
    """Names of one collection, and at most so many of them. See `name_field`."""
    findings.expect(len(given) <= most, field, f"at most {most}")
    for index, name in enumerate(given[:most]):
        name_field(findings, f"{field}[{index}]", collection, name)


def check_name(field: str, collection: str, name: str) -> tuple[FieldViolation, ...]:
    """What is wrong with a request that is only a name. See `name_field`."""
    findings = Findings()
    name_field(findings, field, collection, name)
    return findings.violations


def request_id_field(findings: Findings, request_id: str, *, required: bool = False) -> None:
    """The id that makes repeats one request. It may be absent, unless it is `required`."""
    known = names.parse_uuid(request_id) is not None if request_id else not required
    absent = "made by you, the same one in a repeat" if required else "or absent"
    findings.expect(known, "request_id", f"must be a UUID of 36 characters, {absent}")


def watched_fields(
    findings: Findings, collection: str, named: Sequence[str], station: str, *, all: bool
) -> None:
    """What a watch selects: names, or a station, or everything."""
    chosen = (bool(named), bool(station), all)
    findings.expect(
        sum(chosen) == 1, "names", "give exactly one of names, station and all: what to watch"
    )
    name_fields(findings, "names", collection, named, most=MAX_WATCHED_NAMES)
    station_field(findings, station, required=False)


def text_field(findings: Findings, field: str, text: str) -> None:
    """A text of the caller's own."""
    findings.expect(len(text) <= MAX_TEXT, field, f"at most {MAX_TEXT} characters")


def positive_field(findings: Findings, request: Message, field: str) -> None:
    """A number of an EVSE or a connector, when it is given."""
    if request.HasField(field):
        findings.expect(getattr(request, field) >= 1, field, "must be 1 or more")


def connector_fields(findings: Findings, request: Message) -> None:
    """`evse_id` and `connector_id`, when they are given."""
    positive_field(findings, request, "evse_id")
    positive_field(findings, request, "connector_id")
    findings.expect(
        not request.HasField("connector_id") or request.HasField("evse_id"),
        "connector_id",
        "needs evse_id: connectors are numbered within their EVSE",
    )


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


def time_range_field(findings: Findings, given: commands_pb.TimeRange) -> None:
    """A span of creation times, when it is given."""
    ends: list[datetime] = []
    for field in ("start_time", "end_time"):
        if given.HasField(field):
            at = moment(getattr(given, field))
            findings.expect(at is not None, f"create_time.{field}", "is not a valid time")
            ends += [at] if at is not None else []
    findings.expect(
        given.HasField("start_time") or given.HasField("end_time"),
        "create_time",
        "needs a start_time, an end_time, or both",
    )
    findings.expect(len(ends) < 2 or ends[0] < ends[1], "create_time", "must end after it starts")


_NAMES: dict[str, tuple[Callable[[str], object | None], str]] = {
    "station": (names.parse_station, "stations/{station}, the identity URL-escaped"),
    "command": (names.parse_command, "commands/{command}, where {command} is a UUID"),
    "transaction": (
        names.parse_transaction,
        "stations/{station}/transactions/{transaction}, each URL-escaped",
    ),
    "reservation": (names.parse_reservation, "reservations/{reservation}"),
    "delivery": (names.parse_delivery, "callbackDeliveries/{id}"),
}
"""How a name of each collection is read, and what it looks like."""
