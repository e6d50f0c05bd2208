"""Stations that do not answer hold up nobody else, whichever way the frames take."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from temporalio.client import Client

from station_gateway.process import running_gateway
from station_gateway.settings import GatewaySettings
from tests.support.benches.broker_house import House, waiting_for

pytestmark = pytest.mark.asyncio(loop_scope="session")

_PLACES = 3
_SILENT = 3 * _PLACES
_SETTINGS = GatewaySettings(
    port=0,
    open=True,
    drain_timeout_s=0.5,
    housekeeping_delay_s=3_600,
    max_activities=_PLACES,
    activity_hold_s=0.2,
)


@pytest.mark.parametrize("line", ["127.0.0.1:0", ""], ids=["direct", "queue"])
async def test_silent_stations_hold_no_place_of_their_gateway(
    house: House, client: Client, line: str
) -> None:
    settings = replace(_SETTINGS, line_listen=line)
    async with running_gateway(house.db, client, settings) as gateway, AsyncExitStack() as stack:
        there = replace(house, ocpp_port=gateway.port)
        silent = [await stack.enter_async_context(there.station()) for _ in range(_SILENT)]
        for id, _ in silent:
            await house.broker.commands.UnlockConnector(_unlock(id, options_pb.WAIT_FOR_SUBMITTED))
        for _, station in silent:  # every one has its frame, and says nothing
            await station.called("UnlockConnector")
        id, healthy = await stack.enter_async_context(there.station())
        asking = house.broker.commands.UnlockConnector(_unlock(id, options_pb.WAIT_FOR_OUTCOME))
        async with asyncio.timeout(5.0):
            message_id, _ = await healthy.called("UnlockConnector")
            await healthy.answer(message_id, {"status": "Unlocked"})
            reply = await asking
        assert reply.command.outcome.code


def _unlock(station: str, wait_for: int) -> pb.UnlockConnectorRequest:
    request = pb.UnlockConnectorRequest(station=f"stations/{station}", evse_id=1)
    request.options.MergeFrom(waiting_for(wait_for))
    return request
