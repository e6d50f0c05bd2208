"""Events of who waits, posted to a real receiver."""

import uuid

import grpc
import pytest
from evcommand.v1 import waitlist_pb2 as pb
from temporalio.client import Client

from tests.integration.broker.bookings.asking import a_policy, pool_of
from tests.integration.broker.bookings.test_waitlist import cancel, full_pool, join, joining
from tests.integration.broker.test_event_callbacks import subscribers, types_of
from tests.support.benches.broker_house import House, failure_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_life_of_who_waits_is_told_to_who_may_read_bookings_alone(
    house: House, client: Client
) -> None:
    async with subscribers(house.db, client, "+bookings.read") as [desk]:
        denied = await failure_of(desk.choose("waitlist.*", "station.booted"))
        assert (denied.code, denied.facts) == (
            grpc.StatusCode.PERMISSION_DENIED,
            {"right": "read"},
        )
        await desk.choose("waitlist.*")
        pool, full = await full_pool(house)
        entry = await join(house, joining(pool))
        await desk.told(entry.name, "waitlist.waiting")
        await cancel(house, full)
        await desk.told(entry.name, "waitlist.offered")
        taken = await house.broker.bookings.AcceptOffer(pb.AcceptOfferRequest(name=entry.name))
        posts = await desk.told(entry.name, "waitlist.accepted")
        assert types_of(posts) == [
            f"waitlist.{state}" for state in ("waiting", "offered", "accepted")
        ]
        first, second, last = [post.json["data"] for post in posts]
        assert first["position"] == 1
        assert second["offerExpireTime"]
        assert (last["state"], last["booking"]) == ("STATE_ACCEPTED", taken.booking.name)
        assert "change" not in posts[0].json


async def test_a_credential_of_a_group_gets_who_waits_in_its_pools_alone(
    house: House, client: Client
) -> None:
    site = f"SITE-{uuid.uuid4().hex[:6]}-"
    async with (
        subscribers(house.db, client, "", f"/{site}+read") as [everything, limited],
        house.station(id=f"{site}1"),
        house.station(id=f"{site}2"),
    ):
        policy = await a_policy(house.broker)
        mixed = await pool_of(
            house.broker, policy, (f"{site}1", 1), (await house.offline_station(), 1)
        )
        own = await pool_of(house.broker, policy, (f"{site}2", 1))
        await everything.choose("waitlist.offered")
        await limited.choose("waitlist.offered")
        others, mine = await join(house, joining(mixed)), await join(house, joining(own))
        await everything.told(others.name, "waitlist.offered")
        await limited.told(mine.name, "waitlist.offered")
        assert {post.json["data"]["name"] for post in limited.receiver.posts} == {mine.name}
        (delivery,) = await limited.deliveries()
        assert delivery.resource == mine.name
        listed = await everything.deliveries(resource=others.name)
        assert [each.type for each in listed] == ["waitlist.offered"]


async def test_another_tenant_gets_no_events_of_who_waits(house: House, client: Client) -> None:
    async with subscribers(house.db, client, "", "@other") as [ours, theirs]:
        await ours.choose("waitlist.*")
        await theirs.choose("waitlist.*")
        entry = await join(house, joining((await full_pool(house))[0]))
        await ours.told(entry.name, "waitlist.waiting")
        assert await theirs.deliveries() == []
        assert theirs.receiver.posts == []
