"""Charge points on `ocpp-rpc` (npm), whose strict mode judges every frame by the OCPP schemas."""

import pytest

from tests.e2e.broker_calls import Code, succeeded, transaction_id
from tests.e2e.foreign_system import System
from tests.e2e.third_party.charge_point_process import ChargePointProcess
from tests.e2e.third_party.programs import new_station_id, ocpp_rpc
from tests.e2e.toolchains import BUILD_LIMIT_S

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(BUILD_LIMIT_S)]

VERSIONS = ["1.6", "2.0.1", "2.1"]


def wire_id(charge_point: ChargePointProcess) -> str:
    """The transaction id as the charge point itself knows it."""
    return str(charge_point.wait_for("session_started")["transactionId"])


@pytest.mark.parametrize("cable", ["first", "last"])
@pytest.mark.parametrize("version", VERSIONS)
def test_session_starts_and_stops_and_no_frame_breaks_the_schemas(
    system: System, version: str, cable: str
) -> None:
    with ocpp_rpc(system.ocpp_url, version, "--cable", cable) as charge_point:
        charge_point.wait_for("ready")
        started = system.broker.start(charge_point.name)
        assert succeeded(started), charge_point.story()
        assert transaction_id(started) == wire_id(charge_point)
        stopped = system.broker.stop(started.name)
        assert succeeded(stopped), charge_point.story()
        assert transaction_id(stopped) == transaction_id(started)
        assert charge_point.wait_for("session_ended")["reason"] == "Remote"
        assert charge_point.violations() == []


@pytest.mark.parametrize(
    ("version", "question", "cause"),
    [
        ("1.6", "GetConfiguration", "CABLE_WAIT_ENDED"),
        ("2.0.1", "GetVariables", "NO_CABLE_OR_NO_TRANSACTION"),
        ("2.1", "GetVariables", "NO_CABLE_OR_NO_TRANSACTION"),
    ],
)
def test_accepted_start_without_a_cable_has_no_effect(
    system: System, version: str, question: str, cause: str
) -> None:
    options = ["--cable", "never", "--connection-timeout-s", "2"]
    with ocpp_rpc(system.ocpp_url, version, *options) as charge_point:
        charge_point.wait_for("answer", question)  # how long it waits for a cable
        started = system.broker.start(charge_point.name)
        assert started.station_answer.status == "Accepted"
        assert started.outcome.code == Code.CODE_NO_EFFECT, charge_point.story()
        assert started.outcome.cause == cause
        assert charge_point.violations() == []


@pytest.mark.parametrize("version", VERSIONS)
def test_registered_station_boots_with_its_password(system: System, version: str) -> None:
    station_id = new_station_id("registered")
    password = system.broker.register(station_id)
    options = [f"--password={password}"]  # it may begin with a dash
    with ocpp_rpc(system.ocpp_url, version, *options, station_id=station_id) as charge_point:
        assert charge_point.wait_for("booted")["status"] == "Accepted"


def test_registered_station_is_refused_with_another_password(system: System) -> None:
    station_id = new_station_id("registered")
    system.broker.register(station_id)
    options = ["--password=not-the-password-1"]
    with ocpp_rpc(system.ocpp_url, "1.6", *options, station_id=station_id) as charge_point:
        assert charge_point.wait_for("failed")["code"] == 401
