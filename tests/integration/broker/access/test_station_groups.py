"""A credential of a group of stations sees and commands its stations, and nothing of others."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from evcommand.v1 import callback_service_pb2 as callbacks_pb
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import id_token_pb2 as token_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import reservation_service_pb2 as reservations_pb
from evcommand.v1 import station_service_pb2 as stations_pb
from evcommand.v1.callback_service_pb2_grpc import CallbackServiceStub
from evcommand.v1.reservation_service_pb2_grpc import ReservationServiceStub
from google.protobuf.duration_pb2 import Duration
from temporalio.client import Client

from broker.process import running_broker
from broker.settings import ApiKey, BrokerSettings
from fleet import callbacks
from fleet.callbacks import Delivery
from fleet.database import Database
from tests.support.benches.broker_house import (
    WAIT_S,
    Broker,
    House,
    begin_session,
    dialled,
    failure_of,
    patient,
    start_request,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

SUBMITTED = options_pb.WAIT_FOR_SUBMITTED


def bearer(name: str) -> dict[str, Any]:
    return {"metadata": [("authorization", f"Bearer {name * 16}")], "timeout": WAIT_S}


@dataclass(frozen=True)
class Site:
    """One station with a session, a command, a reservation and a delivery."""

    station: str
    transaction: str
    command: str
    request: pb.StartSessionRequest
    reservation: str
    delivery: str


@dataclass(frozen=True)
class Guarded:
    """A broker with a key for everything and one for the stations named MINE-."""

    broker: Broker
    reservations: Any
    callbacks: Any


@asynccontextmanager
async def guarded(db: Database, client: Client) -> AsyncIterator[Guarded]:
    keys = {
        name: hashlib.sha256((name.partition("/")[0] * 16).encode()).hexdigest()
        for name in ("all", "mine/MINE-")
    }
    parsed = tuple(
        ApiKey.parse(f"{name}+read+command+reserve+unlock+admin:{digest}")
        for name, digest in keys.items()
    )
    settings = BrokerSettings(listen="127.0.0.1:0", drain_s=0.5, api_keys=parsed)
    async with running_broker(db, client, settings) as running, dialled(running.address) as broker:
        yield Guarded(
            broker,
            ReservationServiceStub(broker.channel),
            CallbackServiceStub(broker.channel),
        )


async def site(house: House, at: Guarded, prefix: str) -> Site:
    id = f"{prefix}{uuid.uuid4().hex[:8]}"
    async with house.station(id=id) as (_, station):
        await begin_session(station)
    sessions = await at.broker.stations.ListTransactions(
        stations_pb.ListTransactionsRequest(station=f"stations/{id}"), **bearer("all")
    )
    options = patient()
    options.wait_for = SUBMITTED
    request = start_request(id, SUBMITTED, request_id=str(uuid.uuid4()))
    request.options.CopyFrom(options)
    started = await at.broker.commands.StartSession(request, **bearer("all"))
    reserve = pb.ReserveNowRequest(
        station=f"stations/{id}",
        id_token=token_pb.IdToken(value="TAG-0042"),
        ttl=Duration(seconds=3600),
        options=options,
    )
    reserved = await at.broker.commands.ReserveNow(reserve, **bearer("all"))
    return Site(
        id,
        sessions.transactions[0].name,
        started.command.name,
        request,
        reserved.command.reserve_now.reservation,
        await delivery(house.db, started.command.name),
    )


async def delivery(db: Database, command: str) -> str:
    """A delivery of this command that was given up."""
    id, now = f"msg_{uuid.uuid4().hex}", datetime.now(UTC)
    made = Delivery(
        id,
        "default",
        command.removeprefix("commands/"),
        revision=1,
        news="SENT",
        url="https://example.test",
        state="PARKED",
        create_time=now,
        update_time=now,
    )
    async with db.write() as tx:
        await callbacks.make(tx, made)
    return f"callbackDeliveries/{id}"


async def test_what_belongs_to_a_station_outside_the_group_is_not_found(
    house: House, db: Database, client: Client
) -> None:
    async with guarded(db, client) as at:
        theirs, me = await site(house, at, "mine-"), bearer("mine")
        name = f"stations/{theirs.station}"
        stop, calls = pb.StopSessionRequest, at.broker.commands
        not_found = [
            at.broker.stations.GetStation(stations_pb.GetStationRequest(name=name), **me),
            at.broker.stations.DeleteStation(stations_pb.DeleteStationRequest(name=name), **me),
            at.broker.stations.GetTransaction(
                stations_pb.GetTransactionRequest(name=theirs.transaction), **me
            ),
            calls.StartSession(start_request(theirs.station), **me),
            calls.UnlockConnector(pb.UnlockConnectorRequest(station=name, connector_id=1), **me),
            calls.StopSession(stop(transaction=theirs.transaction), **me),
            calls.StopSession(stop(start_command=theirs.command), **me),
            calls.StopSession(stop(station=name, evse_id=1), **me),
            calls.CancelReservation(
                pb.CancelReservationRequest(reservation=theirs.reservation), **me
            ),
            calls.GetCommand(pb.GetCommandRequest(name=theirs.command), **me),
            calls.ExplainCommand(pb.ExplainCommandRequest(name=theirs.command), **me),
            calls.CancelCommand(pb.CancelCommandRequest(name=theirs.command), **me),
            calls.WatchCommands(pb.WatchCommandsRequest(names=[theirs.command]), **me),
            at.reservations.GetReservation(
                reservations_pb.GetReservationRequest(name=theirs.reservation), **me
            ),
            at.reservations.UpdateReservation(
                reservations_pb.UpdateReservationRequest(
                    name=theirs.reservation, ttl=Duration(seconds=60)
                ),
                **me,
            ),
            at.reservations.WatchReservations(
                reservations_pb.WatchReservationsRequest(names=[theirs.reservation]), **me
            ),
            at.callbacks.ResendCallbackDelivery(
                callbacks_pb.ResendCallbackDeliveryRequest(name=theirs.delivery), **me
            ),
        ]
        codes = [(await failure_of(call)).code for call in not_found]
        assert codes == [grpc.StatusCode.NOT_FOUND] * len(not_found)
        untouched = await calls.GetCommand(
            pb.GetCommandRequest(name=theirs.command), **bearer("all")
        )
        assert untouched.command.state != untouched.command.State.STATE_DONE


async def test_lists_and_watches_tell_the_group_alone(
    house: House, db: Database, client: Client
) -> None:
    async with guarded(db, client) as at:
        other, mine, me = (
            await site(house, at, "mine-"),
            await site(house, at, "MINE-"),
            bearer("mine"),
        )
        stations = await at.broker.stations.ListStations(stations_pb.ListStationsRequest(), **me)
        sessions = await at.broker.stations.ListTransactions(
            stations_pb.ListTransactionsRequest(), **me
        )
        commands = await at.broker.commands.ListCommands(pb.ListCommandsRequest(), **me)
        reservations = await at.reservations.ListReservations(
            reservations_pb.ListReservationsRequest(), **me
        )
        deliveries = await at.callbacks.ListCallbackDeliveries(
            callbacks_pb.ListCallbackDeliveriesRequest(), **me
        )
        reported = await at.broker.commands.GetTruthReport(pb.GetTruthReportRequest(), **me)
        told = {
            *(each.name for each in stations.stations),
            *(each.name.partition("/transactions")[0] for each in sessions.transactions),
            *(each.station for each in commands.commands),
            *(each.station for each in reservations.reservations),
        }
        assert told == {f"stations/{mine.station}"}
        assert reported.report.command_count == len(commands.commands)
        assert [each.name for each in deliveries.deliveries] == [mine.delivery]
        watch = at.broker.commands.WatchCommands(pb.WatchCommandsRequest(all=True), **me)
        seen = {(await watch.read()).command.station for _ in range(2)}
        await asyncio.gather(
            *(
                at.broker.commands.CancelCommand(
                    pb.CancelCommandRequest(name=each.command), **bearer("all")
                )
                for each in (other, mine)
            )
        )
        seen.add((await watch.read()).command.station)
        watch.cancel()
        assert seen == {f"stations/{mine.station}"}


async def test_watches_of_stations_and_transactions_tell_the_group_alone(
    house: House, db: Database, client: Client
) -> None:
    async with guarded(db, client) as at:
        other, mine = await site(house, at, "mine-"), await site(house, at, "MINE-")
        service, me = at.broker.stations, bearer("mine")
        stations = service.WatchStations(stations_pb.WatchStationsRequest(all=True), **me)
        sessions = service.WatchTransactions(stations_pb.WatchTransactionsRequest(all=True), **me)
        of_stations, of_sessions = [await stations.read()], [await sessions.read()]
        while of_stations[-1].station.name != f"stations/{mine.station}":
            of_stations.append(await stations.read())  # what other tests left
        while of_sessions[-1].transaction.name != mine.transaction:
            of_sessions.append(await sessions.read())
        for each in (other, mine):
            async with house.station(id=each.station) as (_, station):
                await begin_session(station, connector=2)
        of_stations += [await stations.read() for _ in range(2)]
        of_sessions.append(await sessions.read())
        names = [each.station.name for each in of_stations]
        names += [each.transaction.station for each in of_sessions]
        assert {each[: len("stations/MINE-")] for each in names} == {"stations/MINE-"}
        for request in (
            service.WatchStations(
                stations_pb.WatchStationsRequest(names=[f"stations/{other.station}"]), **me
            ),
            service.WatchTransactions(
                stations_pb.WatchTransactionsRequest(names=[other.transaction]), **me
            ),
        ):
            assert (await failure_of(request)).code is grpc.StatusCode.NOT_FOUND
        stations.cancel()
        sessions.cancel()


async def test_a_request_id_of_a_station_outside_the_group_tells_nothing_of_its_command(
    house: House, db: Database, client: Client
) -> None:
    async with guarded(db, client) as at:
        theirs = await site(house, at, "theirs-")
        same = await failure_of(at.broker.commands.StartSession(theirs.request, **bearer("mine")))
        other = pb.StopSessionRequest(
            start_command=theirs.command, request_id=theirs.request.request_id
        )
        refused = await failure_of(at.broker.commands.StopSession(other, **bearer("mine")))
        for each in (same, refused):
            assert (each.reason, each.facts["fields"]) == ("REQUEST_ID_REUSED", "station")


async def test_a_station_is_created_within_the_group_only(db: Database, client: Client) -> None:
    async with guarded(db, client) as at:
        create = at.broker.stations.CreateStation
        inside = f"MINE-{uuid.uuid4().hex[:8]}"
        await create(stations_pb.CreateStationRequest(station_id=inside), **bearer("mine"))
        outside = stations_pb.CreateStationRequest(station_id="mine-1")
        refused = await failure_of(create(outside, **bearer("mine")))
        assert (refused.code, refused.reason) == (
            grpc.StatusCode.PERMISSION_DENIED,
            "OUTSIDE_STATION_GROUP",
        )
