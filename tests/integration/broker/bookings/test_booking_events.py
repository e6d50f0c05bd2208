"""Events of bookings, posted to a real receiver."""

import uuid

import pytest
from evcommand.v1 import booking_pb2
from evcommand.v1 import booking_service_pb2 as pb
from evcommand.v1 import callback_service_pb2 as callbacks_pb
from temporalio.client import Client

from tests.integration.broker.bookings.asking import a_policy, a_pool, asked, pool_of
from tests.integration.broker.bookings.test_carrying import accepts, booked_now, reaches
from tests.integration.broker.test_event_callbacks import subscribers, types_of
from tests.support.benches.broker_house import House

pytestmark = pytest.mark.asyncio(loop_scope="session")

State = booking_pb2.Booking.State


async def booked(house: House, pool: str) -> str:
    reply = await house.broker.bookings.CreateBooking(asked(pool))
    return str(reply.booking.name)


async def cancel(house: House, name: str) -> None:
    await house.broker.bookings.CancelBooking(pb.CancelBookingRequest(name=name))


async def test_the_life_of_a_booking_is_told(house: House, client: Client) -> None:
    async with subscribers(house.db, client, "") as [desk]:
        await desk.choose("booking.*")
        async with house.station() as (id, station):
            name = await booked_now(house, id)
            await accepts(station, "ReserveNow")
            await reaches(house, name, State.STATE_HELD)
            await desk.told(name, "booking.held")
            await cancel(house, name)
            posts = await desk.told(name, "booking.cancelled")
    states = [each for each in types_of(posts) if each != "booking.updated"]
    assert states == [f"booking.{each}" for each in ("confirmed", "bound", "held", "cancelled")]
    numbers = [post.sequence for post in posts]
    assert numbers == sorted(set(numbers))
    by_type = {post.json["type"]: post.json for post in posts}
    assert by_type["booking.held"]["data"]["station"] == f"stations/{id}"
    assert by_type["booking.confirmed"]["data"].get("station") is None
    assert "change" not in posts[0].json


async def test_a_credential_of_a_group_gets_the_bookings_of_its_pools_alone(
    house: House, client: Client
) -> None:
    site = f"SITE-{uuid.uuid4().hex[:6]}-"
    async with (
        subscribers(house.db, client, "", f"/{site}+read") as [everything, limited],
        house.station(id=f"{site}1"),
        house.station(id=f"{site}2"),
    ):
        policy, beyond = await a_policy(house.broker), await house.offline_station()
        mixed = await pool_of(house.broker, policy, (f"{site}1", 1), (beyond, 1))
        own = await pool_of(house.broker, policy, (f"{site}2", 1))
        await everything.choose("booking.*")
        await limited.choose("booking.*")
        others, mine = await booked(house, mixed), await booked(house, own)
        await everything.told(others, "booking.confirmed")
        await limited.told(mine, "booking.confirmed")
        assert {post.json["data"]["name"] for post in limited.receiver.posts} == {mine}
        (delivery,) = await limited.deliveries()
        assert delivery.resource == mine
        request = callbacks_pb.ResendCallbackDeliveryRequest(name=delivery.name)
        assert (await everything.call("ResendCallbackDelivery", request)).delivery.resource == mine
        assert [each.resource for each in await everything.deliveries(resource=others)] == [others]


async def test_another_tenant_gets_no_events_of_bookings(house: House, client: Client) -> None:
    async with subscribers(house.db, client, "", "@other") as [ours, theirs]:
        await ours.choose("booking.*")
        await theirs.choose("booking.*")
        name = await booked(house, await a_pool(house.broker, 1))
        await cancel(house, name)
        await ours.told(name, "booking.cancelled")
        assert await theirs.deliveries() == []
        assert theirs.receiver.posts == []
