"""WatchWaitlist: who waits now, then every change; no gap, no repeat, nothing of others."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from evcommand.v1 import booking_policy_pb2
from evcommand.v1 import booking_service_pb2 as service_pb
from evcommand.v1 import waitlist_pb2 as pb
from google.protobuf.duration_pb2 import Duration
from temporalio.client import Client

from fleet import tables
from fleet.log.order import LAST_SEQ
from tests.integration.broker.access.test_bookings_of_others import a_credential, a_site
from tests.integration.broker.bookings.asking import a_policy, a_pool, pool_of
from tests.integration.broker.bookings.test_waitlist import cancel, full_pool, join, joining
from tests.support.benches.broker_house import WAIT_S, House, failure_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

State = pb.WaitlistEntry.State


@asynccontextmanager
async def watching(house: House, **selection: Any) -> AsyncIterator[Any]:
    call = house.broker.bookings.WatchWaitlist(pb.WatchWaitlistRequest(**selection))
    await call.initial_metadata()
    try:
        yield call
    finally:
        call.cancel()


async def next_of(call: Any) -> pb.WatchWaitlistResponse:
    async with asyncio.timeout(WAIT_S):
        told: pb.WatchWaitlistResponse = await call.read()
        return told


async def next_states(call: Any, count: int) -> list[tuple[str, int]]:
    """(name, state) of the next ones."""
    told = [(await next_of(call)).entry for _ in range(count)]
    return [(each.name, each.state) for each in told]


async def leave(house: House, name: str) -> None:
    await house.broker.bookings.LeaveWaitlist(pb.LeaveWaitlistRequest(name=name))


async def test_a_watch_of_a_pool_tells_who_waits_and_then_every_change(house: House) -> None:
    pool, full = await full_pool(house)
    first = await join(house, joining(pool))
    await join(house, joining((await full_pool(house))[0]))  # elsewhere
    async with watching(house, pool=pool) as call:
        assert (await next_of(call)).entry == first
        second = await join(house, joining(pool, "DAN"))
        assert (await next_of(call)).entry == second
        assert second.position == 2
        await cancel(house, full)
        offered = (await next_of(call)).entry
        assert (offered.name, offered.state, offered.position) == (
            *(first.name, State.STATE_OFFERED, 0),
        )
        assert offered.booking
        snooze = pb.SnoozeOfferRequest(name=first.name, request_id=str(uuid.uuid4()))
        await house.broker.bookings.SnoozeOffer(snooze)
        await house.broker.bookings.AcceptOffer(pb.AcceptOfferRequest(name=second.name))
        await leave(house, first.name)
        assert await next_states(call, 4) == [
            (first.name, State.STATE_SNOOZED),
            (second.name, State.STATE_OFFERED),
            (second.name, State.STATE_ACCEPTED),
            (first.name, State.STATE_LEFT),
        ]


async def test_an_offer_that_nobody_takes_is_told_as_lapsed_and_the_next_one_is_offered(
    house: House,
) -> None:
    terms = booking_policy_pb2.WaitlistTerms(offer_lasts=Duration(seconds=1), snoozes=0)
    pool = await a_pool(house.broker, 1, await a_policy(house.broker, waitlist=terms))
    async with watching(house, pool=pool) as call:
        first = await join(house, joining(pool))
        second = await join(house, joining(pool, "DAN"))
        told = await next_states(call, 5)
    assert [state for name, state in told if name == first.name] == [
        *(State.STATE_WAITING, State.STATE_OFFERED, State.STATE_LAPSED),
    ]
    assert [state for name, state in told if name == second.name] == [
        *(State.STATE_WAITING, State.STATE_OFFERED),
    ]


async def test_a_watch_of_a_waiting_list_resumes_behind_what_it_told(house: House) -> None:
    pool, _ = await full_pool(house)
    first = await join(house, joining(pool))
    second = await join(house, joining(pool, "DAN"))
    listed = sorted((first, second), key=lambda entry: entry.name)
    async with watching(house, pool=pool) as call:
        told = await next_of(call)
        assert told.entry.name == listed[0].name
    await leave(house, listed[0].name)
    async with watching(house, pool=pool, resume_token=told.resume_token) as call:
        assert (await next_of(call)).entry.name == listed[1].name
        last = await next_of(call)
        assert (last.entry.name, last.entry.state) == (listed[0].name, State.STATE_LEFT)
    await leave(house, listed[1].name)
    async with watching(house, pool=pool, resume_token=last.resume_token) as call:
        assert await next_states(call, 1) == [(listed[1].name, State.STATE_LEFT)]


async def test_a_named_entry_is_told_whatever_its_state(house: House) -> None:
    entry = await join(house, joining((await full_pool(house))[0]))
    await leave(house, entry.name)
    async with watching(house, names=[entry.name]) as call:
        assert await next_states(call, 1) == [(entry.name, State.STATE_LEFT)]


async def test_a_watch_of_no_list_or_of_what_is_not_known_is_refused(house: House) -> None:
    async def refused(**selection: Any) -> Any:
        request = pb.WatchWaitlistRequest(**selection)
        return await failure_of(house.broker.bookings.WatchWaitlist(request))

    for selection in ({}, {"all": True, "pool": "pools/any"}):
        nothing = await refused(**selection)
        assert (nothing.code, nothing.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["names"])
    assert (await refused(names=["bookings/x"])).fields == ["names[0]"]
    many = [f"waitlistEntries/{uuid.uuid4()}" for _ in range(101)]
    assert (await refused(names=many)).fields == ["names"]
    assert (await refused(names=many[:1])).reason == "WAITLIST_ENTRY_NOT_FOUND"
    assert (await refused(pool="pools/none")).reason == "POOL_NOT_FOUND"
    strange = await refused(all=True, resume_token="of another one")
    assert (strange.code, strange.reason) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "RESUME_TOKEN_INVALID",
    )


async def test_a_token_of_a_watch_of_bookings_is_none_of_a_waiting_list(house: House) -> None:
    pool, _ = await full_pool(house)
    request = service_pb.WatchBookingsRequest(pool=pool)
    bookings = house.broker.bookings.WatchBookings(request)
    told = await next_of(bookings)
    bookings.cancel()
    again = pb.WatchWaitlistRequest(pool=pool, resume_token=told.resume_token)
    failure = await failure_of(house.broker.bookings.WatchWaitlist(again))
    assert failure.reason == "RESUME_TOKEN_INVALID"


@pytest.mark.parametrize("log", ["bookings", "waitlists"])
async def test_a_token_from_before_what_is_kept_of_changes_is_refused(
    house: House, client: Client, log: str
) -> None:
    """Of a tenant of its own: what is forgotten is the tenant's."""
    tenant = f"forgets-{uuid.uuid4().hex[:8]}"
    async with a_credential(house.db, client, f"@{tenant}") as other:
        pool, method = await other.pool(), ("WatchBookings", "WatchWaitlist")[log == "waitlists"]
        await other.call("JoinWaitlist", joining(pool))  # an offer: a booking, too
        requests: dict[str, Any] = {
            "bookings": service_pb.WatchBookingsRequest(all=True),
            "waitlists": pb.WatchWaitlistRequest(all=True),
        }
        request = requests[log]
        call = other.call(method, request)
        request.resume_token = (await next_of(call)).resume_token
        call.cancel()
        async with house.db.write() as tx:
            row = {"tenant": tenant, "log": log, "tx_id": 2**62, "seq": LAST_SEQ}
            await tx.execute(tables.forgotten_changes.insert().values(row))
        assert (await failure_of(other.call(method, request))).reason == "RESUME_TOKEN_INVALID"
        request.resume_token = ""
        call = other.call(method, request)
        assert (await next_of(call)).resume_token
        call.cancel()


async def test_who_may_see_a_part_of_the_stations_is_told_of_whole_pools_alone(
    house: House, client: Client
) -> None:
    group = f"SITE-{uuid.uuid4().hex[:6]}-"
    async with (
        house.station(id=f"{group}1"),
        house.station(id=f"{group}2"),
        a_credential(house.db, client, f"/{group}") as desk,
    ):
        mixed = await a_site(house, (f"{group}1", 1), (await house.offline_station(), 1))
        own = await pool_of(house.broker, await a_policy(house.broker), (f"{group}2", 1))
        call = desk.call("WatchWaitlist", pb.WatchWaitlistRequest(all=True))
        await call.initial_metadata()
        await leave(house, mixed.entry)
        entry = await join(house, joining(own))
        told = [(await next_of(call)).entry for _ in range(2)]
        call.cancel()
        assert {each.name for each in told} == {entry.name}
        named = pb.WatchWaitlistRequest(names=[mixed.entry])
        hidden = await failure_of(desk.call("WatchWaitlist", named))
        assert hidden.reason == "WAITLIST_ENTRY_NOT_FOUND"
