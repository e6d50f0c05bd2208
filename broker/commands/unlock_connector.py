"""UnlockConnector at the broker's edge. See `broker.commands.edge` for the steps."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from broker.commands.edge import CommandEdge, Found, ParsedRequest
from broker.commands.fits import impossible
from broker.commands.lookups import Lookup
from broker.commands.options import check_options, parsed_request
from broker.errors import FieldViolation, Reason, bad_field
from broker.proto import fields
from broker.proto.fields import Findings
from broker.proto.names import station_in
from broker.settings import Right
from domain.model.specs import Kind, UnlockSpec
from domain.ocpp_words import capabilities_of
from fleet.keys import Sealer


def rights(request: pb.UnlockConnectorRequest) -> tuple[Right, ...]:
    """An unlocked connector frees somebody's cable. Whoever stops the session first needs both."""
    return (Right.UNLOCK, Right.COMMAND) if request.stop_first else (Right.UNLOCK,)


def check(request: pb.UnlockConnectorRequest, now: datetime) -> tuple[FieldViolation, ...]:
    """What is wrong with the request."""
    findings = Findings()
    fields.station_field(findings, request.station, required=True)
    fields.positive_field(findings, request, "evse_id")
    left_out = request.connector_id == 0 and request.HasField("evse_id")
    findings.expect(
        request.connector_id >= 1 or left_out,
        "connector_id",
        "must be 1 or more; it may be left out where evse_id names an EVSE with one connector",
    )
    check_options(findings, request, now)
    return findings.violations


def read(
    request: pb.UnlockConnectorRequest, _sealer: Sealer, now: datetime
) -> ParsedRequest[UnlockSpec]:
    """The request as the domain's spec."""
    evse_id = request.evse_id if request.HasField("evse_id") else None
    spec = UnlockSpec(request.connector_id, evse_id, request.stop_first)
    return parsed_request(request, spec, now, station=station_in(request.station))


async def find(lookup: Lookup, parsed: ParsedRequest[UnlockSpec]) -> Found[UnlockSpec]:
    """The station, the connector that is meant, and whether the station can be told of it."""
    station = await lookup.station(parsed.station)
    spec = parsed.spec
    if not spec.connector_id:
        connectors = await lookup.connectors(station.id)
        spec = with_only_connector(spec, station.ocpp_version, connectors)
    check_fits(spec, station.ocpp_version)
    return Found(station.id, spec)


def with_only_connector(
    spec: UnlockSpec, version: str, connectors: Iterable[tuple[int, int]]
) -> UnlockSpec:
    """The spec with the one connector of its EVSE, which the request left out.

    connectors: (evse_id, connector_id) of what the station reported. On a version whose EVSEs have
    one connector each, nothing needs to be reported.

    Raises: Refusal (AMBIGUOUS_TARGET) when it is not known to be one.
    """
    able = capabilities_of(version)
    if able is not None and not able.several_connectors:
        return replace(spec, connector_id=1)
    known = sorted({number for evse, number in connectors if evse == spec.evse_id and number > 0})
    if len(known) == 1:
        return replace(spec, connector_id=known[0])
    told = f"it has {', '.join(map(str, known))}" if known else "it has not told any yet"
    raise bad_field(
        Reason.AMBIGUOUS_TARGET,
        "connector_id",
        f"say which connector of EVSE {spec.evse_id} is meant: {told}",
    )


def check_fits(spec: UnlockSpec, version: str) -> None:
    """Refuse a connector that the OCPP version cannot name.

    Raises: Refusal (NOT_POSSIBLE_ON_STATION).
    """
    able = capabilities_of(version)
    if able is None or able.several_connectors:
        return
    if spec.evse_id is not None and spec.connector_id != 1:
        raise impossible(
            "connector_id",
            f"on OCPP {version} an EVSE has one connector; say connector_id 1, or leave evse_id "
            "out and give the connector's own number",
        )


def said(spec: UnlockSpec) -> dict[str, object]:
    """What a repeat must say again."""
    told = {"connector_id": spec.connector_id} if spec.connector_id else {}
    return {"evse_id": spec.evse_id, "stop_first": spec.stop_first, **told}


def show(shown: command_pb.RemoteCommand, spec: UnlockSpec, _station: str) -> None:
    """The spec as the contract's message."""
    message = command_pb.UnlockConnectorSpec(
        evse_id=spec.evse_id, connector_id=spec.connector_id, stop_first=spec.stop_first
    )
    shown.unlock_connector.CopyFrom(message)


EDGE = CommandEdge(
    kind=Kind.UNLOCK_CONNECTOR,
    opened_by=(Right.UNLOCK,),
    rights=rights,
    check=check,
    read=read,
    find=find,
    said=said,
    show=show,
)
