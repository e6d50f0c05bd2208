"""Another tenant sees nothing of a tenant's pools, policies, bookings and who waits, by no method.

Nor does a credential of station groups that cover a part of a pool only.
"""

import hashlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from evcommand.v1 import (
    booking_pb2,
    booking_policy_pb2,
    booking_series_pb2,
    remote_command_service_pb2,
    station_service_pb2,
    waitlist_pb2,
)
from evcommand.v1 import booking_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration
from temporalio.client import Client

from broker.process import running_broker
from broker.settings import ApiKey, BrokerSettings
from fleet.database import Database
from tests.integration.broker.bookings.asking import (
    HOUR,
    TOMORROW,
    a_policy,
    asked,
    holder,
    pool_of,
    stamp,
)
from tests.support.benches.broker_house import WAIT_S, Broker, House, dialled, failure_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

METHODS = {method.name for method in pb.DESCRIPTOR.services_by_name["BookingService"].methods}


@dataclass(frozen=True)
class Site:
    """What a tenant has: a pool, its policy, a booking, a series, and somebody who waits."""

    pool: booking_pb2.Pool
    policy: str
    booking: booking_pb2.Booking
    series: str
    entry: str


async def a_site(house: House, *members: tuple[str, int]) -> Site:
    calls = house.broker.bookings
    policy = await a_policy(house.broker)
    pool = await pool_of(house.broker, policy, *(members or ((await house.offline_station(), 1),)))
    read = await calls.GetPool(pb.GetPoolRequest(name=pool))
    made = await calls.CreateBooking(asked(pool))
    series = await calls.CreateBookingSeries(a_series(pool))
    waiting = await calls.JoinWaitlist(to_wait(pool))
    return Site(read.pool, policy, made.booking, series.series.name, waiting.entry.name)


def a_series(pool: str) -> booking_series_pb2.CreateBookingSeriesRequest:
    first = TOMORROW + 24 * HOUR
    return booking_series_pb2.CreateBookingSeriesRequest(
        request_id=str(uuid.uuid4()),
        pool=pool,
        holder=holder("SERA"),
        recurrence="FREQ=DAILY;COUNT=2",
        first_start=f"{first:%Y-%m-%dT%H:%M}",
        first_end=f"{first + HOUR:%Y-%m-%dT%H:%M}",
    )


def to_wait(pool: str) -> waitlist_pb2.JoinWaitlistRequest:
    return waitlist_pb2.JoinWaitlistRequest(
        request_id=str(uuid.uuid4()),
        pool=pool,
        holder=holder("WANDA"),
        start_time=stamp(TOMORROW),
        end_time=stamp(TOMORROW + HOUR),
    )


@asynccontextmanager
async def a_credential(db: Database, client: Client, limit: str) -> AsyncIterator[Any]:
    """Calls of a credential as `@TENANT/GROUP+RIGHT` at a broker of its own: method, request."""
    name = f"key-{uuid.uuid4().hex}"
    key = ApiKey.parse(f"{name}{limit}:{hashlib.sha256(name.encode()).hexdigest()}")
    settings = BrokerSettings(listen="127.0.0.1:0", drain_s=0.5, api_keys=(key,))
    async with (
        running_broker(db, client, settings) as running,
        dialled(running.address) as channel,
    ):
        yield Caller(channel, name)


class Caller:
    """Calls methods of bookings with one credential."""

    def __init__(self, broker: Broker, key: str) -> None:
        self._broker = broker
        self._metadata = [("authorization", f"Bearer {key}")]

    def call(self, method: str, request: Any, service: str = "bookings") -> Any:
        calls = getattr(self._broker, service)
        return getattr(calls, method)(request, metadata=self._metadata, timeout=WAIT_S)

    async def pool(self, name: str = "pools/own", policy: str = "bookingPolicies/own") -> str:
        """A pool of a station, of the credential's tenant, with these names. Returns its name."""
        station = f"OWN-{uuid.uuid4().hex[:8]}"
        request = station_service_pb2.CreateStationRequest(station_id=station)
        await self.call("CreateStation", request, "stations")
        own = booking_policy_pb2.BookingPolicy(name=policy)
        await self.call("PutBookingPolicy", pb.PutBookingPolicyRequest(policy=own))
        members = [booking_pb2.PoolMember(station=f"stations/{station}", evse_id=1)]
        pool = booking_pb2.Pool(
            name=name, time_zone="Europe/Berlin", members=members, policy=policy
        )
        await self.call("CreatePool", pb.CreatePoolRequest(pool=pool))
        return name


def requests(site: Site) -> dict[str, tuple[Any, str]]:
    """By method: a request for what is the site's, and how it is refused."""
    return {**of_pools(site), **of_bookings(site), **of_who_waits(site)}


