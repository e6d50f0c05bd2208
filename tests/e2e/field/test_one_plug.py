"""One plug of OCPP 1.6: sessions that are told again with another time, and plugs that bounce."""

import asyncio
import uuid
from datetime import UTC, datetime
from functools import partial

import pytest
from evcommand.v1 import command_options_pb2, station_service_pb2
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from tests.e2e.field.crowd import call, calling, received, run_all
from tests.e2e.field.raw_station import RawStation, connected_station, raw_station
from tests.e2e.field.starting import FieldSession, accepts_starts, start
from tests.e2e.foreign_system import System

pytestmark = pytest.mark.e2e

LATER = (0, 1)
"""By how much the meter has gone on when the start is told again, in Wh."""


async def begin(station: RawStation, meter: int) -> int:
    told = {"connectorId": 1, "idTag": "DRIVER-1", "meterStart": meter}
    told["timestamp"] = datetime.now(UTC).isoformat()
    return int((await station.call("StartTransaction", told))["transactionId"])


async def name_of(system: System, identity: str, transaction: int) -> str:
    request = station_service_pb2.ListTransactionsRequest(station=f"stations/{identity}")
    shown = await call(system.broker.stations.ListTransactions, request)
    names = {one.transaction_id: str(one.name) for one in shown.transactions}
    return names[str(transaction)]


async def stopped_by_its_first_name(system: System, later: int, again: bool, identity: str) -> None:
    """The station knows only the id that it heard last; a stop by the first name reaches it."""
    async with raw_station(system.ocpp_url, identity, "ocpp1.6") as station:
        first = await begin(station, 5)
        name = await name_of(system, identity, first)
        if not again:
            second = await begin(station, 5 + later)
            await stops(system, station, identity, name, second)
    if again:
        async with connected_station(system.ocpp_url, identity, "ocpp1.6") as station:
            second = await begin(station, 5 + later)
            await stops(system, station, identity, name, second)
    assert (second == first) is (later == 0)


async def stops(
    system: System, station: RawStation, identity: str, name: str, running: int
) -> None:
    asked: list[int] = []

    def agree(request: dict[str, int]) -> dict[str, str]:
        asked.append(request["transactionId"])
        return {"status": "Accepted" if request["transactionId"] == running else "Rejected"}

    stopped = station.answers("RemoteStopTransaction", agree)
    request = pb.StopSessionRequest(
        request_id=str(uuid.uuid4()),
        station=f"stations/{identity}",
        transaction=name,
        options=command_options_pb2.CommandOptions(wait_for=command_options_pb2.WAIT_FOR_OUTCOME),
    )
    stopping = asyncio.create_task(call(system.broker.commands.StopSession, request))
    await received(stopped, stopping)
    ended = {"transactionId": running, "meterStop": 9, "timestamp": datetime.now(UTC).isoformat()}
    await station.call("StopTransaction", ended)
    command = (await stopping).command
    assert asked == [running]
    assert command.outcome.code == command_pb.Outcome.CODE_SUCCEEDED
    assert command.outcome.cause == "SESSION_STOPPED"


async def test_a_stop_by_its_first_name_reaches_a_session_that_is_told_again(
    system: System,
) -> None:
    cases = [
        partial(stopped_by_its_first_name, system, later, again)
        for later in LATER
        for again in (False, True)
    ]
    await run_all(cases, "twice")


OUT_S = (0.5, 1, 2)


async def show(station: RawStation, status: str) -> None:
    told = {"connectorId": 1, "errorCode": "NoError", "status": status}
    await station.call("StatusNotification", told | {"timestamp": datetime.now(UTC).isoformat()})


async def started(system: System, identity: str) -> command_pb.RemoteCommand:
    return await calling(lambda: start(system, identity))


async def bounces(system: System, out_s: float, identity: str) -> None:
    """The plug is in, out, and in again; then the session begins."""
    async with raw_station(system.ocpp_url, identity, "ocpp1.6") as station:
        asked, _ = accepts_starts(station, "ocpp1.6")
        stopped = station.answers("RemoteStopTransaction", lambda _: {"status": "Accepted"})
        starting = asyncio.create_task(started(system, identity))
        await received(asked, starting)
        await asyncio.sleep(0.2)  # until the answer has arrived
        await show(station, "Preparing")
        await show(station, "Available")
        await asyncio.sleep(out_s)
        await show(station, "Preparing")
        assert await FieldSession("ocpp1.6", identity).begins(station) == "Accepted"
        outcome = (await starting).outcome
        assert outcome.cause == "SESSION_STARTED", (identity, outcome)
        assert not stopped.is_set()


async def never_again(system: System, identity: str) -> None:
    """The plug is out for good: that is told, and what begins later all the same is stopped."""
    async with raw_station(system.ocpp_url, identity, "ocpp1.6") as station:
        asked, _ = accepts_starts(station, "ocpp1.6")
        stopped = station.answers("RemoteStopTransaction", lambda _: {"status": "Accepted"})
        starting = asyncio.create_task(started(system, identity))
        await received(asked, starting)
        await asyncio.sleep(0.2)  # until the answer has arrived
        await show(station, "Preparing")
        await show(station, "Available")
        assert (await starting).outcome.cause == "CABLE_WAIT_ENDED"
        await FieldSession("ocpp1.6", identity).begins(station)
        async with asyncio.timeout(20):
            await stopped.wait()


async def test_a_plug_that_bounces_is_no_end_of_the_wait(system: System) -> None:
    cases = [partial(bounces, system, out_s) for out_s in OUT_S]
    await run_all([*cases, partial(never_again, system)], "bounces")
