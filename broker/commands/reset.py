"""Reset at the broker's edge. See `broker.commands.edge` for the steps."""

from datetime import datetime

from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from broker.commands.edge import CommandEdge, Found, ParsedRequest
from broker.commands.fits import impossible
from broker.commands.lookups import Lookup
from broker.commands.options import check_options, parsed_request
from broker.errors import FieldViolation
from broker.proto import fields
from broker.proto.fields import Findings
from broker.proto.names import station_in
from broker.settings import Right
from domain.model.specs import Kind, ResetMode, ResetSpec
from domain.ocpp_words import capabilities_of
from fleet.keys import Sealer

_MODE = command_pb.ResetMode
_AT_ONCE = (_MODE.RESET_MODE_HARD, _MODE.RESET_MODE_IMMEDIATE_AND_RESUME)
"""Restarts that end sessions without asking them."""


def rights(request: pb.ResetRequest) -> tuple[Right, ...]:
    """A restart at once of the whole station ends every session there: it has its own right."""
    at_once = request.mode in _AT_ONCE and not request.HasField("evse_id")
    return (Right.HARD_RESET if at_once else Right.COMMAND,)


def check(request: pb.ResetRequest, now: datetime) -> tuple[FieldViolation, ...]:
    """What is wrong with the request."""
    findings = Findings()
    fields.station_field(findings, request.station, required=True)
    fields.positive_field(findings, request, "evse_id")
    fields.enum_value(findings, "mode", request.mode, _MODE)
    findings.expect(request.mode != 0, "mode", "is required")
    check_options(findings, request, now)
    return findings.violations


def read(request: pb.ResetRequest, _sealer: Sealer, now: datetime) -> ParsedRequest[ResetSpec]:
    """The request as the domain's spec."""
    mode = ResetMode(_MODE.Name(request.mode).removeprefix("RESET_MODE_"))
    spec = ResetSpec(mode, request.evse_id if request.HasField("evse_id") else None)
    return parsed_request(request, spec, now, station=station_in(request.station))


async def find(lookup: Lookup, parsed: ParsedRequest[ResetSpec]) -> Found[ResetSpec]:
    """The station, and whether it can restart in this way."""
    station = await lookup.station(parsed.station)
    check_fits(parsed.spec, station.ocpp_version)
    return Found(station.id, parsed.spec)


def check_fits(spec: ResetSpec, version: str) -> None:
    """Refuse a restart that the station's OCPP version has no words for.

    Raises: Refusal (NOT_POSSIBLE_ON_STATION).
    """
    able = capabilities_of(version)
    if able is None:
        return
    if spec.evse_id is not None and not able.resets_evse:
        raise impossible(
            "evse_id", f"OCPP {version} restarts only the whole station; leave evse_id out"
        )
    if spec.mode not in able.reset_modes:
        known = ", ".join(sorted(mode.value for mode in able.reset_modes))
        raise impossible("mode", f"OCPP {version} knows {known}")


def said(spec: ResetSpec) -> dict[str, object]:
    """What a repeat must say again."""
    return {"evse_id": spec.evse_id, "mode": spec.mode}


def show(shown: command_pb.RemoteCommand, spec: ResetSpec, _station: str) -> None:
    """The spec as the contract's message."""
    message = command_pb.ResetSpec(
        evse_id=spec.evse_id, mode=_MODE.Value(f"RESET_MODE_{spec.mode.value}")
    )
    shown.reset.CopyFrom(message)


EDGE = CommandEdge(
    kind=Kind.RESET,
    opened_by=(Right.COMMAND, Right.HARD_RESET),
    rights=rights,
    check=check,
    read=read,
    find=find,
    said=said,
    show=show,
)
