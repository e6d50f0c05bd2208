"""Stations that report a session first and its token later: "not judged yet" is not "refused"."""

import asyncio

import pytest
from evcommand.v1 import remote_command_pb2 as command_pb

from tests.e2e.field.raw_station import Payload, RawStation, event, raw_station
from tests.e2e.field.starting import DELAYS_MS, start
from tests.e2e.foreign_system import System

pytestmark = pytest.mark.e2e

VERSIONS = ("ocpp2.0.1", "ocpp2.1")
TOKEN = {"idToken": "DRIVER-1", "type": "ISO14443"}


async def started_with_the_cable_in(
    station: RawStation, system: System, identity: str
) -> tuple[asyncio.Task[command_pb.RemoteCommand], int]:
    """The cable is in, the session has begun without a token; the start is answered with its id."""
    plugged = {"transactionId": f"T-{identity}", "chargingState": "EVConnected"}
    await station.call("TransactionEvent", event("Started", 0, "CablePluggedIn", plugged))
    asked: list[Payload] = []

    def agree(request: Payload) -> Payload:
        asked.append(request)
        return {"status": "Accepted", "transactionId": f"T-{identity}"}

    answered = station.answers("RequestStartTransaction", agree)
    starting = asyncio.create_task(asyncio.to_thread(start, system, identity))
    await answered.wait()
    return starting, asked[0]["remoteStartId"]


@pytest.mark.parametrize("delay_ms", DELAYS_MS)
@pytest.mark.parametrize("subprotocol", VERSIONS)
async def test_cable_first_and_the_token_later_is_a_session_that_started(
    system: System, subprotocol: str, delay_ms: int
) -> None:
    identity = f"late-{subprotocol}-{delay_ms}"
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        starting, number = await started_with_the_cable_in(station, system, identity)
        await asyncio.sleep(delay_ms / 1000)  # of the network between the two messages
        named = {"transactionId": f"T-{identity}", "remoteStartId": number}
        await station.call(
            "TransactionEvent", event("Updated", 1, "RemoteStart", named, idToken=TOKEN)
        )
        outcome = (await starting).outcome
    assert (outcome.code, outcome.cause) == (command_pb.Outcome.CODE_SUCCEEDED, "SESSION_STARTED")
    assert outcome.session.transaction_id == f"T-{identity}"


@pytest.mark.parametrize("delay_ms", DELAYS_MS)
@pytest.mark.parametrize("subprotocol", VERSIONS)
async def test_a_meter_value_between_the_answer_and_the_token_refuses_nothing(
    system: System, subprotocol: str, delay_ms: int
) -> None:
    identity = f"between-{subprotocol}-{delay_ms}"
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        starting, _ = await started_with_the_cable_in(station, system, identity)
        plugged = {"transactionId": f"T-{identity}", "chargingState": "EVConnected"}
        await station.call("TransactionEvent", event("Updated", 1, "MeterValuePeriodic", plugged))
        await asyncio.sleep(delay_ms / 1000)  # of the network between the two messages
        charging = {"transactionId": f"T-{identity}", "chargingState": "Charging"}
        await station.call(
            "TransactionEvent", event("Updated", 2, "ChargingStateChanged", charging)
        )
        outcome = (await starting).outcome
    assert (outcome.code, outcome.cause) == (command_pb.Outcome.CODE_SUCCEEDED, "SESSION_STARTED")


@pytest.mark.parametrize("subprotocol", VERSIONS)
async def test_a_session_that_names_our_request_and_no_token_is_a_session_that_started(
    system: System, subprotocol: str
) -> None:
    identity = f"no-token-{subprotocol}"
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        asked: list[Payload] = []

        def agree(request: Payload) -> Payload:
            asked.append(request)
            return {"status": "Accepted"}

        answered = station.answers("RequestStartTransaction", agree)
        starting = asyncio.create_task(asyncio.to_thread(start, system, identity))
        await answered.wait()
        named = {
            "transactionId": f"T-{identity}",
            "remoteStartId": asked[0]["remoteStartId"],
            "chargingState": "EVConnected",
        }
        await station.call("TransactionEvent", event("Started", 0, "RemoteStart", named))
        outcome = (await starting).outcome
    assert (outcome.code, outcome.cause) == (command_pb.Outcome.CODE_SUCCEEDED, "SESSION_STARTED")
