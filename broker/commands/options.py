"""What every request for a command has: `request_id` and `options`, checked and read. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from evcommand.v1 import command_options_pb2 as options_pb
from google.protobuf.timestamp_pb2 import Timestamp

from broker.commands.edge import CommandRequest, Options, ParsedRequest, SpecT
from broker.proto.callback_fields import callback_fields, callback_in
from broker.proto.fields import Findings, enum_value, label_map, request_id_field
from broker.proto.names import request_id_in
from broker.proto.times import moment, time_in
from domain.model.command import WaitFor
from domain.model.specs import OfflinePolicy

MAX_NOT_AFTER = timedelta(days=30)

_WAITS: dict[int, WaitFor] = {
    options_pb.WAIT_FOR_UNSPECIFIED: WaitFor.STATION_ANSWER,
    options_pb.WAIT_FOR_SUBMITTED: WaitFor.SUBMITTED,
    options_pb.WAIT_FOR_STATION_ANSWER: WaitFor.STATION_ANSWER,
    options_pb.WAIT_FOR_OUTCOME: WaitFor.OUTCOME,
}
_POLICIES: dict[int, OfflinePolicy | None] = {
    options_pb.OFFLINE_POLICY_UNSPECIFIED: None,
    options_pb.OFFLINE_POLICY_FAIL_FAST: OfflinePolicy.FAIL_FAST,
    options_pb.OFFLINE_POLICY_WAIT: OfflinePolicy.WAIT,
}


def check_options(findings: Findings, request: CommandRequest, now: datetime) -> None:
    """Note what is wrong with `request_id` and `options`."""
    options = request.options
    request_id_field(findings, request.request_id)
    enum_value(findings, "options.wait_for", options.wait_for, options_pb.WaitFor)
    if options.HasField("not_after"):
        _not_after(findings, options.not_after, now)
    enum_value(findings, "options.offline_policy", options.offline_policy, options_pb.OfflinePolicy)
    label_map(findings, "options.labels", dict(options.labels))
    if options.HasField("callback"):
        callback_fields(findings, "options.callback", options.callback)


def parsed_request(
    request: CommandRequest,
    spec: SpecT,
    now: datetime,
    *,
    station: str | None = None,
    token_chars: Mapping[str, int] | None = None,
) -> ParsedRequest[SpecT]:
    """The request with its spec already read. See `ParsedRequest` for the arguments."""
    return ParsedRequest(
        spec=spec,
        time=now,
        station=station,
        request_id=request_id_in(request.request_id),
        options=options_in(request.options),
        token_chars=token_chars or {},
    )


def options_in(options: options_pb.CommandOptions) -> Options:
    """CommandOptions. What is absent keeps the default."""
    return Options(
        wait_for=_WAITS[options.wait_for],
        not_after=time_in(options.not_after) if options.HasField("not_after") else None,
        offline_policy=_POLICIES[options.offline_policy],
        labels=dict(options.labels),
        callback=callback_in(options.callback) if options.HasField("callback") else None,
    )


def policy_out(policy: OfflinePolicy) -> options_pb.OfflinePolicy.ValueType:
    """An offline policy as the contract's enum."""
    return options_pb.OfflinePolicy.Value(f"OFFLINE_POLICY_{policy.value}")


def _not_after(findings: Findings, given: Timestamp, now: datetime) -> None:
    at = moment(given)
    field = "options.not_after"
    if at is None:
        findings.expect(False, field, "is not a valid time")
        return
    findings.expect(at > now, field, "must be in the future")
    findings.expect(at <= now + MAX_NOT_AFTER, field, "must be within 30 days")
