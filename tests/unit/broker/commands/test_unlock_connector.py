"""UnlockConnector at the edge."""

import pytest
from evcommand.v1 import remote_command_service_pb2 as pb

from broker.commands import unlock_connector
from broker.settings import Right
from domain.model.specs import UnlockSpec
from tests.unit.broker.edges import drafted, fields_of, is_possible, shown
from tests.unit.broker.requests import NOW
from tests.unit.broker.things import SEALER

UNLOCK = pb.UnlockConnectorRequest(station="stations/CP-1", connector_id=2, stop_first=True)


def test_a_good_unlock_has_no_faults() -> None:
    assert unlock_connector.check(UNLOCK, NOW) == ()
    bad = pb.UnlockConnectorRequest(evse_id=0)
    assert fields_of(unlock_connector.check(bad, NOW)) == ["station", "evse_id", "connector_id"]


def test_every_unlock_needs_its_right() -> None:
    assert unlock_connector.right(UNLOCK) is Right.UNLOCK


@pytest.mark.parametrize(("version", "possible"), [("1.6", False), ("2.0.1", True), ("2.1", True)])
def test_only_2x_names_a_second_connector(version: str, possible: bool) -> None:
    second = UnlockSpec(connector_id=2, evse_id=1)
    assert is_possible(lambda: unlock_connector.check_fits(second, version)) == possible
    own_number = UnlockSpec(connector_id=2)
    assert is_possible(lambda: unlock_connector.check_fits(own_number, version))


def test_what_was_asked_for_is_echoed() -> None:
    parsed = unlock_connector.read(UNLOCK, SEALER, NOW)
    echoed = shown(drafted(unlock_connector.EDGE, parsed)).unlock_connector
    assert (echoed.connector_id, echoed.stop_first) == (2, True)
    assert not echoed.HasField("evse_id")
