"""Stations that lose their power in a session and never tell its end: one plug, one session."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from evcommand.v1 import command_options_pb2, id_token_pb2, station_service_pb2
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from tests.e2e.field.crowd import call, received, run_all
from tests.e2e.field.raw_station import Payload, RawStation, event, raw_station
from tests.e2e.foreign_system import System

pytestmark = pytest.mark.e2e

VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
DELAYS_S = (0, 0.03, 0.1, 0.5, 3)
STATES = station_service_pb2.Transaction


def stamp(ago_s: float = 0) -> str:
    return (datetime.now(UTC) - timedelta(seconds=ago_s)).isoformat()


async def begin(station: RawStation, number: int, ago_s: float = 0, **more: Any) -> str:
    """A session begins at EVSE 1; its transaction id."""
    if station.subprotocol == "ocpp1.6":
        told = {
            "connectorId": 1,
            "idTag": "DRIVER-1",
            "meterStart": number,
            "timestamp": stamp(ago_s),
        }
        return str((await station.call("StartTransaction", told))["transactionId"])
    transaction = {"transactionId": f"T-{number}", "chargingState": "Charging"}
    token = {"idToken": "DRIVER-1", "type": "ISO14443"}
    told = event("Started", 0, "Authorized", transaction, idToken=token, **more)
    await station.call("TransactionEvent", told | {"timestamp": stamp(ago_s)})
    return f"T-{number}"


async def meter(station: RawStation, transaction: str) -> None:
    """The session is metered now."""
    if station.subprotocol == "ocpp1.6":
        values = [{"timestamp": stamp(), "sampledValue": [{"value": "20"}]}]
        told: Payload = {"connectorId": 1, "transactionId": int(transaction), "meterValue": values}
        await station.call("MeterValues", told)
        return
    running = {"transactionId": transaction, "chargingState": "Charging"}
    await station.call("TransactionEvent", event("Updated", 9, "MeterValuePeriodic", running))


async def end(station: RawStation, transaction: str, ago_s: float = 0) -> None:
    """The end of the session is reported."""
    if station.subprotocol == "ocpp1.6":
        told: Payload = {
            "transactionId": int(transaction),
            "meterStop": 30,
            "timestamp": stamp(ago_s),
        }
        await station.call("StopTransaction", told)
        return
    over = {"transactionId": transaction, "stoppedReason": "PowerLoss"}
    told = event("Ended", 10, "AbnormalCondition", over)
    await station.call("TransactionEvent", told | {"timestamp": stamp(ago_s)})


async def free(station: RawStation) -> None:
    """Connector 1 is Available."""
    if station.subprotocol == "ocpp1.6":
        told: Payload = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    else:
        told = {"evseId": 1, "connectorId": 1, "connectorStatus": "Available", "timestamp": stamp()}
    await station.call("StatusNotification", told)


def agree_to_stop(station: RawStation) -> asyncio.Event:
    """Stops are accepted from now on. Returns: set once one came."""
    v16 = station.subprotocol == "ocpp1.6"
    action = "RemoteStopTransaction" if v16 else "RequestStopTransaction"
    return station.answers(action, lambda _: {"status": "Accepted"})


async def stop(system: System, identity: str, **target: Any) -> command_pb.RemoteCommand:
    request = pb.StopSessionRequest(
        request_id=str(uuid.uuid4()),
        station=f"stations/{identity}",
        options=command_options_pb2.CommandOptions(wait_for=command_options_pb2.WAIT_FOR_OUTCOME),
        **target,
    )
    command: command_pb.RemoteCommand
    command = (await call(system.broker.commands.StopSession, request)).command
    return command


async def known(system: System, identity: str, transaction: str) -> Any:
    """The transaction as ListTransactions shows it."""
    request = station_service_pb2.ListTransactionsRequest(station=f"stations/{identity}")
    shown = await call(system.broker.stations.ListTransactions, request)
    return next(one for one in shown.transactions if one.transaction_id == transaction)


async def after_a_power_cut(
    system: System, subprotocol: str, delay_s: float, identity: str
) -> None:
    """Session, power cut, boot, Available, and another session: a stop finds the one that runs."""
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        first = await begin(station, 1, ago_s=1)
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        await free(station)
        await asyncio.sleep(delay_s)  # until the next car comes
        second = await begin(station, 2)
        over = await known(system, identity, first)
        assert (over.state, over.end_not_reported) == (STATES.STATE_ENDED, True)
        assert not over.HasField("stop_time")
        stopped = agree_to_stop(station)
        token = id_token_pb2.IdToken(value="DRIVER-1")
        target: dict[str, Any] = {"evse_id": 1} if delay_s < 0.1 else {"id_token": token}
        stopping = asyncio.create_task(stop(system, identity, **target))
        await received(stopped, stopping)
        await end(station, second)
        command = await stopping
        assert command.stop_session.resolved_transaction_id == second
        assert command.outcome.code == command_pb.Outcome.CODE_SUCCEEDED


async def without_boot_or_status(
    system: System, subprotocol: str, delay_s: float, identity: str
) -> None:
    """Two starts on one plug, and nothing between them."""
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        first = await begin(station, 1, ago_s=1)
        await asyncio.sleep(delay_s)  # until the next car comes
        second = await begin(station, 2)
        assert (await known(system, identity, first)).end_not_reported
        assert (await known(system, identity, second)).state == STATES.STATE_ACTIVE
        await end(station, first, ago_s=0.5)
        completed = await known(system, identity, first)
        assert completed.HasField("stop_time")
        assert not completed.end_not_reported
        assert (await known(system, identity, second)).state == STATES.STATE_ACTIVE


async def free_after_the_boot(
    system: System, subprotocol: str, delay_s: float, identity: str
) -> None:
    """Session, power cut, boot, Available: the end is told when it stands, whatever is answered."""
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        first = await begin(station, 1)
        shown = await known(system, identity, first)
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        await asyncio.sleep(delay_s)  # between the boot and the status
        await free(station)
        command = await stop(system, identity, transaction=shown.name)
        assert (command.outcome.code, command.outcome.cause) == (
            command_pb.Outcome.CODE_SUCCEEDED,
            "ALREADY_ENDED",
        )
        assert command.outcome.session.end_not_reported
        assert "not reported" in command.outcome.message
        with pytest.raises(grpc.RpcError, match="No running session"):
            await stop(system, identity, evse_id=1)
        await meter(station, first)
        assert (await known(system, identity, first)).state == STATES.STATE_ACTIVE


async def a_stop_that_waits(
    system: System, subprotocol: str, delay_s: float, identity: str
) -> None:
    """A stop without an answer is told of the end that the boot proves."""
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        await begin(station, 1)
        stopped = agree_to_stop(station)
        stopping = asyncio.create_task(stop(system, identity, evse_id=1))
        await received(stopped, stopping)
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        await asyncio.sleep(delay_s)  # between the boot and the status
        await free(station)
        command = await stopping
        assert command.outcome.code == command_pb.Outcome.CODE_SUCCEEDED
        assert command.outcome.session.end_not_reported


async def an_old_session_that_is_replayed(
    system: System, subprotocol: str, delay_s: float, identity: str
) -> None:
    """The start of an older session comes late: the newer one runs on."""
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        newer = await begin(station, 2)
        await asyncio.sleep(delay_s)  # between the two reports
        offline = {} if subprotocol == "ocpp1.6" else {"offline": True}
        older = await begin(station, 1, ago_s=7_200, **offline)
        assert (await known(system, identity, newer)).state == STATES.STATE_ACTIVE
        await end(station, older, ago_s=3_600)
        assert (await known(system, identity, newer)).state == STATES.STATE_ACTIVE
        assert (await known(system, identity, older)).state == STATES.STATE_ENDED


@pytest.mark.parametrize(
    "scenario",
    [
        after_a_power_cut,
        without_boot_or_status,
        free_after_the_boot,
        a_stop_that_waits,
        an_old_session_that_is_replayed,
    ],
)
async def test_one_plug_has_one_session(system: System, scenario: Any) -> None:
    cases = [
        partial(scenario, system, version, delay) for version in VERSIONS for delay in DELAYS_S
    ]
    await run_all(cases, scenario.__name__.replace("_", "-"), at_once=len(cases))
