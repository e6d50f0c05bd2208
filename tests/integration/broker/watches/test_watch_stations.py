"""WatchStations and WatchTransactions: present states first, nothing missed, nothing twice."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from evcommand.v1 import remote_command_service_pb2 as commands_pb
from evcommand.v1 import station_service_pb2 as pb
from evcommand.v1.station_service_pb2 import StationChange, TransactionChange

from fleet import stations
from fleet.log.changes_read import forget_old
from tests.support.benches.broker_house import (
    WAIT_S,
    House,
    begin_session,
    end_session,
    failure_of,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def watching(house: House, **fields: Any) -> AsyncIterator[Any]:
    """The messages of a watch of stations."""
    call = house.broker.stations.WatchStations(pb.WatchStationsRequest(**fields))
    try:
        yield call
    finally:
        call.cancel()


@asynccontextmanager
async def watching_transactions(house: House, **fields: Any) -> AsyncIterator[Any]:
    """The messages of a watch of transactions."""
    call = house.broker.stations.WatchTransactions(pb.WatchTransactionsRequest(**fields))
    try:
        yield call
    finally:
        call.cancel()


async def next_of(call: Any) -> Any:
    async with asyncio.timeout(WAIT_S):
        return await call.read()


def kind_of(reply: pb.WatchStationsResponse) -> str:
    return StationChange.Kind.Name(reply.change.kind).removeprefix("KIND_")


def transaction_kind_of(reply: pb.WatchTransactionsResponse) -> str:
    return TransactionChange.Kind.Name(reply.change.kind).removeprefix("KIND_")


async def changes_until(call: Any, last: str) -> list[pb.WatchStationsResponse]:
    """Every message up to the first change of this kind."""
    seen = [await next_of(call)]
    while kind_of(seen[-1]) != last:
        seen.append(await next_of(call))
    return seen


async def test_a_watch_tells_the_present_state_and_then_every_change(house: House) -> None:
    async with house.station() as (id, _):
        name = f"stations/{id}"
    await gone(house, name)
    async with watching(house, names=[name]) as call:
        present = await next_of(call)
        assert (present.station.name, present.station.connected) == (name, False)
        assert not present.HasField("change")
        async with house.station(id=id) as (_, station):
            status = {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"}
            for _ in range(2):
                await station.call("StatusNotification", status)
                await station.call("Heartbeat", {})
        told = await changes_until(call, "DISCONNECTED")
    assert [kind_of(each) for each in told] == ["CONNECTED", "BOOTED", "CONNECTOR", "DISCONNECTED"]
    assert told[2].change.facts["state"] == "Preparing"
    assert told[2].station.evses[0].connectors[0].state == "Preparing"
    assert told[-1].station.connected is False
    assert told[-1].change.time.ToDatetime() >= told[0].change.time.ToDatetime()


async def gone(house: House, name: str) -> None:
    """Return when the station's socket is known to be lost."""
    async with watching(house, names=[name]) as call:
        while (await next_of(call)).station.connected:
            pass


async def test_a_watch_resumes_behind_any_message_without_gap_or_repeat(house: House) -> None:
    ids = [await house.offline_station() for _ in range(3)]
    names = [f"stations/{id}" for id in ids]
    seen, token = [], ""
    for _ in names:  # a new connection for every message, also within the present states
        async with watching(house, names=names, resume_token=token) as call:
            seen.append(await next_of(call))
            token = seen[-1].resume_token
    assert [each.station.name for each in seen] == sorted(names)
    for location in ("first", "second"):
        await update(house, ids[0], location)
    told = []
    for _ in range(2):
        async with watching(house, names=names, resume_token=token) as call:
            told.append(await next_of(call))
            token = told[-1].resume_token
    assert [(kind_of(each), each.station.location) for each in told] == [
        ("UPDATED", "second"),
        ("UPDATED", "second"),
    ]
    assert told[0].change.time.ToDatetime() <= told[1].change.time.ToDatetime()


async def update(house: House, id: str, location: str) -> None:
    station = pb.Station(name=f"stations/{id}", location=location)
    await house.broker.stations.UpdateStation(pb.UpdateStationRequest(station=station))


