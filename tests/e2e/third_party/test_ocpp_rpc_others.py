"""Unlocking, restarting and reserving on `ocpp-rpc` (npm), whose strict mode judges every frame."""

import pytest

from tests.e2e.broker_calls import Code, Command, succeeded
from tests.e2e.foreign_system import System
from tests.e2e.third_party.charge_point_process import ChargePointProcess
from tests.e2e.third_party.programs import ocpp_rpc
from tests.e2e.toolchains import BUILD_LIMIT_S

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(BUILD_LIMIT_S)]

EVERY = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
LAST = ("--cable", "last")


def ended_as(command: Command, code: "Code.ValueType", cause: str) -> bool:
    return (command.outcome.code, command.outcome.cause) == (code, cause)


def reserved(system: System, charge_point: ChargePointProcess, ttl_s: int = 600) -> str:
    """The reservation that a ReserveNow makes there."""
    charge_point.wait_for("ready")
    command = system.broker.reserve(charge_point.name, ttl_s=ttl_s)
    assert ended_as(command, Code.CODE_SUCCEEDED, "RESERVED"), charge_point.story()
    system.broker.reservation_until(command.reserve_now.reservation, "HELD")
    return command.reserve_now.reservation


@EVERY
def test_connector_is_unlocked(system: System, version: str) -> None:
    with ocpp_rpc(system.ocpp_url, version, *LAST) as charge_point:
        charge_point.wait_for("ready")
        command = system.broker.unlock(charge_point.name)
        assert ended_as(command, Code.CODE_SUCCEEDED, "CONNECTOR_UNLOCKED"), charge_point.story()
        assert charge_point.violations() == []


@EVERY
def test_session_is_stopped_first_and_then_the_connector_is_unlocked(
    system: System, version: str
) -> None:
    with ocpp_rpc(system.ocpp_url, version, *LAST) as charge_point:
        charge_point.wait_for("ready")
        assert succeeded(system.broker.start(charge_point.name)), charge_point.story()
        command = system.broker.unlock(charge_point.name, stop_first=True)
        assert ended_as(command, Code.CODE_SUCCEEDED, "CONNECTOR_UNLOCKED"), charge_point.story()
        assert charge_point.wait_for("session_ended")["reason"] == "Remote"
        assert charge_point.violations() == []


def test_tethered_cable_is_not_supported(system: System) -> None:
    with ocpp_rpc(system.ocpp_url, "1.6", *LAST, "--tethered") as charge_point:
        charge_point.wait_for("ready")
        command = system.broker.unlock(charge_point.name)
        assert command.outcome.code == Code.CODE_NOT_SUPPORTED


@EVERY
def test_reset_ends_after_the_boot(system: System, version: str) -> None:
    with ocpp_rpc(system.ocpp_url, version, *LAST) as charge_point:
        charge_point.wait_for("ready")
        command = system.broker.reset(charge_point.name)
        assert ended_as(command, Code.CODE_SUCCEEDED, "STATION_RESTARTED"), charge_point.story()
        charge_point.wait_for("restarted")
        assert charge_point.violations() == []


@EVERY
def test_session_uses_its_reservation(system: System, version: str) -> None:
    with ocpp_rpc(system.ocpp_url, version, *LAST) as charge_point:
        reservation = reserved(system, charge_point)
        assert succeeded(system.broker.start(charge_point.name)), charge_point.story()
        known = system.broker.reservation_until(reservation, "USED")
        assert known.cause == "SESSION_USED_IT"
        assert charge_point.violations() == []


@EVERY
def test_reservation_is_cancelled(system: System, version: str) -> None:
    with ocpp_rpc(system.ocpp_url, version, *LAST) as charge_point:
        reservation = reserved(system, charge_point)
        command = system.broker.cancel_reservation(reservation)
        assert ended_as(command, Code.CODE_SUCCEEDED, "RESERVATION_CANCELLED")
        system.broker.reservation_until(reservation, "CANCELLED")
        assert charge_point.violations() == []


@EVERY
def test_reservation_expires(system: System, version: str) -> None:
    with ocpp_rpc(system.ocpp_url, version, *LAST) as charge_point:
        reservation = reserved(system, charge_point, ttl_s=2)
        assert system.broker.reservation_until(reservation, "EXPIRED").cause == "TIME_OVER"
        charge_point.wait_for("received", "CancelReservation")
        assert charge_point.violations() == []


@EVERY
def test_hold_that_a_restart_forgot_is_made_again(system: System, version: str) -> None:
    with ocpp_rpc(system.ocpp_url, version, *LAST) as charge_point:
        reservation = reserved(system, charge_point)
        assert succeeded(system.broker.reset(charge_point.name)), charge_point.story()
        charge_point.wait_until(lambda: len(charge_point.received("ReserveNow")) == 2)
        first, again = (call["params"] for call in charge_point.received("ReserveNow"))
        assert first == again
        system.broker.reservation_until(reservation, "HELD")
        assert charge_point.violations() == []
