"""What is wrong with a request for commands: every bad field at once. Pure."""

from collections.abc import Callable
from datetime import datetime

from evcommand.v1 import charging_profile_pb2 as profile_pb
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as commands_pb

from broker.errors import Violation
from broker.proto import fields, names
from broker.proto.fields import MAX_TEXT, Findings, moment

MAX_TRANSACTION_ID = 36
MAX_PERIODS = 1024
MAX_STACK_LEVEL = 1000
MAX_WATCHED_NAMES = 100

_STATION_NEEDED = ("evse_id", "id_token", "reservation", "transaction_id")


def check_start(request: commands_pb.StartSessionRequest, now: datetime) -> tuple[Violation, ...]:
    """What is wrong with a StartSession."""
    findings = Findings()
    fields.station_field(findings, request.station, required=True)
    fields.positive_field(findings, request, "evse_id")
    fields.positive_field(findings, request, "connector_id")
    findings.expect(
        not request.HasField("connector_id") or request.HasField("evse_id"),
        "connector_id",
        "needs evse_id: connectors are numbered within their EVSE",
    )
    fields.id_token_field(
        findings, "id_token", request.id_token, present=request.HasField("id_token")
    )
    if request.HasField("group_id_token"):
        fields.id_token_field(findings, "group_id_token", request.group_id_token, present=True)
    if request.reservation:
        fields.reservation_field(findings, request.reservation)
    if request.HasField("charging_profile"):
        _profile(findings, request.charging_profile)
    fields.request_fields(findings, request.request_id, request.options, now)
    return findings.violations


def check_stop(request: commands_pb.StopSessionRequest, now: datetime) -> tuple[Violation, ...]:
    """What is wrong with a StopSession."""
    findings = Findings()
    target = request.WhichOneof("target")
    fields.station_field(findings, request.station, required=target in _STATION_NEEDED)
    findings.expect(
        target is not None,
        "target",
        "name the session: transaction, start_command, evse_id, id_token, reservation or "
        "transaction_id",
    )
    if target is not None:
        _STOP_TARGETS[target](findings, request)
    if target == "transaction" and request.station:
        theirs = names.parse_transaction(request.transaction)
        findings.expect(
            theirs is None or theirs[0] == names.parse_station(request.station),
            "station",
            "must be the transaction's station, or absent",
        )
    fields.request_fields(findings, request.request_id, request.options, now)
    return findings.violations


def check_name(field: str, kind: str, name: str) -> tuple[Violation, ...]:
    """What is wrong with the name of a "station", "command" or "transaction"."""
    parse, form = _NAMES[kind]
    findings = Findings()
    findings.expect(parse(name) is not None, field, f"must be {form}")
    return findings.violations


def check_cancel(request: commands_pb.CancelCommandRequest) -> tuple[Violation, ...]:
    """What is wrong with a CancelCommand."""
    findings = Findings()
    findings.expect(len(request.reason) <= MAX_TEXT, "reason", f"at most {MAX_TEXT} characters")
    return check_name("name", "command", request.name) + findings.violations


def check_list_commands(request: commands_pb.ListCommandsRequest) -> tuple[Violation, ...]:
    """What is wrong with a ListCommands."""
    findings = Findings()
    fields.station_field(findings, request.station, required=False)
    fields.enum_values(findings, "kinds", request.kinds, command_pb.RemoteCommand.Kind)
    fields.enum_values(findings, "states", request.states, command_pb.RemoteCommand.State)
    fields.enum_values(findings, "outcome_codes", request.outcome_codes, command_pb.Outcome.Code)
    if request.HasField("create_time"):
        time_range_field(findings, request.create_time)
    fields.label_map(findings, "labels", dict(request.labels))
    fields.page_size_field(findings, request.page_size)
    return findings.violations


def check_watch(request: commands_pb.WatchCommandsRequest) -> tuple[Violation, ...]:
    """What is wrong with a WatchCommands."""
    findings = Findings()
    chosen = (bool(request.names), bool(request.station), request.all)
    findings.expect(
        sum(chosen) == 1, "names", "give exactly one of names, station and all: what to watch"
    )
    findings.expect(
        len(request.names) <= MAX_WATCHED_NAMES, "names", f"at most {MAX_WATCHED_NAMES}"
    )
    for index, name in enumerate(request.names[:MAX_WATCHED_NAMES]):
        known = names.parse_command(name) is not None
        findings.expect(known, f"names[{index}]", f"must be {_NAMES['command'][1]}")
    fields.station_field(findings, request.station, required=False)
    return findings.violations


