"""CallbackService and the callbacks of commands, with a real receiver."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from evcommand.v1 import callback_service_pb2 as pb
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1.callback_service_pb2_grpc import CallbackServiceStub
from google.protobuf.duration_pb2 import Duration
from standardwebhooks.webhooks import WebhookVerificationError
from temporalio.client import Client

from broker.process import running_broker
from broker.settings import ApiKey, BrokerSettings
from fleet import callbacks
from fleet.database import Database
from tests.support.benches.broker_house import (
    WAIT_S,
    Broker,
    House,
    dialled,
    failure_of,
    start_request,
)
from tests.support.receiver import Answer, Receiver, receiving

pytestmark = pytest.mark.asyncio(loop_scope="session")

OUTCOME = options_pb.WAIT_FOR_OUTCOME


class Desk:
    """A client with a credential of its own."""

    def __init__(self, broker: Broker, key: str) -> None:
        self.name = key
        self._metadata = (("authorization", f"Bearer {key}"),)
        self._broker = broker
        self._callbacks: Any = CallbackServiceStub(broker.channel)

    def call(self, method: str, request: Any) -> Any:
        """A call of the CallbackService."""
        return getattr(self._callbacks, method)(request, metadata=self._metadata, timeout=WAIT_S)

    async def rotate(self, **fields: Any) -> str:
        """A new secret."""
        reply = await self.call("RotateCallbackSecret", pb.RotateCallbackSecretRequest(**fields))
        return str(reply.secret)

    async def set(self, **fields: Any) -> pb.CallbackSettings:
        """UpdateCallbackSettings; the settings of the reply."""
        request = pb.UpdateCallbackSettingsRequest(settings=pb.CallbackSettings(**fields))
        settings: pb.CallbackSettings = (
            await self.call("UpdateCallbackSettings", request)
        ).settings
        return settings

    async def settings(self) -> pb.CallbackSettings:
        """GetCallbackSettings."""
        reply = await self.call("GetCallbackSettings", pb.GetCallbackSettingsRequest())
        settings: pb.CallbackSettings = reply.settings
        return settings

    def starting(self, station: str, url: str = "", events: int = 0, **fields: Any) -> Any:
        """A StartSession with a callback when a URL is given."""
        request = start_request(station, OUTCOME, **fields)
        if url:
            request.options.callback.url = url
            request.options.callback.events = options_pb.Callback.Events.ValueType(events)
        return self._broker.commands.StartSession(request, metadata=self._metadata, timeout=WAIT_S)

    async def start(self, station: str, url: str = "", **fields: Any) -> command_pb.RemoteCommand:
        """The command of such a StartSession."""
        command: command_pb.RemoteCommand = (await self.starting(station, url, **fields)).command
        return command

    async def deliveries(self, command: str = "", **fields: Any) -> list[pb.CallbackDelivery]:
        """One page of deliveries."""
        request = pb.ListCallbackDeliveriesRequest(command=command, **fields)
        return list((await self.call("ListCallbackDeliveries", request)).deliveries)

    async def until(
        self, command: str, state: pb.CallbackDelivery.State.ValueType
    ) -> pb.CallbackDelivery:
        """The command's newest delivery, once it is in this state."""
        async with asyncio.timeout(WAIT_S):
            while True:
                found = await self.deliveries(command)
                if found and found[0].state == state:
                    return found[0]
                await asyncio.sleep(0.05)

    async def resend(self, delivery: pb.CallbackDelivery) -> pb.CallbackDelivery:
        """ResendCallbackDelivery."""
        request = pb.ResendCallbackDeliveryRequest(name=delivery.name)
        again: pb.CallbackDelivery = (await self.call("ResendCallbackDelivery", request)).delivery
        return again


@asynccontextmanager
async def desks(
    db: Database, client: Client, *tenants: str, allow_private: bool = True
) -> AsyncIterator[list[Desk]]:
    """A broker with a fresh credential per tenant."""
    names = [f"desk-{uuid.uuid4().hex}" for _ in tenants]
    keys = tuple(
        ApiKey(name, hashlib.sha256(name.encode()).hexdigest(), tenant)
        for name, tenant in zip(names, tenants, strict=True)
    )
    settings = BrokerSettings(
        listen="127.0.0.1:0",
        drain_s=0.5,
        api_keys=keys,
        callback_allow_private=allow_private,
        callback_timeout_s=2,
    )
    async with running_broker(db, client, settings) as broker, dialled(broker.address) as dialled_:
        yield [Desk(dialled_, name) for name in names]


async def test_a_secret_is_shown_once_and_stored_sealed(house: House, client: Client) -> None:
    async with desks(house.db, client, "default") as [desk]:
        assert await desk.settings() == pb.CallbackSettings()
        secret = await desk.rotate()
        assert secret.startswith("whsec_")
        shown = await desk.settings()
        assert shown.has_secret
        assert secret not in str(shown)
        async with house.db.read() as tx:
            stored = await callbacks.endpoint(tx, "default", desk.name)
        assert stored is not None
        assert stored.secret is not None
        assert secret not in stored.secret


