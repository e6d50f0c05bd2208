"""UnlockConnector at the edge."""

import pytest
from evcommand.v1 import remote_command_service_pb2 as pb

from broker.commands import unlock_connector
from broker.errors import Reason, Refusal
from broker.settings import Right
from domain.model.specs import UnlockSpec
from tests.unit.broker.edges import drafted, fields_of, is_possible, shown
from tests.unit.broker.requests import NOW
from tests.unit.broker.things import SEALER

UNLOCK = pb.UnlockConnectorRequest(station="stations/CP-1", connector_id=2, stop_first=True)


def test_a_good_unlock_has_no_faults() -> None:
    assert unlock_connector.check(UNLOCK, NOW) == ()
    bad = pb.UnlockConnectorRequest(evse_id=0)
    assert fields_of(unlock_connector.check(bad, NOW)) == ["station", "evse_id"]
    for number in (0, -1):
        bad = pb.UnlockConnectorRequest(station="stations/CP-1", connector_id=number)
        assert fields_of(unlock_connector.check(bad, NOW)) == ["connector_id"]
    alone = pb.UnlockConnectorRequest(station="stations/CP-1", evse_id=2)
    assert unlock_connector.check(alone, NOW) == ()


EVSE_ALONE = UnlockSpec(connector_id=0, evse_id=2)


@pytest.mark.parametrize(
    ("version", "connectors", "found"),
    [
        ("1.6", [], 1),
        ("1.6", [(1, 1), (2, 1)], 1),
        ("2.0.1", [(1, 1), (1, 2), (2, 7), (2, 0)], 7),
        ("2.1", [(2, 1)], 1),
        ("", [(2, 1)], 1),
    ],
)
def test_an_evse_alone_means_its_only_connector(
    version: str, connectors: list[tuple[int, int]], found: int
) -> None:
    whole = unlock_connector.with_only_connector(EVSE_ALONE, version, connectors)
    assert (whole.on_evse, whole.on_connector) == (2, found)
    asked, kept = unlock_connector.said(EVSE_ALONE), unlock_connector.said(whole)
    assert asked.items() <= kept.items()  # a repeat says the same


@pytest.mark.parametrize("version", ["2.0.1", "2.1", ""])
@pytest.mark.parametrize("connectors", [[], [(1, 1)], [(2, 1), (2, 2)], [(2, 0)]])
def test_an_evse_alone_is_ambiguous_unless_one_connector_is_known(
    version: str, connectors: list[tuple[int, int]]
) -> None:
    with pytest.raises(Refusal) as refused:
        unlock_connector.with_only_connector(EVSE_ALONE, version, connectors)
    assert refused.value.reason is Reason.AMBIGUOUS_TARGET
    assert [one.field for one in refused.value.violations] == ["connector_id"]
    assert "connector of EVSE 2" in refused.value.message


def test_every_unlock_needs_its_right() -> None:
    assert unlock_connector.rights(UNLOCK)[0] is Right.UNLOCK


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
