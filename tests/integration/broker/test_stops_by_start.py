"""Stops that name a start command, when the station tells its session in another way."""

import asyncio

import pytest

from tests.support.benches.broker_house import House, begin_session, end_session, transaction_event

pytestmark = pytest.mark.asyncio(loop_scope="session")

OUTCOME = 3


async def test_a_stop_by_start_goes_to_the_session_that_goes_on_under_another_id(
    house: House,
) -> None:
    async with house.station("2.0.1") as (id, station):
        starting = asyncio.ensure_future(house.broker.start(id, OUTCOME, evse_id=1))
        asked = await station.accept("RequestStartTransaction")
        told = {"remoteStartId": asked["remoteStartId"], "chargingState": "Charging"}
        first = transaction_event("Started", 0, **told, transactionId="T-1")
        await station.call("TransactionEvent", first)
        started = await starting
        assert started.outcome.session.transaction_id == "T-1"
        again = transaction_event("Started", 0, **told, transactionId="T-2")
        await station.call("TransactionEvent", again)
        stopping = asyncio.ensure_future(house.broker.stop(OUTCOME, start_command=started.name))
        assert await station.accept("RequestStopTransaction") == {"transactionId": "T-2"}
        await station.call("TransactionEvent", transaction_event("Ended", 1, transactionId="T-2"))
        assert (await stopping).outcome.cause == "SESSION_STOPPED"


async def test_a_stop_by_start_goes_to_the_session_that_a_1_6_station_tells_again(
    house: House,
) -> None:
    async with house.station() as (id, station):
        starting = asyncio.ensure_future(house.broker.start(id, OUTCOME, evse_id=1))
        await station.accept("RemoteStartTransaction")
        first = await begin_session(station)
        started = await starting
        assert started.outcome.session.transaction_id == str(first)
        again = await begin_session(station)
        stopping = asyncio.ensure_future(house.broker.stop(OUTCOME, start_command=started.name))
        assert await station.accept("RemoteStopTransaction") == {"transactionId": again}
        await end_session(station, again)
        assert (await stopping).outcome.cause == "SESSION_STOPPED"