async def test_a_watch_of_all_tells_of_new_and_of_deleted_stations(house: House) -> None:
    async with watching(house, all=True) as call:
        await next_of(call)  # some station of another test, or the new one
        id = f"WATCHED-{uuid.uuid4().hex[:8]}"
        await house.broker.stations.CreateStation(pb.CreateStationRequest(station_id=id))
        await house.broker.stations.DeleteStation(pb.DeleteStationRequest(name=f"stations/{id}"))
        told: list[pb.WatchStationsResponse] = []
        while not told or kind_of(told[-1]) != "DELETED":
            reply = await next_of(call)
            told += [reply] if reply.station.name == f"stations/{id}" else []
    assert [kind_of(each) for each in told] == ["CREATED", "DELETED"]
    assert told[-1].station == pb.Station(name=f"stations/{id}")


async def test_a_session_is_told_from_its_start_to_its_end_with_the_command_that_caused_it(
    house: House,
) -> None:
    async with house.station() as (id, station):
        here = {"station": f"stations/{id}"}
        old = await begin_session(station)
        async with watching_transactions(house, **here) as call:
            present = await next_of(call)
            assert present.transaction.transaction_id == str(old)
            assert not present.HasField("change")
            await end_session(station, old)
            starting = asyncio.ensure_future(house.broker.start(id, 3))
            message_id, payload = await station.called("RemoteStartTransaction")
            await station.answer(message_id, {"status": "Accepted"})
            new = await begin_session(station, payload["idTag"])
            command = await starting
            await end_session(station, new)
            told = [await next_of(call) for _ in range(4)]
    assert [transaction_kind_of(each) for each in told] == ["ENDED", "STARTED", "CLAIMED", "ENDED"]
    assert told[2].change.command == command.name
    assert told[-1].transaction.state == pb.Transaction.STATE_ENDED
    request = commands_pb.GetCommandRequest(name=command.name)
    shown = (await house.broker.commands.GetCommand(request)).command
    assert shown.outcome.session.transaction == told[2].transaction.name


async def test_a_named_transaction_is_told_though_it_has_ended(house: House) -> None:
    async with house.station() as (id, station):
        await end_session(station, await begin_session(station))
        listed = await house.broker.stations.ListTransactions(
            pb.ListTransactionsRequest(station=f"stations/{id}")
        )
        name = listed.transactions[0].name
        async with watching_transactions(house, names=[name]) as call:
            assert (await next_of(call)).transaction == listed.transactions[0]


async def test_unknown_names_and_foreign_tokens_are_refused(house: House) -> None:
    id = await house.offline_station()
    service = house.broker.stations
    async with watching(house, names=[f"stations/{id}"]) as call:
        token = (await next_of(call)).resume_token
    for refused, reason in (
        (service.WatchStations(pb.WatchStationsRequest()), "INVALID_REQUEST"),
        (
            service.WatchStations(pb.WatchStationsRequest(names=["stations/no"])),
            "STATION_NOT_FOUND",
        ),
        (
            service.WatchStations(pb.WatchStationsRequest(all=True, resume_token=token)),
            "RESUME_TOKEN_INVALID",
        ),
        (
            service.WatchTransactions(
                pb.WatchTransactionsRequest(names=[f"stations/{id}/transactions/no"])
            ),
            "TRANSACTION_NOT_FOUND",
        ),
    ):
        assert (await failure_of(refused)).reason == reason


async def test_a_token_from_before_what_is_kept_is_refused(house: House) -> None:
    id = await house.offline_station()
    async with watching(house, names=[f"stations/{id}"]) as call:
        token = (await next_of(call)).resume_token
    await update(house, id, "moved")
    async with house.db.read() as tx:
        found = await stations.get(tx, id)
    assert found is not None
    async with house.db.write() as tx:
        while (await forget_old(tx, found.create_time + timedelta(days=1), found.tenant))[0]:
            pass  # one batch at a time
    resumed = pb.WatchStationsRequest(names=[f"stations/{id}"], resume_token=token)
    failure = await failure_of(house.broker.stations.WatchStations(resumed))
    assert failure.reason == "RESUME_TOKEN_INVALID"
