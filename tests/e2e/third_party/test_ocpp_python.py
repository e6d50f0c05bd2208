"""A 2.0.1 station on the `ocpp` package (Python) that never says whose session it is."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from evcommand.v1 import command_options_pb2, id_token_pb2
from evcommand.v1 import remote_command_service_pb2 as pb
from ocpp.routing import after, on
from ocpp.v201 import ChargePoint, call, call_result, datatypes, enums
from websockets.asyncio.client import connect

from tests.e2e.broker_calls import Code, Command
from tests.e2e.foreign_system import System, running_system
from tests.e2e.third_party.programs import new_station_id

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("system")) as running:
        yield running


class TokenlessStation(ChargePoint):  # type: ignore[misc]
    """Begins the session that it is asked for, names the request, and never a token."""

    transaction = "T1"

    @on(enums.Action.request_start_transaction)  # type: ignore[untyped-decorator]
    def agree_to_start(self, **_: Any) -> Any:
        return call_result.RequestStartTransaction(status="Accepted")

    @after(enums.Action.request_start_transaction)  # type: ignore[untyped-decorator]
    async def begin(self, remote_start_id: int, **_: Any) -> None:
        await self.tell("Started", 0, "RemoteStart", "EVConnected", remote_start_id=remote_start_id)
        await self.tell("Updated", 1, "ChargingStateChanged", "Charging")

    @on(enums.Action.request_stop_transaction)  # type: ignore[untyped-decorator]
    def agree_to_stop(self, transaction_id: str, **_: Any) -> Any:
        known = transaction_id == self.transaction
        return call_result.RequestStopTransaction(status="Accepted" if known else "Rejected")

    @after(enums.Action.request_stop_transaction)  # type: ignore[untyped-decorator]
    async def end(self, **_: Any) -> None:
        await self.tell("Ended", 2, "RemoteStop", "EVConnected", stopped_reason="Remote")

    async def tell(self, kind: str, seq_no: int, trigger: str, state: str, **info: Any) -> None:
        info |= {"transaction_id": self.transaction, "charging_state": state}
        event = call.TransactionEvent(
            event_type=kind,
            timestamp=datetime.now(UTC).isoformat(),
            trigger_reason=trigger,
            seq_no=seq_no,
            transaction_info=datatypes.TransactionType(**info),
            evse=datatypes.EVSEType(id=1, connector_id=1),
        )
        await self.call(event, suppress=False)


def stop_by_token(system: System, station: str) -> Command:
    request = pb.StopSessionRequest(
        station=station,
        id_token=id_token_pb2.IdToken(value="driver-1"),
        options=command_options_pb2.CommandOptions(wait_for=command_options_pb2.WAIT_FOR_OUTCOME),
    )
    return system.broker.commands.StopSession(request, timeout=60).command


async def test_station_that_never_tells_a_token_is_started_and_stopped_by_token(
    system: System,
) -> None:
    name = new_station_id("ocpp-python")
    async with connect(f"{system.ocpp_url}/{name}", subprotocols=["ocpp2.0.1"]) as socket:  # type: ignore[list-item]
        station = TokenlessStation(name, socket)
        reading = asyncio.create_task(station.start())
        model = datatypes.ChargingStationType(vendor_name="python", model="ocpp")
        await station.call(call.BootNotification(charging_station=model, reason="PowerUp"))
        started = await asyncio.to_thread(system.broker.start, f"stations/{name}", "DRIVER-1")
        stopped = await asyncio.to_thread(stop_by_token, system, f"stations/{name}")
        reading.cancel()
    told = [(c.outcome.code, c.outcome.cause) for c in (started, stopped)]
    assert told == [
        (Code.CODE_SUCCEEDED, "SESSION_STARTED"),
        (Code.CODE_SUCCEEDED, "SESSION_STOPPED"),
    ]
