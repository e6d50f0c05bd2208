"""CancelReservation at the edge."""

import pytest
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from broker.commands import cancel_reservation
from tests.unit.broker.edges import RESERVATION, drafted, fields_of, shown
from tests.unit.broker.requests import NOW
from tests.unit.broker.things import SEALER


def wire(station: str, wire_id: int) -> command_pb.WireReservation:
    return command_pb.WireReservation(station=station, wire_id=wire_id)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.CancelReservationRequest(reservation="reservations/7"), "reservation"),
        (pb.CancelReservationRequest(wire_reservation=wire("CP-1", 7)), "station"),
        (
            pb.CancelReservationRequest(wire_reservation=wire("stations/CP-1", -1)),
            "wire_reservation.wire_id",
        ),
        (pb.CancelReservationRequest(reservation=RESERVATION, reason="x" * 256), "reason"),
    ],
)
def test_each_fault_of_a_cancel_is_named(request_: pb.CancelReservationRequest, field: str) -> None:
    assert fields_of(cancel_reservation.check(request_, NOW)) == [field]


@pytest.mark.parametrize(
    "target", [{"reservation": RESERVATION}, {"wire_reservation": wire("stations/CP-1", 7)}]
)
def test_a_good_cancel_has_no_faults(target: dict[str, object]) -> None:
    request = pb.CancelReservationRequest(**target)  # type: ignore[arg-type]
    assert cancel_reservation.check(request, NOW) == ()


def test_a_cancel_needs_its_target() -> None:
    assert fields_of(cancel_reservation.check(pb.CancelReservationRequest(), NOW)) == ["target"]


def test_a_target_by_number_is_echoed_as_it_was_given() -> None:
    request = pb.CancelReservationRequest(wire_reservation=wire("stations/CP-1", 9))
    parsed = cancel_reservation.read(request, SEALER, NOW)
    echoed = shown(drafted(cancel_reservation.EDGE, parsed)).cancel_reservation
    assert echoed.wire_reservation.wire_id == 9
    assert echoed.WhichOneof("target") == "wire_reservation"


def test_a_target_by_name_is_echoed_as_it_was_given() -> None:
    request = pb.CancelReservationRequest(reservation=RESERVATION, reason="late")
    parsed = cancel_reservation.read(request, SEALER, NOW)
    assert parsed.station is None
    echoed = shown(drafted(cancel_reservation.EDGE, parsed)).cancel_reservation
    assert (echoed.reservation, echoed.reason) == (RESERVATION, "late")
