"""Events of stations, transactions and reservations, posted to a real receiver."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from evcommand.v1 import callback_service_pb2 as pb
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import id_token_pb2 as token_pb
from evcommand.v1 import remote_command_service_pb2 as commands_pb
from evcommand.v1 import station_service_pb2 as stations_pb
from evcommand.v1.callback_service_pb2_grpc import CallbackServiceStub
from evcommand.v1.remote_command_pb2 import RemoteCommand
from google.protobuf.duration_pb2 import Duration
from temporalio.client import Client

from broker.process import running_broker
from broker.settings import ApiKey, BrokerSettings
from fleet.database import Database
from tests.support.benches.broker_house import (
    WAIT_S,
    Broker,
    House,
    begin_session,
    dialled,
    end_session,
    failure_of,
    start_request,
)
from tests.support.receiver import Answer, Post, Receiver, receiving
from tests.support.stations.scripted_station import ScriptedStation

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALL = ("station.*", "transaction.*", "reservation.*")


class Subscriber:
    """A credential of its own, and the receiver of what it chose."""

    def __init__(self, broker: Broker, key: str, receiver: Receiver) -> None:
        self.receiver = receiver
        self.broker = broker
        self.name = key
        self.secret = ""
        self.metadata = (("authorization", f"Bearer {key}"),)
        self._callbacks: Any = CallbackServiceStub(broker.channel)

    def call(self, method: str, request: Any) -> Any:
        """A call of the CallbackService."""
        return getattr(self._callbacks, method)(request, metadata=self.metadata, timeout=WAIT_S)

    async def choose(self, *types: str, **fields: Any) -> pb.CallbackSettings:
        """Have these types posted; the settings of the reply."""
        if not self.secret:
            reply = await self.call("RotateCallbackSecret", pb.RotateCallbackSecretRequest())
            self.secret = reply.secret
        fields = {"url": self.receiver.url(), **fields}
        settings = pb.CallbackSettings(event_types=types, **fields)
        request = pb.UpdateCallbackSettingsRequest(settings=settings)
        changed: pb.CallbackSettings = (await self.call("UpdateCallbackSettings", request)).settings
        return changed

    async def deliveries(self, **fields: Any) -> list[pb.CallbackDelivery]:
        """One page of deliveries."""
        request = pb.ListCallbackDeliveriesRequest(**fields)
        return list((await self.call("ListCallbackDeliveries", request)).deliveries)

    async def told(self, about: str, *types: str) -> list[Post]:
        """The posts about a resource, or about what begins with its name, up to these types."""

        def of_it() -> list[Post]:
            return [
                post
                for post in self.receiver.posts
                if post.json["data"]["name"].startswith(about)
                or post.json["data"].get("station") == about
            ]

        await until(lambda: set(types) <= {post.json["type"] for post in of_it()})
        for post in of_it():
            post.verify(self.secret)
        return of_it()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0.02)


def types_of(posts: list[Post]) -> list[str]:
    return [post.json["type"] for post in posts]


@asynccontextmanager
async def subscribers(
    db: Database, client: Client, *limits: str
) -> AsyncIterator[list[Subscriber]]:
    """A broker with a fresh credential for each of these limits: `@TENANT/GROUP+RIGHT`."""
    names = [f"events-{uuid.uuid4().hex}" for _ in limits]
    keys = tuple(
        ApiKey.parse(f"{name}{limit}:{hashlib.sha256(name.encode()).hexdigest()}")
        for name, limit in zip(names, limits, strict=True)
    )
    settings = BrokerSettings(
        listen="127.0.0.1:0",
        drain_s=0.5,
        api_keys=keys,
        callback_allow_private=True,
        callback_timeout_s=2,
    )
    async with (
        running_broker(db, client, settings) as broker,
        dialled(broker.address) as channel,
        receiving() as first,
        receiving() as second,
    ):
        made = [
            Subscriber(channel, name, receiver)
            for name, receiver in zip(names, (first, second), strict=False)
        ]
        yield made
        for each in made:
            if each.secret:  # nobody reads the logs for it after this test
                await each.choose()


async def status(station: ScriptedStation, state: str, error: str = "NoError") -> None:
    await station.call(
        "StatusNotification", {"connectorId": 1, "errorCode": error, "status": state}
    )


async def test_a_station_that_comes_and_goes_is_told_in_order(house: House, client: Client) -> None:
    async with subscribers(house.db, client, "") as [desk]:
        await desk.choose("station.*")
        async with house.station() as (id, station):
            await status(station, "Available")
            await status(station, "Faulted")
            await status(station, "Faulted", "GroundFailure")
            name = f"stations/{id}"
            await desk.told(name, "station.connected", "station.booted", "station.connector")
        posts = await desk.told(name, "station.disconnected")
        shown = await house.broker.stations.GetStation(stations_pb.GetStationRequest(name=name))
    assert [each for each in types_of(posts) if each != "station.booted"] == [
        "station.connected",
        *["station.connector"] * 3,
        "station.disconnected",
    ]
    numbers = [post.sequence for post in posts]
    assert numbers == sorted(set(numbers))
    assert len({post.id for post in posts}) == len(posts)
    changes = [post.json["change"] for post in posts if post.json["type"] == "station.connector"]
    assert [each["kind"] for each in changes] == ["KIND_CONNECTOR"] * 3
    assert [each["facts"]["state"] for each in changes] == ["Available", "Faulted", "Faulted"]
    assert changes[-1]["facts"]["error_code"] == "GroundFailure"
    last = posts[-1].json["data"]
    assert "connected" not in last  # as protobuf JSON leaves out what is false
    assert last["evses"][0]["connectors"][0]["errorCode"] == "GroundFailure"
    assert last["bootTime"] and shown.station.name == last["name"]


async def test_a_transaction_is_told_when_it_begins_and_ends(house: House, client: Client) -> None:
    async with subscribers(house.db, client, "") as [desk]:
        await desk.choose("transaction.*")
        async with house.station() as (id, station):
            transaction = await begin_session(station, tag="SECRET-TAG-4711")
            await end_session(station, transaction)
            posts = await desk.told(f"stations/{id}/transactions/", "transaction.ended")
        assert types_of(posts) == ["transaction.started", "transaction.ended"]
        data = posts[-1].json["data"]
        assert (data["transactionId"], data["state"]) == (str(transaction), "STATE_ENDED")
        assert data["maskedIdToken"].startswith("****")
        assert posts[0].json["change"]["kind"] == "KIND_STARTED"
        assert not [post for post in desk.receiver.posts if "SECRET-TAG" in post.body]
        listed = await desk.deliveries(resource=data["name"])
        assert [each.type for each in listed] == types_of(posts)[::-1]
        assert {each.resource for each in listed} == {data["name"]}
        assert {each.name for each in listed} == {f"callbackDeliveries/{post.id}" for post in posts}


async def test_the_life_of_a_reservation_is_told(house: House, client: Client) -> None:
    async with subscribers(house.db, client, "") as [desk]:
        await desk.choose("reservation.*")
        async with house.station() as (id, station):
            await status(station, "Available")
            request = commands_pb.ReserveNowRequest(
                station=f"stations/{id}",
                evse_id=1,
                id_token=token_pb.IdToken(value="SECRET-TAG-0815"),
                ttl=Duration(seconds=600),
            )
            name = (await asked(house, station, request)).reserve_now.reservation
            await desk.told(name, "reservation.requested", "reservation.held")
            await asked(house, station, commands_pb.CancelReservationRequest(reservation=name))
            posts = await desk.told(name, "reservation.cancelled")
    lasting = [each for each in types_of(posts) if each != "reservation.updated"]
    assert lasting == ["reservation.requested", "reservation.held", "reservation.cancelled"]
    by_type = {post.json["type"]: post.json for post in posts}
    assert by_type["reservation.held"]["data"]["state"] == "STATE_HELD"
    assert by_type["reservation.cancelled"]["data"]["state"] == "STATE_CANCELLED"
    assert "change" not in posts[0].json
    assert not [post for post in posts if "SECRET-TAG" in post.body]


async def asked(house: House, station: ScriptedStation, request: Any) -> RemoteCommand:
    """A command that the station accepts, with its outcome."""
    action = type(request).__name__.removesuffix("Request")
    request.options.wait_for = options_pb.WAIT_FOR_OUTCOME
    call = getattr(house.broker.commands, action)(request, timeout=WAIT_S)
    asking = asyncio.ensure_future(call)
    await station.accept(action)
    command: RemoteCommand = (await asking).command
    return command


async def test_another_tenant_gets_nothing(house: House, client: Client) -> None:
    async with subscribers(house.db, client, "", "@other") as [ours, theirs]:
        await ours.choose(*ALL)
        await theirs.choose(*ALL)
        async with house.station() as (id, station):
            await begin_session(station)
            await ours.told(f"stations/{id}/transactions/", "transaction.started")
        await ours.told(f"stations/{id}", "station.disconnected")
        assert await theirs.deliveries() == []
        assert theirs.receiver.posts == []


async def test_a_credential_of_a_group_gets_its_stations_alone(
    house: House, client: Client
) -> None:
    site = f"SITE-{uuid.uuid4().hex[:6]}-"
    async with subscribers(house.db, client, "", f"/{site}+read") as [everything, limited]:
        await everything.choose(*ALL)
        await limited.choose(*ALL)
        async with house.station(id=f"{site}1") as (mine, near), house.station() as (other, far):
            await begin_session(far)
            await begin_session(near)
            await everything.told(f"stations/{other}/transactions/", "transaction.started")
            await limited.told(f"stations/{mine}/transactions/", "transaction.started")
        await everything.told(f"stations/{other}", "station.disconnected")
        await limited.told(f"stations/{mine}", "station.disconnected")
        about = {post.json["data"]["name"].split("/")[1] for post in limited.receiver.posts}
        assert about == {mine}
        assert {each.resource.split("/")[1] for each in await limited.deliveries()} == {mine}


async def test_events_of_stations_need_the_right_to_read_them(house: House, client: Client) -> None:
    async with subscribers(house.db, client, "+command") as [desk]:
        assert not (await desk.choose("command.*")).disabled
        failure = await failure_of(desk.choose("command.*", "station.*"))
        assert (failure.code, failure.reason) == (
            grpc.StatusCode.PERMISSION_DENIED,
            "RIGHT_MISSING",
        )


async def test_who_chooses_nothing_gets_no_events_and_who_chooses_events_no_commands(
    house: House, client: Client
) -> None:
    async with subscribers(house.db, client, "", "") as [commands, events]:
        await commands.choose()
        await events.choose("station.*")
        station = await house.offline_station()
        request = start_request(station, options_pb.WAIT_FOR_OUTCOME)
        for desk in (events, commands):
            await desk.broker.commands.StartSession(request, metadata=desk.metadata, timeout=WAIT_S)
            request.request_id = ""
        await commands.receiver.received(1)
        async with house.station() as (id, _):
            await events.told(f"stations/{id}", "station.booted")
        await events.told(f"stations/{id}", "station.disconnected")
    assert {each.partition(".")[0] for each in types_of(events.receiver.posts)} == {"station"}
    assert set(types_of(commands.receiver.posts)) == {"command.outcome"}


@pytest.mark.parametrize(
    ("types", "field"),
    [
        (["station.exploded"], "settings.event_types[0]"),
        (["*"], "settings.event_types[0]"),
        (["command.outcome"], "settings.event_types[0]"),
        (["command.*"] * 65, "settings.event_types"),
    ],
)
async def test_a_type_that_nothing_has_is_a_bad_field(
    house: House, client: Client, types: list[str], field: str
) -> None:
    async with subscribers(house.db, client, "") as [desk]:
        failure = await failure_of(desk.choose(*types))
        assert failure.fields == [field]
        assert (await failure_of(desk.choose("station.*", url=""))).fields == [
            "settings.event_types"
        ]


async def test_a_refused_event_is_parked_and_sent_again_under_its_id(
    house: House, client: Client
) -> None:
    async with subscribers(house.db, client, "") as [desk]:
        await desk.choose("transaction.started")
        desk.receiver.answers.append(Answer(400))
        async with house.station() as (id, station):
            await begin_session(station)
            (post,) = await desk.told(f"stations/{id}/transactions/", "transaction.started")
            name = post.json["data"]["name"]
            parked = await settled(desk, name, pb.CallbackDelivery.STATE_PARKED)
            assert (parked.cause, parked.tries) == ("REFUSED", 1)
            request = pb.ResendCallbackDeliveryRequest(name=parked.name)
            await desk.call("ResendCallbackDelivery", request)
            await settled(desk, name, pb.CallbackDelivery.STATE_DELIVERED)
        first, second = desk.receiver.posts
        assert (first.id, first.sequence) == (second.id, second.sequence)


async def settled(desk: Subscriber, name: str, state: int) -> pb.CallbackDelivery:
    async with asyncio.timeout(WAIT_S):
        while True:
            found = await desk.deliveries(resource=name)
            if found and found[0].state == state:
                return found[0]
            await asyncio.sleep(0.05)


async def test_while_callbacks_are_disabled_events_are_parked_without_a_post(
    house: House, client: Client
) -> None:
    async with subscribers(house.db, client, "") as [desk]:
        await desk.choose("station.*", disabled=True)
        async with house.station() as (id, _):
            name = f"stations/{id}"
            parked = await settled(desk, name, pb.CallbackDelivery.STATE_PARKED)
        assert (parked.cause, parked.tries) == ("DISABLED", 0)
        request = pb.ResendCallbackDeliveryRequest(name=parked.name)
        failure = await failure_of(desk.call("ResendCallbackDelivery", request))
        assert failure.reason == "CALLBACKS_DISABLED"
        await desk.choose("station.*")
        await desk.call("ResendCallbackDelivery", request)
        (post,) = [each for each in await desk.receiver.received(1) if each.id in parked.name]
        assert post.json["data"]["name"] == name
