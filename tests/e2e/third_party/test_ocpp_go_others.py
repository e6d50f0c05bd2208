"""Unlocking, restarting and reserving on the examples of `ocpp-go` (Go), as they come."""

from collections.abc import Iterator

import pytest

from tests.e2e.broker_calls import Code, Command
from tests.e2e.foreign_system import System, running_system
from tests.e2e.third_party.programs import ocpp_go_16, ocpp_go_201_example
from tests.e2e.toolchains import BUILD_LIMIT_S

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(BUILD_LIMIT_S)]


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system that waits seconds, not minutes, for a restart."""
    home = tmp_path_factory.mktemp("hasty")
    options = ("--timing-reset-effect-s", "4", "--timing-effect-margin-s", "1")
    with running_system(home, *options) as running:
        yield running


def ended_as(command: Command, code: "Code.ValueType", cause: str) -> bool:
    return (command.outcome.code, command.outcome.cause) == (code, cause)


def test_example_of_ocpp_go_unlocks_reserves_and_lets_go(hasty: System) -> None:
    with ocpp_go_16(hasty.ocpp_url) as charge_point:
        broker, station = hasty.broker, charge_point.name
        broker.wait_until_booted(station)
        assert ended_as(broker.unlock(station), Code.CODE_SUCCEEDED, "CONNECTOR_UNLOCKED")
        reserve = broker.reserve(station)
        assert ended_as(reserve, Code.CODE_SUCCEEDED, "RESERVED"), charge_point.story()
        reservation = reserve.reserve_now.reservation
        cancel = broker.cancel_reservation(reservation)
        assert ended_as(cancel, Code.CODE_SUCCEEDED, "RESERVATION_CANCELLED")
        assert broker.reservation_until(reservation, "CANCELLED").cause == "CANCELLED_BY_CALLER"


def test_example_of_ocpp_go_says_yes_to_a_reset_and_does_not_restart(hasty: System) -> None:
    with ocpp_go_16(hasty.ocpp_url) as charge_point:
        hasty.broker.wait_until_booted(charge_point.name)
        command = hasty.broker.reset(charge_point.name)
        assert command.station_answer.status == "Accepted"
        assert ended_as(command, Code.CODE_NO_EFFECT, "STATION_DID_NOT_RESTART"), command


def test_example_of_ocpp_go_201_reserves_and_lets_go(hasty: System) -> None:
    with ocpp_go_201_example(hasty.ocpp_url) as charge_point:
        broker, station = hasty.broker, charge_point.name
        broker.wait_until_booted(station)
        reserve = broker.reserve(station)
        assert ended_as(reserve, Code.CODE_SUCCEEDED, "RESERVED"), charge_point.story()
        cancel = broker.cancel_reservation(reserve.reserve_now.reservation)
        assert ended_as(cancel, Code.CODE_SUCCEEDED, "RESERVATION_CANCELLED"), charge_point.story()


def test_example_of_ocpp_go_201_that_dies_under_reserve_now_is_unknown_until_the_hold_is_over(
    hasty: System,
) -> None:
    """The example panics when it is asked for a place that is occupied: it never answers."""
    with ocpp_go_201_example(hasty.ocpp_url) as charge_point:
        hasty.broker.wait_until_booted(charge_point.name)
        charge_point.wait_until(lambda: "started" in charge_point.story())
        command = hasty.broker.reserve(charge_point.name, ttl_s=10)
        assert charge_point.process.wait(timeout=1) != 0, charge_point.story()
    assert ended_as(command, Code.CODE_UNKNOWN, "CONNECTION_LOST_AFTER_SEND"), command
    assert command.compensation.reservation == command.reserve_now.reservation
    ended = hasty.broker.reservation_until(command.reserve_now.reservation, "EXPIRED")
    assert ended.end_time.ToDatetime() >= ended.expire_time.ToDatetime()
