"""Reset at the edge."""

import pytest
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from broker.commands import reset
from broker.settings import Right
from domain.model.specs import ResetMode, ResetSpec
from tests.unit.broker.edges import drafted, fields_of, is_possible, shown
from tests.unit.broker.requests import NOW
from tests.unit.broker.things import SEALER

MODES = {
    "1.6": {ResetMode.SOFT, ResetMode.HARD},
    "2.0.1": {ResetMode.SOFT, ResetMode.HARD, ResetMode.ON_IDLE},
    "2.1": set(ResetMode),
    "": set(ResetMode),
}


def restart(mode: ResetMode, evse_id: int | None = None) -> pb.ResetRequest:
    value = command_pb.ResetMode.Value(f"RESET_MODE_{mode.value}")
    return pb.ResetRequest(station="stations/CP-1", mode=value, evse_id=evse_id)


def test_a_good_reset_has_no_faults() -> None:
    assert reset.check(restart(ResetMode.SOFT), NOW) == ()
    assert fields_of(reset.check(pb.ResetRequest(evse_id=0), NOW)) == ["station", "evse_id", "mode"]


@pytest.mark.parametrize("mode", ResetMode)
def test_a_restart_at_once_of_the_whole_station_needs_its_right(mode: ResetMode) -> None:
    at_once = mode in {ResetMode.HARD, ResetMode.IMMEDIATE_AND_RESUME}
    assert reset.rights(restart(mode)) == (Right.HARD_RESET if at_once else Right.COMMAND,)
    assert reset.rights(restart(mode, evse_id=1)) == (Right.COMMAND,)


@pytest.mark.parametrize("version", MODES)
@pytest.mark.parametrize("mode", ResetMode)
def test_a_version_restarts_only_as_it_can(version: str, mode: ResetMode) -> None:
    possible = is_possible(lambda: reset.check_fits(ResetSpec(mode), version))
    assert possible == (mode in MODES[version])


@pytest.mark.parametrize(("version", "possible"), [("1.6", False), ("2.0.1", True), ("2.1", True)])
def test_only_2x_restarts_one_evse(version: str, possible: bool) -> None:
    one = ResetSpec(ResetMode.SOFT, evse_id=1)
    assert is_possible(lambda: reset.check_fits(one, version)) == possible


def test_what_was_asked_for_is_echoed() -> None:
    parsed = reset.read(restart(ResetMode.ON_IDLE), SEALER, NOW)
    echoed = shown(drafted(reset.EDGE, parsed)).reset
    assert echoed.mode == command_pb.RESET_MODE_ON_IDLE