def _profile(findings: Findings, profile: profile_pb.ChargingProfile) -> None:
    at = "charging_profile"
    rate = profile.rate_unit
    fields.enum_value(findings, f"{at}.rate_unit", rate, profile_pb.ChargingRateUnit)
    findings.expect(rate != 0, f"{at}.rate_unit", "is required")
    fields.enum_value(
        findings, f"{at}.profile_kind", profile.profile_kind, profile_pb.ChargingProfileKind
    )
    absolute = profile.profile_kind == profile_pb.CHARGING_PROFILE_KIND_ABSOLUTE
    if absolute:
        known = profile.HasField("start_time") and moment(profile.start_time) is not None
        findings.expect(known, f"{at}.start_time", "is required with ABSOLUTE")
    else:
        findings.expect(
            not profile.HasField("start_time"), f"{at}.start_time", "is allowed with ABSOLUTE only"
        )
    findings.expect(
        0 <= profile.stack_level <= MAX_STACK_LEVEL,
        f"{at}.stack_level",
        f"must be 0 to {MAX_STACK_LEVEL}",
    )
    if profile.HasField("duration"):
        seconds = fields.whole_seconds(profile.duration)
        findings.expect(
            seconds is not None and seconds > 0,
            f"{at}.duration",
            "must be whole seconds, 1 or more",
        )
    findings.expect(
        fields.is_rate(profile.min_charging_rate), f"{at}.min_charging_rate", "must be 0 or more"
    )
    _periods(findings, profile)


def _periods(findings: Findings, profile: profile_pb.ChargingProfile) -> None:
    at = "charging_profile.periods"
    findings.expect(
        1 <= len(profile.periods) <= MAX_PERIODS, at, f"must be 1 to {MAX_PERIODS} periods"
    )
    previous = -1
    for index, period in enumerate(profile.periods[:MAX_PERIODS]):
        start = fields.whole_seconds(period.start_offset)
        field = f"{at}[{index}]"
        if start is None or start <= previous or (index == 0 and start != 0):
            text = "must be whole seconds, later than the period before; zero for the first"
            findings.expect(False, f"{field}.start_offset", text)
        else:
            previous = start
        findings.expect(fields.is_rate(period.limit), f"{field}.limit", "must be 0 or more")
        findings.expect(
            not period.HasField("number_phases") or 1 <= period.number_phases <= 3,
            f"{field}.number_phases",
            "must be 1 to 3",
        )


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


def _check_transaction(findings: Findings, request: commands_pb.StopSessionRequest) -> None:
    findings.expect(
        names.parse_transaction(request.transaction) is not None,
        "transaction",
        f"must be {_NAMES['transaction'][1]}",
    )


def _check_start_command(findings: Findings, request: commands_pb.StopSessionRequest) -> None:
    findings.expect(
        names.parse_command(request.start_command) is not None,
        "start_command",
        f"must be {_NAMES['command'][1]}",
    )


def _check_evse(findings: Findings, request: commands_pb.StopSessionRequest) -> None:
    findings.expect(request.evse_id >= 1, "evse_id", "must be 1 or more")


def _check_token(findings: Findings, request: commands_pb.StopSessionRequest) -> None:
    fields.id_token_field(findings, "id_token", request.id_token, present=True)


def _check_reservation(findings: Findings, request: commands_pb.StopSessionRequest) -> None:
    fields.reservation_field(findings, request.reservation)


def _check_wire_id(findings: Findings, request: commands_pb.StopSessionRequest) -> None:
    wire_id = request.transaction_id
    findings.expect(
        1 <= len(wire_id) <= MAX_TRANSACTION_ID and fields.is_printable(wire_id),
        "transaction_id",
        f"must be 1 to {MAX_TRANSACTION_ID} printable characters",
    )


_STOP_TARGETS: dict[str, Callable[[Findings, commands_pb.StopSessionRequest], None]] = {
    "transaction": _check_transaction,
    "start_command": _check_start_command,
    "evse_id": _check_evse,
    "id_token": _check_token,
    "reservation": _check_reservation,
    "transaction_id": _check_wire_id,
}

_NAMES: dict[str, tuple[Callable[[str], object | None], str]] = {
    "station": (names.parse_station, "stations/{station}, the identity URL-escaped"),
    "command": (names.parse_command, "commands/{command}, where {command} is a UUID"),
    "transaction": (
        names.parse_transaction,
        "stations/{station}/transactions/{transaction}, each URL-escaped",
    ),
}