async def test_a_callback_without_a_secret_says_the_remedy(house: House, client: Client) -> None:
    station = await house.offline_station()
    async with desks(house.db, client, "default") as [desk]:
        url = "https://receiver.example.com"
        request = pb.UpdateCallbackSettingsRequest(settings=pb.CallbackSettings(url=url))
        for call in (
            desk.starting(station, url),
            desk.call("UpdateCallbackSettings", request),
        ):
            failure = await failure_of(call)
            assert failure.code is grpc.StatusCode.FAILED_PRECONDITION
            assert failure.reason == "CALLBACK_SECRET_MISSING"
            assert "RotateCallbackSecret" in failure.message


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example.com",
        "https://user:pass@receiver.example.com",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://localhost/",
        "not a url",
        "",
    ],
)
async def test_s17_a_url_that_must_not_be_posted_to_is_a_bad_field(
    house: House, client: Client, url: str
) -> None:
    station = await house.offline_station()
    async with desks(house.db, client, "default", allow_private=False) as [desk]:
        await desk.rotate()
        request = start_request(station, OUTCOME)
        request.options.callback.url = url
        failure = await failure_of(
            desk._broker.commands.StartSession(request, metadata=desk._metadata)
        )
        assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
        assert failure.fields == ["options.callback.url"]
        if url:
            settings = pb.CallbackSettings(url=url)
            call = desk.call(
                "UpdateCallbackSettings", pb.UpdateCallbackSettingsRequest(settings=settings)
            )
            assert (await failure_of(call)).fields == ["settings.url"]


async def test_an_outcome_reaches_its_receiver_as_get_shows_it(
    house: House, client: Client
) -> None:
    station = await house.offline_station()
    async with desks(house.db, client, "default") as [desk], receiving() as receiver:
        secret = await desk.rotate()
        command = await desk.start(station, receiver.url())
        await desk.until(command.name, pb.CallbackDelivery.STATE_DELIVERED)
    (post,) = receiver.posts
    content = post.verify(secret)
    assert content["type"] == "command.outcome"
    assert content["data"]["name"] == command.name
    assert content["data"]["outcome"]["cause"] == "STATION_OFFLINE"
    assert content["sequence"] == command.revision


async def test_settings_apply_to_commands_without_a_callback_of_their_own(
    house: House, client: Client
) -> None:
    station = await house.offline_station()
    async with desks(house.db, client, "default") as [desk], receiving() as receiver:
        await desk.rotate()
        await desk.set(url=receiver.url("/default"))
        plain = await desk.start(station)
        own = await desk.start(station, receiver.url("/own"))
        for command in (plain, own):
            await desk.until(command.name, pb.CallbackDelivery.STATE_DELIVERED)
        await desk.set()
        silent = await desk.start(station)
        assert await desk.deliveries(silent.name) == []
    paths = {post.json["data"]["name"]: post.path for post in receiver.posts}
    assert paths == {plain.name: "/default", own.name: "/own"}


async def test_a_repeat_with_another_callback_is_another_request(
    house: House, client: Client
) -> None:
    station = await house.offline_station()
    id = str(uuid.uuid4())
    async with desks(house.db, client, "default") as [desk], receiving() as receiver:
        await desk.rotate()
        first = await desk.start(station, receiver.url(), request_id=id)
        again = await desk.start(station, receiver.url(), request_id=id)
        assert again.name == first.name
        failure = await failure_of(desk.starting(station, receiver.url("/b"), request_id=id))
        await desk.until(first.name, pb.CallbackDelivery.STATE_DELIVERED)
    assert failure.reason == "REQUEST_ID_REUSED"
    assert failure.facts["fields"] == "options.callback"
    assert len(receiver.posts) == 1


async def test_both_secrets_sign_until_the_old_ones_time_is_over(
    house: House, client: Client
) -> None:
    station = await house.offline_station()
    async with desks(house.db, client, "default") as [desk], receiving() as receiver:
        old = await desk.rotate()
        new = await desk.rotate()
        await _told(desk, station, receiver)
        newest = await desk.rotate(previous_ttl=Duration())
        await _told(desk, station, receiver)
        assert not (await desk.settings()).HasField("previous_secret_expire_time")
    first, second = receiver.posts
    first.verify(old)
    first.verify(new)
    second.verify(newest)
    with pytest.raises(WebhookVerificationError):
        second.verify(new)


async def _told(desk: Desk, station: str, receiver: Receiver) -> None:
    command = await desk.start(station, receiver.url())
    await desk.until(command.name, pb.CallbackDelivery.STATE_DELIVERED)