def of_pools(site: Site) -> dict[str, tuple[Any, str]]:
    pool = site.pool
    search = pb.SearchAvailabilityRequest(
        pool=pool.name,
        start_time=stamp(TOMORROW),
        end_time=stamp(TOMORROW + 3 * HOUR),
        length=Duration(seconds=3600),
        holder=holder(),
    )
    return {
        "GetBookingPolicy": (
            pb.GetBookingPolicyRequest(name=site.policy),
            "BOOKING_POLICY_NOT_FOUND",
        ),
        "CreatePool": (pb.CreatePoolRequest(pool=pool), "STATION_NOT_FOUND"),
        "GetPool": (pb.GetPoolRequest(name=pool.name), "POOL_NOT_FOUND"),
        "UpdatePool": (pb.UpdatePoolRequest(pool=pool), "POOL_NOT_FOUND"),
        "DeletePool": (pb.DeletePoolRequest(name=pool.name), "POOL_NOT_FOUND"),
        "SearchAvailability": (search, "POOL_NOT_FOUND"),
    }


def of_bookings(site: Site) -> dict[str, tuple[Any, str]]:
    pool, name = site.pool, site.booking.name
    cancelling = booking_series_pb2.CancelBookingSeriesRequest(name=site.series)
    return {
        "CreateBookingSeries": (a_series(pool.name), "POOL_NOT_FOUND"),
        "CancelBookingSeries": (cancelling, "BOOKING_SERIES_NOT_FOUND"),
        "CreateBooking": (asked(pool.name), "POOL_NOT_FOUND"),
        "GetBooking": (pb.GetBookingRequest(name=name), "BOOKING_NOT_FOUND"),
        "WatchBookings": (pb.WatchBookingsRequest(names=[name]), "BOOKING_NOT_FOUND"),
        "ExplainBooking": (pb.ExplainBookingRequest(name=name), "BOOKING_NOT_FOUND"),
        "UpdateBooking": (
            pb.UpdateBookingRequest(name=name, labels={"a": "b"}),
            "BOOKING_NOT_FOUND",
        ),
        "ConfirmBooking": (pb.ConfirmBookingRequest(name=name), "BOOKING_NOT_FOUND"),
        "CancelBooking": (pb.CancelBookingRequest(name=name), "BOOKING_NOT_FOUND"),
        "CheckIn": (pb.CheckInRequest(name=name), "BOOKING_NOT_FOUND"),
    }


def of_who_waits(site: Site) -> dict[str, tuple[Any, str]]:
    name, unknown = site.entry, "WAITLIST_ENTRY_NOT_FOUND"
    later = waitlist_pb2.SnoozeOfferRequest(name=name, request_id=str(uuid.uuid4()))
    return {
        "JoinWaitlist": (to_wait(site.pool.name), "POOL_NOT_FOUND"),
        "AcceptOffer": (waitlist_pb2.AcceptOfferRequest(name=name), unknown),
        "SnoozeOffer": (later, unknown),
        "LeaveWaitlist": (waitlist_pb2.LeaveWaitlistRequest(name=name), unknown),
        "GetWaitlistEntry": (waitlist_pb2.GetWaitlistEntryRequest(name=name), unknown),
        "WatchWaitlist": (waitlist_pb2.WatchWaitlistRequest(names=[name]), unknown),
    }


LISTS = {
    "ListPools": pb.ListPoolsRequest(),
    "ListBookingPolicies": pb.ListBookingPoliciesRequest(),
    "ListBookings": pb.ListBookingsRequest(),
    "ListWaitlistEntries": waitlist_pb2.ListWaitlistEntriesRequest(),
}
ONE_S_OWN = {"PutBookingPolicy", *LISTS}
"""Methods that name nothing of another: they are about what the caller's tenant has."""


async def test_another_tenant_sees_nothing_by_any_method(house: House, client: Client) -> None:
    site = await a_site(house)
    refused = requests(site)
    assert set(refused) | ONE_S_OWN == METHODS
    tenant = f"other-{uuid.uuid4().hex[:8]}"
    async with a_credential(house.db, client, f"@{tenant}") as other:
        for method, (request, reason) in refused.items():
            failure = await failure_of(other.call(method, request))
            assert (method, failure.code, failure.reason) == (
                method,
                grpc.StatusCode.NOT_FOUND,
                reason,
            )
        for method, request in LISTS.items():
            assert (method, (await other.call(method, request)).ListFields()) == (method, [])
        same = booking_policy_pb2.BookingPolicy(name=site.policy, grace=Duration(seconds=60))
        theirs = await other.call("PutBookingPolicy", pb.PutBookingPolicyRequest(policy=same))
        assert theirs.policy.revision == 1
    still = await house.broker.bookings.GetBooking(pb.GetBookingRequest(name=site.booking.name))
    assert still.booking == site.booking
    read = waitlist_pb2.GetWaitlistEntryRequest(name=site.entry)
    waits = (await house.broker.bookings.GetWaitlistEntry(read)).entry
    assert waits.state == waitlist_pb2.WaitlistEntry.STATE_WAITING
    policy = await house.broker.bookings.GetBookingPolicy(
        pb.GetBookingPolicyRequest(name=site.policy)
    )
    assert policy.policy.revision == 1


