"""Plugs that bounce while they are put in: out for a moment, and in again."""

import asyncio
from datetime import UTC, datetime
from functools import partial

import pytest
from evcommand.v1 import remote_command_pb2 as command_pb

from tests.e2e.field.crowd import received, run_all
from tests.e2e.field.raw_station import RawStation, raw_station
from tests.e2e.field.starting import FieldSession, accepts_starts, calling, start
from tests.e2e.foreign_system import System

pytestmark = pytest.mark.e2e

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
