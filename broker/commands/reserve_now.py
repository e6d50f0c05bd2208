"""ReserveNow at the broker's edge. See `broker.commands.edge` for the steps.

The reservation's id follows from the request id, and its number on the wire is minted once for that
id. So a repeat asks the station for the same reservation, whichever broker it reaches.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from broker.commands.edge import CommandEdge, Found, ParsedRequest, Preparation, right_to_reserve
from broker.commands.fits import check_tokens_fit, impossible, is_only_connector
from broker.commands.lookups import Lookup
from broker.commands.options import check_options, parsed_request
from broker.errors import FieldViolation
from broker.proto import fields
from broker.proto.fields import Findings
from broker.proto.id_token import id_token_field, said_token, token_chars, token_in, token_out
from broker.proto.names import reservation_out, station_in
from broker.proto.reservations import end_field, end_in
from broker.proto.times import span_out, time_out
from broker.settings import Right
from domain.commands.table import COMMANDS
from domain.model.command import Command
from domain.model.specs import Kind, ReserveSpec
from domain.ocpp_words import capabilities_of
from domain.reservations.admission import reservation_id, sent_until
from fleet.keys import Sealer
from fleet.log import reservations

MAX_CONNECTOR_TYPE = 20


def check(request: pb.ReserveNowRequest, now: datetime) -> tuple[FieldViolation, ...]:
    """What is wrong with the request."""
    findings = Findings()
    fields.station_field(findings, request.station, required=True)
    fields.connector_fields(findings, request)
    findings.expect(
        len(request.connector_type) <= MAX_CONNECTOR_TYPE
        and fields.is_printable(request.connector_type),
        "connector_type",
        f"must be at most {MAX_CONNECTOR_TYPE} printable characters",
    )
    id_token_field(findings, "id_token", request.id_token, present=request.HasField("id_token"))
    if request.HasField("group_id_token"):
        id_token_field(findings, "group_id_token", request.group_id_token, present=True)
    end = request.WhichOneof("end")
    findings.expect(end is not None, "end", "is required: expire_time or ttl")
    end_field(findings, end, request.expire_time, request.ttl, now)
    check_options(findings, request, now)
    return findings.violations


def read(
    request: pb.ReserveNowRequest, sealer: Sealer, now: datetime
) -> ParsedRequest[ReserveSpec]:
    """The request as the domain's spec. Its reservation and number are not made yet."""
    end, has_group = request.WhichOneof("end"), request.HasField("group_id_token")
    expire_time = end_in(end, request.expire_time, request.ttl, now)
    if expire_time is None:
        raise ValueError("the request was not checked")
    spec = ReserveSpec(
        id_token=token_in(sealer, request.id_token),
        expire_time=expire_time,
        evse_id=request.evse_id if request.HasField("evse_id") else None,
        connector_id=request.connector_id if request.HasField("connector_id") else None,
        connector_type=request.connector_type,
        group_id_token=token_in(sealer, request.group_id_token) if has_group else None,
        ttl_s=request.ttl.ToTimedelta().total_seconds() if end == "ttl" else None,
    )
    return parsed_request(
        request,
        spec,
        now,
        station=station_in(request.station),
        token_chars=token_chars(request, "id_token", "group_id_token"),
    )


async def find(lookup: Lookup, parsed: ParsedRequest[ReserveSpec]) -> Found[ReserveSpec]:
    """The station, whether it can be asked for this, and the id of the reservation."""
    station = await lookup.station(parsed.station)
    check_fits(parsed, station.ocpp_version, await lookup.connectors(station.id))
    spec = replace(parsed.spec, reservation=reservation_id(lookup.tenant, lookup.command))
    return Found(station.id, spec, send_until=send_until(parsed))


def send_until(parsed: ParsedRequest[ReserveSpec]) -> datetime:
    """Until when it is sent when the caller set no limit."""
    default = parsed.time + COMMANDS[Kind.RESERVE_NOW].not_after
    return sent_until(default, parsed.spec.expire_time)


def check_fits(
    parsed: ParsedRequest[ReserveSpec], version: str, connectors: list[tuple[int, int]]
) -> None:
    """Refuse a reservation that the station's OCPP version has no words for.

    connectors: (evse_id, connector_id) of what the station reported.

    Raises: Refusal (NOT_POSSIBLE_ON_STATION).
    """
    check_tokens_fit(version, parsed.token_chars)
    spec, able = parsed.spec, capabilities_of(version)
    if spec.connector_type and able is not None and not able.connector_types:
        raise impossible(
            "connector_type", f"OCPP {version} knows no types of connectors; name the EVSE instead"
        )
    only = spec.connector_id is None or is_only_connector(
        spec.evse_id, spec.connector_id, connectors
    )
    if not only:
        raise impossible(
            "connector_id",
            "OCPP reserves an EVSE and can name its connector only when it is the only one; leave "
            "connector_id out, or give a connector_type (OCPP 2.x)",
        )


async def prepare(preparation: Preparation, command: Command) -> Command:
    """The command with the number by which the station will know the reservation.

    A concurrent repeat is given the same number.
    """
    spec = command.reserve
    if spec is None:
        raise ValueError(f"{command.kind.value} makes no reservation")
    async with preparation.db.write() as tx:
        number = await reservations.mint(
            tx,
            tenant=command.tenant,
            reservation=spec.reservation,
            station=command.station,
            now=preparation.now,
        )
    return replace(command, reserve=replace(spec, wire_id=number))


def said(spec: ReserveSpec) -> dict[str, object]:
    """What a repeat must say again. An end that was counted from a ttl was not said."""
    end = {"expire_time": spec.expire_time} if spec.ttl_s is None else {}
    return {
        "evse_id": spec.evse_id,
        "connector_id": spec.connector_id,
        "connector_type": spec.connector_type,
        "id_token": said_token(spec.id_token),
        "group_id_token": said_token(spec.group_id_token),
        **end,
        "ttl": spec.ttl_s,
    }


def show(shown: command_pb.RemoteCommand, spec: ReserveSpec, _station: str) -> None:
    """The spec as the contract's message, its end as the caller gave it."""
    ttl_s = spec.ttl_s
    message = command_pb.ReserveNowSpec(
        evse_id=spec.evse_id,
        connector_id=spec.connector_id,
        connector_type=spec.connector_type,
        id_token=token_out(spec.id_token),
        group_id_token=token_out(spec.group_id_token),
        reservation=reservation_out(spec.reservation),
        wire_id=spec.wire_id,
        expire_time=time_out(spec.expire_time) if ttl_s is None else None,
        ttl=None if ttl_s is None else span_out(timedelta(seconds=ttl_s)),
    )
    shown.reserve_now.CopyFrom(message)


EDGE = CommandEdge(
    kind=Kind.RESERVE_NOW,
    opened_by=(Right.RESERVE,),
    rights=right_to_reserve,
    cancelled_with=Right.RESERVE,
    check=check,
    read=read,
    find=find,
    prepare=prepare,
    said=said,
    show=show,
)
