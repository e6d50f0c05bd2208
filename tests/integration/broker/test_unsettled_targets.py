"""Stops of a session whose end was inferred a moment ago: the station booted, its plug is free."""

import asyncio
from typing import Any

import pytest
from evcommand.v1 import id_token_pb2 as token_pb

from tests.support.benches.broker_house import House, begin_session, end_session
from tests.support.stations.scripted_station import ScriptedStation

pytestmark = pytest.mark.asyncio(loop_scope="session")

OUTCOME = 3
FREE = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


async def booted_session(station: ScriptedStation) -> int:
    """A session whose station booted and shows its plug as free, before it has seen the car."""
    transaction_id = await begin_session(station)
    await station.boot()
    await station.call("StatusNotification", FREE)
    return transaction_id


@pytest.mark.parametrize(
    "target",
    [{"evse_id": 1}, {"id_token": token_pb.IdToken(value="TAG-0042")}],
    ids=["evse", "token"],
)
async def test_a_stop_goes_to_a_session_whose_end_nobody_reported(
    house: House, target: dict[str, Any]
) -> None:
    async with house.station() as (id, station):
        ran = await booted_session(station)
        stopping = asyncio.ensure_future(
            house.broker.stop(OUTCOME, station=f"stations/{id}", **target)
        )
        assert await station.accept("RemoteStopTransaction") == {"transactionId": ran}
        await end_session(station, ran)
        assert (await stopping).outcome.cause == "SESSION_STOPPED"


async def test_a_stop_goes_to_the_session_under_which_it_is_told_again(house: House) -> None:
    async with house.station() as (id, station):
        await booted_session(station)
        again = await begin_session(station)
        target: dict[str, Any] = {"id_token": token_pb.IdToken(value="TAG-0042")}
        stopping = asyncio.ensure_future(
            house.broker.stop(OUTCOME, station=f"stations/{id}", **target)
        )
        assert await station.accept("RemoteStopTransaction") == {"transactionId": again}
        await end_session(station, again)
        assert (await stopping).outcome.cause == "SESSION_STOPPED"