async def test_what_was_parked_is_listed_with_its_reason_and_sent_again(
    house: House, client: Client
) -> None:
    station = await house.offline_station()
    async with desks(house.db, client, "default") as [desk], receiving() as receiver:
        await desk.rotate()
        receiver.answers += [Answer(400)]
        command = await desk.start(station, receiver.url())
        parked = await desk.until(command.name, pb.CallbackDelivery.STATE_PARKED)
        assert (parked.cause, parked.http_status, parked.tries) == ("REFUSED", 400, 1)
        assert "400" in parked.reason
        states = [pb.CallbackDelivery.STATE_PARKED]
        listed = await desk.deliveries(states=states, page_size=200)
        assert parked in listed
        again = await desk.resend(parked)
        assert (again.name, again.state) == (parked.name, pb.CallbackDelivery.STATE_PENDING)
        await desk.until(command.name, pb.CallbackDelivery.STATE_DELIVERED)
    assert [post.id for post in receiver.posts] == [parked.name.split("/")[1]] * 2


async def test_a_receiver_that_is_gone_disables_the_settings_until_they_are_set_again(
    house: House, client: Client
) -> None:
    station = await house.offline_station()
    async with desks(house.db, client, "default") as [desk], receiving() as receiver:
        await desk.rotate()
        await desk.set(url=receiver.url())
        receiver.answers += [Answer(410)]
        command = await desk.start(station)
        parked = await desk.until(command.name, pb.CallbackDelivery.STATE_PARKED)
        shown = await desk.settings()
        assert shown.disabled
        assert "410" in shown.disable_reason
        request = pb.ResendCallbackDeliveryRequest(name=parked.name)
        failure = await failure_of(desk.call("ResendCallbackDelivery", request))
        assert failure.reason == "CALLBACKS_DISABLED"
        assert not (await desk.set(url=receiver.url())).disabled
        await desk.resend(parked)
        await desk.until(command.name, pb.CallbackDelivery.STATE_DELIVERED)


async def test_deliveries_belong_to_their_tenant(house: House, client: Client) -> None:
    station = await house.offline_station()
    tenants = ("default", "another")
    async with desks(house.db, client, *tenants) as [desk, other], receiving() as receiver:
        await desk.rotate()
        command = await desk.start(station, receiver.url())
        delivery = await desk.until(command.name, pb.CallbackDelivery.STATE_DELIVERED)
        assert await other.deliveries(command.name) == []
        request = pb.ResendCallbackDeliveryRequest(name=delivery.name)
        failure = await failure_of(other.call("ResendCallbackDelivery", request))
        assert (failure.code, failure.reason) == (
            grpc.StatusCode.NOT_FOUND,
            "DELIVERY_NOT_FOUND",
        )
        assert not (await other.settings()).has_secret


async def test_deliveries_are_listed_page_by_page(house: House, client: Client) -> None:
    station = await house.offline_station()
    async with desks(house.db, client, f"t-{uuid.uuid4().hex}", "default") as [_, desk]:
        await desk.rotate()
        async with receiving() as receiver:
            for _ in range(3):
                await _told(desk, station, receiver)
        seen: list[str] = []
        token = ""
        while True:
            request = pb.ListCallbackDeliveriesRequest(page_size=2, page_token=token)
            reply = await desk.call("ListCallbackDeliveries", request)
            seen += [each.name for each in reply.deliveries]
            token = reply.next_page_token
            if not token:
                break
    ours = [f"callbackDeliveries/{post.id}" for post in reversed(receiver.posts)]
    assert [name for name in seen if name in ours] == ours
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(
    ("method", "wrong", "field"),
    [
        ("UpdateCallbackSettings", pb.UpdateCallbackSettingsRequest(), "settings"),
        (
            "UpdateCallbackSettings",
            pb.UpdateCallbackSettingsRequest(settings=pb.CallbackSettings(disabled=True)),
            "settings.disabled",
        ),
        (
            "RotateCallbackSecret",
            pb.RotateCallbackSecretRequest(previous_ttl=Duration(seconds=8 * 86_400)),
            "previous_ttl",
        ),
        (
            "RotateCallbackSecret",
            pb.RotateCallbackSecretRequest(previous_ttl=Duration(seconds=-1)),
            "previous_ttl",
        ),
        (
            "ListCallbackDeliveries",
            pb.ListCallbackDeliveriesRequest(command="no name"),
            "command",
        ),
        ("ResendCallbackDelivery", pb.ResendCallbackDeliveryRequest(name="x"), "name"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_bad_fields_are_named(
    house: House, client: Client, method: str, wrong: Any, field: str
) -> None:
    async with desks(house.db, client, "default") as [desk]:
        failure = await failure_of(desk.call(method, wrong))
    assert (failure.code, failure.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])
