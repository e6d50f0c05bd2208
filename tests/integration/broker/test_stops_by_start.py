"""Stops by a start command or a name, when a session's id is no longer its own."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import station_service_pb2 as stations_pb

from fleet import transactions
from tests.support.benches.broker_house import (
    House,
    begin_session,
    end_session,
    failure_of,
    transaction_event,
)
from tests.support.fleet_rows import start_16

pytestmark = pytest.mark.asyncio(loop_scope="session")

OUTCOME = 3


def now_plus(seconds: int) -> str:
    """The time in so many seconds, as a station tells it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


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


async def test_no_caller_is_shown_how_a_session_is_stored_whose_id_another_one_has(
    house: House,
) -> None:
    """A back end gave the id of a session that runs once more: only the newer one can be named."""
    async with house.station() as (id, _):
        async with house.db.write() as tx:
            for evse in (1, 2):
                await start_16(tx, id, tenant="default", evse_id=evse, given_id=4711)
        asked = stations_pb.ListTransactionsRequest(station=f"stations/{id}")
        shown = (await house.broker.stations.ListTransactions(asked)).transactions
        assert [one.transaction_id for one in shown] == ["4711", "4711"]
        older = next(one.name for one in shown if one.evse_id == 1)
        failure = await failure_of(
            house.broker.commands.StopSession(pb.StopSessionRequest(transaction=older))
        )
    assert failure.reason == "AMBIGUOUS_TARGET"
    assert "4711 of" in failure.message and "~" not in failure.message


async def test_how_a_session_is_stored_is_no_id_that_a_stop_may_name(house: House) -> None:
    async with house.station("2.0.1") as (id, station):
        for connector in (1, 2):
            token = {"idToken": f"TAG-{connector}", "type": "ISO14443"}
            told = transaction_event("Started", 0, transactionId="X1") | {"idToken": token}
            told |= {"evse": {"id": connector, "connectorId": 1}, "timestamp": now_plus(connector)}
            await station.call("TransactionEvent", told)
        async with house.db.read() as tx:
            rows = await transactions.list_page(tx, tenant="default", station=id, limit=9)
        stored = next(row.ocpp_transaction_id for row in rows if row.id_taken)
        request = pb.StopSessionRequest(station=f"stations/{id}", transaction_id=stored)
        failure = await failure_of(house.broker.commands.StopSession(request))
    assert (failure.reason, stored.startswith("X1~")) == ("INVALID_REQUEST", True)
