"""Charge points on `ocpp-go` (Go): the library's own 1.6 example, and a 2.0.1 station on it."""

import pytest

from tests.e2e.broker_calls import succeeded, transaction_id
from tests.e2e.foreign_system import System
from tests.e2e.third_party.programs import ocpp_go_16, ocpp_go_201
from tests.e2e.toolchains import BUILD_LIMIT_S

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(BUILD_LIMIT_S)]

TOKEN_OF_THE_EXAMPLE = "12345"
"""The example starts its one session with this token, 5 s after its boot."""


def test_example_of_ocpp_go_starts_and_stops(system: System) -> None:
    with ocpp_go_16(system.ocpp_url) as charge_point:
        system.broker.wait_until_booted(charge_point.name)
        started = system.broker.start(charge_point.name, TOKEN_OF_THE_EXAMPLE)
        assert succeeded(started), charge_point.story()
        stopped = system.broker.stop(started.name)
        assert stopped.station_answer.status == "Accepted"
        assert succeeded(stopped), charge_point.story()
        assert transaction_id(stopped) == transaction_id(started)


@pytest.mark.parametrize("cable", ["first", "last"])
def test_station_on_ocpp_go_201_starts_and_stops(system: System, cable: str) -> None:
    with ocpp_go_201(system.ocpp_url, cable) as charge_point:
        charge_point.wait_for("ready")
        started = system.broker.start(charge_point.name)
        assert succeeded(started), charge_point.story()
        session = charge_point.wait_for("session_started")
        assert transaction_id(started) == session["transactionId"]
        stopped = system.broker.stop(started.name)
        assert succeeded(stopped), charge_point.story()
        assert charge_point.wait_for("session_ended")["reason"] == "Remote"
        assert charge_point.violations() == []
