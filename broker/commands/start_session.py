"""StartSession at the broker's edge. See `broker.commands.edge` for the steps."""

from datetime import datetime

from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from broker.commands.booked import check_free
from broker.commands.edge import CommandEdge, Found, ParsedRequest
from broker.commands.fits import check_tokens_fit, impossible, is_only_connector
from broker.commands.lookups import Lookup
from broker.commands.options import check_options, parsed_request
from broker.errors import FieldViolation, Reason, Refusal
from broker.proto import fields
from broker.proto.charging_profile import check_profile, profile_in, profile_out
from broker.proto.fields import Findings
from broker.proto.id_token import id_token_field, said_token, token_chars, token_in, token_out
from broker.proto.names import station_in
from domain.model.specs import Kind, StartSpec
from domain.reservations.admission import UseVerdict, judge_use
from domain.reservations.reservation import Reservation
from fleet.keys import Sealer


def check(request: pb.StartSessionRequest, now: datetime) -> tuple[FieldViolation, ...]:
    """What is wrong with the request."""
    findings = Findings()
    fields.station_field(findings, request.station, required=True)
    fields.connector_fields(findings, request)
    id_token_field(findings, "id_token", request.id_token, present=request.HasField("id_token"))
    if request.HasField("group_id_token"):
        id_token_field(findings, "group_id_token", request.group_id_token, present=True)
    if request.reservation:
        fields.reservation_field(findings, request.reservation)
    if request.HasField("charging_profile"):
        check_profile(findings, request.charging_profile)
    check_options(findings, request, now)
    return findings.violations


def read(
    request: pb.StartSessionRequest, sealer: Sealer, now: datetime
) -> ParsedRequest[StartSpec]:
    """The request as the domain's spec."""
    has_group, has_profile = (request.HasField(f) for f in ("group_id_token", "charging_profile"))
    spec = StartSpec(
        id_token=token_in(sealer, request.id_token),
        evse_id=request.evse_id if request.HasField("evse_id") else None,
        connector_id=request.connector_id if request.HasField("connector_id") else None,
        group_id_token=token_in(sealer, request.group_id_token) if has_group else None,
        reservation=request.reservation or None,
        charging_profile=profile_in(request.charging_profile) if has_profile else None,
    )
    return parsed_request(
        request,
        spec,
        now,
        station=station_in(request.station),
        token_chars=token_chars(request, "id_token", "group_id_token"),
    )


async def find(lookup: Lookup, parsed: ParsedRequest[StartSpec]) -> Found[StartSpec]:
    """The station, and whether it can start this session, also on the reservation."""
    station = await lookup.station(parsed.station)
    check_fits(parsed, station.ocpp_version, await lookup.connectors(station.id))
    name = parsed.spec.reservation
    if name is not None:
        check_usable(await lookup.reservation(name), station.id, parsed.spec)
    entry = await lookup.entry(station.id, parsed.spec, parsed.time)
    check_free(entry, station.id, parsed.spec.evse_id)
    return Found(station.id, parsed.spec)


def check_fits(
    parsed: ParsedRequest[StartSpec], version: str, connectors: list[tuple[int, int]]
) -> None:
    """Refuse a start that the station's OCPP version has no words for.

    connectors: (evse_id, connector_id) of what the station reported.

    Raises: Refusal (NOT_POSSIBLE_ON_STATION).
    """
    check_tokens_fit(version, parsed.token_chars)
    evse_id, connector_id = parsed.spec.evse_id, parsed.spec.connector_id
    if connector_id is not None and not is_only_connector(evse_id, connector_id, connectors):
        raise impossible(
            "connector_id",
            "OCPP starts a session on an EVSE and can name its connector only when it is the "
            "only one; leave connector_id out",
        )


def check_usable(known: Reservation, station: str, spec: StartSpec) -> None:
    """Refuse a start on a reservation that it may not use.

    Raises: Refusal (RESERVATION_NOT_FOUND, RESERVATION_NOT_HELD).
    """
    tokens = [token for token in (spec.id_token, spec.group_id_token) if token is not None]
    verdict = judge_use(known, station, {token.digest for token in tokens})
    if verdict is UseVerdict.USABLE:
        return
    reason, sentence = _UNUSABLE[verdict]
    raise Refusal(reason, sentence.format(name=spec.reservation, state=known.state.value))


def said(spec: StartSpec) -> dict[str, object]:
    """What a repeat must say again."""
    return {
        "evse_id": spec.evse_id,
        "connector_id": spec.connector_id,
        "id_token": said_token(spec.id_token),
        "group_id_token": said_token(spec.group_id_token),
        "reservation": spec.reservation,
        "charging_profile": spec.charging_profile,
    }


def show(shown: command_pb.RemoteCommand, spec: StartSpec, _station: str) -> None:
    """The spec as the contract's message."""
    message = command_pb.StartSessionSpec(
        evse_id=spec.evse_id,
        connector_id=spec.connector_id,
        id_token=token_out(spec.id_token),
        group_id_token=token_out(spec.group_id_token),
        reservation=spec.reservation or "",
        charging_profile=profile_out(spec.charging_profile),
    )
    shown.start_session.CopyFrom(message)


_UNUSABLE: dict[UseVerdict, tuple[Reason, str]] = {
    UseVerdict.OF_ANOTHER_STATION: (
        Reason.RESERVATION_NOT_FOUND,
        "{name} is a reservation of another station.",
    ),
    UseVerdict.NOT_HELD: (
        Reason.RESERVATION_NOT_HELD,
        "{name} is {state}: start the session without it.",
    ),
    UseVerdict.FOR_ANOTHER_TOKEN: (
        Reason.RESERVATION_NOT_HELD,
        "{name} is held for another token.",
    ),
}

EDGE = CommandEdge(
    kind=Kind.START_SESSION,
    check=check,
    read=read,
    find=find,
    said=said,
    show=show,
)
