"""A 1.6 charge point on `eu.chargetime.ocpp` (Maven)."""

import pytest

from tests.e2e.broker_calls import succeeded, transaction_id
from tests.e2e.foreign_system import System
from tests.e2e.third_party.programs import eu_chargetime_16
from tests.e2e.toolchains import BUILD_LIMIT_S

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(BUILD_LIMIT_S)]


def test_charge_point_on_eu_chargetime_starts_and_stops(system: System) -> None:
    with eu_chargetime_16(system.ocpp_url) as charge_point:
        charge_point.wait_for("ready")
        started = system.broker.start(charge_point.name)
        assert succeeded(started), charge_point.story()
        session = charge_point.wait_for("session_started")
        assert transaction_id(started) == str(session["transactionId"])
        stopped = system.broker.stop(started.name)
        assert succeeded(stopped), charge_point.story()
        assert charge_point.wait_for("session_ended")["reason"] == "Remote"
        assert charge_point.violations() == []
