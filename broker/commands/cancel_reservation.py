"""CancelReservation at the broker's edge. See `broker.commands.edge` for the steps.

A reservation is named by its resource name, or by its station and the number that the station knows
it by. The second form also works for reservations that the broker never heard of.
"""

from dataclasses import replace
from datetime import datetime

from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from broker.commands.edge import CommandEdge, Found, ParsedRequest, Preparation, right_to_reserve
from broker.commands.lookups import Lookup
from broker.commands.options import check_options, parsed_request
from broker.errors import FieldViolation
from broker.proto import fields
from broker.proto.fields import Findings
from broker.proto.names import reservation_out, station_in, station_name
from broker.proto.times import INT32_MAX
from broker.settings import Right
from domain.model.command import Command
from domain.model.specs import CancelReservationSpec, Kind
from domain.reservations.admission import is_being_asked_for
from fleet.keys import Sealer
from fleet.log import commands as fleet_log
from fleet.log import reservations
from journal.commands.record import from_snapshot
from journal.reservations.record import from_snapshot as reservation_from_snapshot


def check(request: pb.CancelReservationRequest, now: datetime) -> tuple[FieldViolation, ...]:
    """What is wrong with the request."""
    findings = Findings()
    target = request.WhichOneof("target")
    findings.expect(
        target is not None, "target", "name the reservation: reservation or wire_reservation"
    )
    if target == "reservation":
        fields.reservation_field(findings, request.reservation)
    elif target == "wire_reservation":
        wire = request.wire_reservation
        fields.station_field(findings, wire.station, required=True)
        findings.expect(
            0 <= wire.wire_id <= INT32_MAX, "wire_reservation.wire_id", "must be 0 or more"
        )
    fields.text_field(findings, "reason", request.reason)
    check_options(findings, request, now)
    return findings.violations


def read(
    request: pb.CancelReservationRequest, _sealer: Sealer, now: datetime
) -> ParsedRequest[CancelReservationSpec]:
    """The request as the domain's spec. A reservation's name is not looked up yet."""
    by_wire = request.WhichOneof("target") == "wire_reservation"
    wire = request.wire_reservation
    spec = CancelReservationSpec(
        wire_id=wire.wire_id,
        reservation=None if by_wire else request.reservation,
        reason=request.reason,
    )
    return parsed_request(request, spec, now, station=station_in(wire.station) if by_wire else None)


async def find(
    lookup: Lookup, parsed: ParsedRequest[CancelReservationSpec]
) -> Found[CancelReservationSpec]:
    """The station, the reservation's number there, and the reservation if we know it."""
    spec = parsed.spec
    if spec.reservation is not None:
        known = await lookup.reservation(spec.reservation)
        found = replace(spec, wire_id=known.wire_id, found_reservation=known.name)
        return Found(known.station, found)
    station = await lookup.station(parsed.station)
    entry = await reservations.by_wire_id(lookup.tx, station.id, spec.wire_id)
    ours = entry if entry is not None and entry.tenant == lookup.tenant else None
    resolved = None if ours is None else ours.name
    return Found(station.id, replace(spec, found_reservation=resolved))


async def prepare(preparation: Preparation, command: Command) -> Command:
    """Takes back the ReserveNow of a reservation that is still being asked for.

    Otherwise that command could ask for it again after this one has cancelled it.
    """
    spec = command.cancel_reservation
    if spec is not None and spec.found_reservation is not None:
        asking = await _still_asking(preparation, command.tenant, spec.found_reservation)
        if asking is not None:
            await preparation.cancel(asking, spec.reason)
    return command


def said(spec: CancelReservationSpec) -> dict[str, object]:
    """What a repeat must say again. A number that was looked up was not said."""
    number = {"wire_id": spec.wire_id} if spec.reservation is None else {}
    return {"reservation": spec.reservation, **number, "reason": spec.reason}


def show(shown: command_pb.RemoteCommand, spec: CancelReservationSpec, station: str) -> None:
    """The spec as the contract's message, its target as the caller gave it."""
    message = command_pb.CancelReservationSpec(
        reason=spec.reason,
        resolved_reservation=reservation_out(spec.found_reservation),
        resolved_wire_id=spec.wire_id,
    )
    if spec.reservation is not None:
        message.reservation = spec.reservation
    else:
        message.wire_reservation.station = station_name(station)
        message.wire_reservation.wire_id = spec.wire_id
    shown.cancel_reservation.CopyFrom(message)


async def _still_asking(preparation: Preparation, tenant: str, reservation: str) -> Command | None:
    """The command that asks for this reservation now; None when none does."""
    async with preparation.db.read() as tx:
        entry = await reservations.get(tx, tenant=tenant, name=reservation)
        known = None if entry is None else reservation_from_snapshot(entry.snapshot)
        if known is None or not is_being_asked_for(known):
            return None
        makes = await fleet_log.latest(tx, tenant=tenant, name=known.command)
    return None if makes is None else from_snapshot(makes.snapshot)


EDGE = CommandEdge(
    kind=Kind.CANCEL_RESERVATION,
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
