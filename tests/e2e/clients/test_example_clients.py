"""The clients of examples/, in languages that are not ours."""

import uuid
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.clients.example_clients import build_go_client, build_node_client, outcomes
from tests.e2e.foreign_system import System, simulated_station
from tests.e2e.toolchains import BUILD_LIMIT_S

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(BUILD_LIMIT_S)]


def assert_session_started_and_stopped(
    system: System, client: Sequence[str | Path], version: str
) -> None:
    station_id = f"client-{uuid.uuid4().hex[:8]}"
    with simulated_station(system, version, station_id) as station:
        started, stopped = outcomes(client, system.grpc_address, station)
    assert (started["kind"], started["code"]) == ("KIND_START_SESSION", "CODE_SUCCEEDED")
    assert (stopped["kind"], stopped["code"]) == ("KIND_STOP_SESSION", "CODE_SUCCEEDED")
    assert started["transaction_id"]
    assert stopped["transaction_id"] == started["transaction_id"]
    assert started["transaction"].startswith(f"{station}/transactions/")


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_go_client_starts_and_stops_a_session(system: System, version: str) -> None:
    assert_session_started_and_stopped(system, [build_go_client()], version)


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_node_client_starts_and_stops_a_session(system: System, version: str) -> None:
    assert_session_started_and_stopped(system, build_node_client(), version)