async def test_a_watch_of_everything_tells_another_tenant_nothing(
    house: House, client: Client
) -> None:
    tenant = f"other-{uuid.uuid4().hex[:8]}"
    async with a_credential(house.db, client, f"@{tenant}") as other:
        bookings = other.call("WatchBookings", pb.WatchBookingsRequest(all=True))
        waiting = other.call("WatchWaitlist", waitlist_pb2.WatchWaitlistRequest(all=True))
        await bookings.initial_metadata()
        await waiting.initial_metadata()
        site = await a_site(house)
        pool = await other.pool(site.pool.name, site.policy)
        booked = (await other.call("CreateBooking", asked(pool))).booking
        first = await bookings.read()  # what the other one booked before is not in between
        assert first.booking == booked
        assert first.booking.name != site.booking.name
        entry = (await other.call("JoinWaitlist", to_wait(pool))).entry
        assert (await waiting.read()).entry == entry
        assert entry.name != site.entry


async def test_a_part_of_a_pool_s_stations_is_not_enough_for_any_method(
    house: House, client: Client
) -> None:
    group = f"SITE-{uuid.uuid4().hex[:6]}-"
    async with house.station(id=f"{group}1"), a_credential(house.db, client, f"/{group}") as desk:
        mixed = await a_site(house, (f"{group}1", 1), (await house.offline_station(), 1))
        for method, (request, reason) in requests(mixed).items():
            if reason not in {"BOOKING_POLICY_NOT_FOUND", "STATION_NOT_FOUND"}:
                failure = await failure_of(desk.call(method, request))
                assert (method, failure.reason) == (method, reason)
        pools = (await desk.call("ListPools", LISTS["ListPools"])).pools
        assert mixed.pool.name not in {each.name for each in pools}
        for method, everywhere in (
            ("ListBookings", pb.ListBookingsRequest),
            ("ListWaitlistEntries", waitlist_pb2.ListWaitlistEntriesRequest),
        ):
            failure = await failure_of(desk.call(method, everywhere()))
            assert (method, failure.reason) == (method, "OUTSIDE_STATION_GROUP")
            failure = await failure_of(desk.call(method, everywhere(pool=mixed.pool.name)))
            assert (method, failure.reason) == (method, "POOL_NOT_FOUND")
        theirs = asked(mixed.pool.name, TOMORROW + 5 * HOUR)
        await house.broker.bookings.CreateBooking(theirs)
        repeat = await failure_of(desk.call("CreateBooking", theirs))
        assert repeat.reason == "POOL_NOT_FOUND"


async def test_a_desk_that_may_book_alone_books_and_reserves_nothing(
    house: House, client: Client
) -> None:
    site = await a_site(house)
    async with a_credential(house.db, client, "+bookings.read+bookings.write") as desk:
        request = asked(site.pool.name, TOMORROW + 3 * HOUR)
        booking = (await desk.call("CreateBooking", request)).booking
        assert (await desk.call("GetBooking", pb.GetBookingRequest(name=booking.name))).booking
        closing = pb.UpdatePoolRequest(pool=site.pool)
        denied = await failure_of(desk.call("UpdatePool", closing))
        assert (denied.code, denied.reason) == (
            grpc.StatusCode.PERMISSION_DENIED,
            "RIGHT_MISSING",
        )
        assert denied.facts["right"] == "pools.admin"
        by_operator = pb.CancelBookingRequest(name=booking.name, by_operator=True)
        assert (await failure_of(desk.call("CancelBooking", by_operator))).reason == "RIGHT_MISSING"
        reserve = remote_command_service_pb2.ReserveNowRequest()
        assert (await failure_of(desk.call("ReserveNow", reserve, "commands"))).facts == {
            "right": "reserve"
        }


async def test_a_credential_of_the_time_before_books_reads_and_runs_pools_as_before(
    house: House, client: Client
) -> None:
    site = await a_site(house)
    async with a_credential(house.db, client, "+read+reserve") as desk:
        booking = (
            await desk.call("CreateBooking", asked(site.pool.name, TOMORROW + 3 * HOUR))
        ).booking
        assert (await desk.call("GetBooking", pb.GetBookingRequest(name=booking.name))).booking
        read = waitlist_pb2.GetWaitlistEntryRequest(name=site.entry)
        assert (await desk.call("GetWaitlistEntry", read)).entry.name == site.entry
        left = waitlist_pb2.LeaveWaitlistRequest(name=site.entry)
        assert (await desk.call("LeaveWaitlist", left)).entry.name == site.entry
    async with a_credential(house.db, client, "+admin") as desk:
        kept = await desk.call("UpdatePool", pb.UpdatePoolRequest(pool=site.pool))
        assert kept.pool.name == site.pool.name
        by_operator = pb.CancelBookingRequest(name=booking.name, by_operator=True)
        assert (await failure_of(desk.call("CancelBooking", by_operator))).facts == {
            "right": "bookings.write"
        }
