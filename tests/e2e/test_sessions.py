"""A caller starts and stops sessions on simulated stations of every version."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from evcommand.v1 import id_token_pb2

from simulator.config import Cable, StationConfig, TxStart
from simulator.station import SimulatedStation
from tests.support.client import TOKEN, Client, Command, code_of
from tests.support.processes import Fleet
from tests.support.stations.stepped_station import STARTS

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]
BOTH = pytest.mark.parametrize("version", ["1.6", "2.0.1"])
EVERY = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
CALLERS = 20


@asynccontextmanager
async def simulated(
    fleet: Fleet, client: Client, version: str, **settings: Any
) -> AsyncIterator[SimulatedStation]:
    """A booted station whose driver plugs in at once after a start was accepted."""
    config = StationConfig(
        f"CP-{uuid.uuid4().hex[:8]}",
        fleet.ocpp_url,
        version=version,
        **{"plug_delay_s": 0.1, "connection_timeout_s": 20.0, "reconnect_s": 0.2, **settings},
    )
    async with SimulatedStation(config) as station:
        await client.station_is_ready(config.id)
        yield station


def transaction_of(station: SimulatedStation) -> str:
    """OCPP's own id of the last session, as the station knows it."""
    session = station.charger.sessions[-1]
    return str(session.csms_transaction_id) if station.config.version == "1.6" else session.id


def succeeded_with(command: Command, transaction_id: str) -> bool:
    return (
        code_of(command) == "SUCCEEDED" and command.outcome.session.transaction_id == transaction_id
    )


@EVERY
@pytest.mark.parametrize("cable", [Cable.FIRST, Cable.LAST])
async def test_start_with_the_cable_first_and_last_tells_the_transaction_id(
    fleet: Fleet, client: Client, version: str, cable: Cable
) -> None:
    async with simulated(fleet, client, version, cable=cable) as station:
        command = await client.start(station.config.id)
        assert succeeded_with(command, transaction_of(station)), command


async def test_start_of_a_transaction_that_runs_since_the_plug_tells_its_id(
    fleet: Fleet, client: Client
) -> None:
    settings = {"cable": Cable.FIRST, "tx_start": TxStart.EV_CONNECTED}
    async with simulated(fleet, client, "2.0.1", **settings) as station:
        command = await client.start(station.config.id)
        assert succeeded_with(command, station.charger.sessions[0].id), command


@EVERY
@pytest.mark.parametrize(
    "target", ["transaction", "start_command", "evse", "token", "ocpp_transaction_id"]
)
async def test_stop_by_transaction_start_command_evse_token_and_ocpp_id(
    fleet: Fleet, client: Client, version: str, target: str
) -> None:
    async with simulated(fleet, client, version, cable=Cable.FIRST) as station:
        started = await client.start(station.config.id)
        stopped = await client.stop(**stop_target(target, started))
        assert succeeded_with(stopped, started.outcome.session.transaction_id), stopped
        assert station.active_sessions == []


def stop_target(target: str, started: Command) -> dict[str, Any]:
    targets: dict[str, dict[str, Any]] = {
        "transaction": {"transaction": started.outcome.session.transaction},
        "start_command": {"start_command": started.name},
        "evse": {"station": started.station, "evse_id": 1},
        "token": {"station": started.station, "id_token": id_token_pb2.IdToken(value=TOKEN)},
        "ocpp_transaction_id": {
            "station": started.station,
            "transaction_id": started.outcome.session.transaction_id,
        },
    }
    return targets[target]


@EVERY
async def test_no_cable_is_no_effect_at_the_stations_own_timeout(
    fleet: Fleet, client: Client, version: str
) -> None:
    settings = {"cable": Cable.NEVER, "connection_timeout_s": 2.0}
    async with simulated(fleet, client, version, **settings) as station:
        command = await client.done((await client.start(station.config.id)).name)
        assert code_of(command) == "NO_EFFECT", command
        # 1.6 shows the end of the wait (Preparing to Available); 2.x shows nothing.
        seen = "CABLE_WAIT_ENDED" if version == "1.6" else "NO_CABLE_OR_NO_TRANSACTION"
        assert command.outcome.cause == seen


@BOTH
async def test_the_same_request_at_once_and_after_a_restart_is_one_command_and_one_frame(
    fleet: Fleet, client: Client, version: str
) -> None:
    async with simulated(fleet, client, version, cable=Cable.FIRST) as station:
        request_id = str(uuid.uuid4())

        async def ask() -> Command:
            return await client.start(station.config.id, request_id=request_id)

        commands = await asyncio.gather(*(ask() for _ in range(CALLERS)))
        await restart_everything(fleet)
        commands.append(await ask())
        assert {command.name for command in commands} == {f"commands/{request_id}"}
        assert {code_of(command) for command in commands} == {"SUCCEEDED"}
        assert station.received[STARTS[version]] == 1


async def restart_everything(fleet: Fleet) -> None:
    await fleet.stop()
    await fleet.start()
