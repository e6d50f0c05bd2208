"""No kind of command is forgotten at the broker's edge."""

import pytest
from evcommand.v1 import remote_command_service_pb2 as pb

from broker.commands.table import EDGES
from domain.model.specs import Kind
from tests.unit.broker.edges import drafted, shown
from tests.unit.broker.requests import NOW, reserve, start, stop
from tests.unit.broker.things import SEALER

REQUESTS = {
    Kind.START_SESSION: start(),
    Kind.STOP_SESSION: stop(evse_id=1, station="stations/CP-1"),
    Kind.UNLOCK_CONNECTOR: pb.UnlockConnectorRequest(station="stations/CP-1", connector_id=1),
    Kind.RESET: pb.ResetRequest(station="stations/CP-1", mode=1),  # type: ignore[arg-type]
    Kind.RESERVE_NOW: reserve(),
    Kind.CANCEL_RESERVATION: pb.CancelReservationRequest(
        reservation="reservations/0123456789abcdef01234567"
    ),
}


def test_every_kind_has_its_edge() -> None:
    assert list(EDGES) == list(Kind)
    assert all(edge.kind is kind for kind, edge in EDGES.items())


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_checked_read_and_shown_as_itself(kind: Kind) -> None:
    edge, request = EDGES[kind], REQUESTS[kind]
    assert edge.check(request, NOW) == ()
    parsed = edge.read(request, SEALER, NOW)
    message = shown(drafted(edge, parsed))
    assert message.WhichOneof("spec") == kind.value.lower()


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_compares_fields_of_its_own_request(kind: Kind) -> None:
    edge, request = EDGES[kind], REQUESTS[kind]
    said = edge.said(edge.read(request, SEALER, NOW).spec)
    fields = {field.name for field in request.DESCRIPTOR.fields}
    assert said
    assert set(said) - {"wire_id"} <= fields
