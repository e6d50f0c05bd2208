"""The waiting list of BookingService against a real fleet."""

import asyncio
import uuid
from typing import Any

import grpc
import pytest
from evcommand.v1 import booking_pb2, booking_policy_pb2, waitlist_pb2
from evcommand.v1 import booking_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from tests.integration.broker.bookings.asking import (
    HOUR,
    TOMORROW,
    a_policy,
    a_pool,
    asked,
    holder,
    stamp,
)
from tests.support.benches.broker_house import House, failure_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

State = waitlist_pb2.WaitlistEntry.State


def joining(pool: str, token: str = "CLEO", **fields: Any) -> waitlist_pb2.JoinWaitlistRequest:
    plain: dict[str, Any] = {
        "request_id": str(uuid.uuid4()),
        "holder": holder(token),
        "start_time": stamp(TOMORROW),
        "end_time": stamp(TOMORROW + HOUR),
    }
    return waitlist_pb2.JoinWaitlistRequest(pool=pool, **(plain | fields))


async def join(
    house: House, request: waitlist_pb2.JoinWaitlistRequest
) -> waitlist_pb2.WaitlistEntry:
    reply: waitlist_pb2.JoinWaitlistResponse = await house.broker.bookings.JoinWaitlist(request)
    return reply.entry


async def entry_of(house: House, name: str) -> waitlist_pb2.WaitlistEntry:
    request = waitlist_pb2.GetWaitlistEntryRequest(name=name)
    reply: waitlist_pb2.GetWaitlistEntryResponse = await house.broker.bookings.GetWaitlistEntry(
        request
    )
    return reply.entry


async def offered(house: House, name: str) -> waitlist_pb2.WaitlistEntry:
    """The entry as soon as it has an offer."""
    async with asyncio.timeout(20):
        while (entry := await entry_of(house, name)).state != State.STATE_OFFERED:
            await asyncio.sleep(0.05)
    return entry


async def full_pool(house: House, **terms: Any) -> tuple[str, booking_pb2.Booking]:
    pool = await a_pool(house.broker, 1, await a_policy(house.broker, **terms))
    reply = await house.broker.bookings.CreateBooking(asked(pool))
    return pool, reply.booking


async def cancel(house: House, booking: booking_pb2.Booking) -> None:
    await house.broker.bookings.CancelBooking(pb.CancelBookingRequest(name=booking.name))


async def test_who_waits_is_told_the_place_in_the_line_and_then_the_offer(house: House) -> None:
    pool, full = await full_pool(house)
    request = joining(pool)
    first = await join(house, request)
    second = await join(house, joining(pool, "DAN"))
    assert first.name == f"waitlistEntries/{request.request_id}"
    assert (first.state, first.position, first.holder.id_token.value) == (
        *(State.STATE_WAITING, 1, "****EO"),
    )
    assert second.position == 2
    await cancel(house, full)
    entry = await offered(house, first.name)
    assert entry.HasField("offer_expire_time")
    kept = await house.broker.bookings.GetBooking(pb.GetBookingRequest(name=entry.booking))
    assert kept.booking.state == booking_pb2.Booking.STATE_PENDING
    assert kept.booking.waitlist_entry == first.name
    assert (await entry_of(house, second.name)).position == 1
    listed = await house.broker.bookings.ListWaitlistEntries(
        waitlist_pb2.ListWaitlistEntriesRequest(pool=pool, states=[State.STATE_OFFERED])
    )
    assert [each.name for each in listed.entries] == [first.name]


async def test_who_waits_is_asked_before_who_comes_now(house: House) -> None:
    """Not even the moment between the cancellation and the offer is left to who comes by."""
    pool, full = await full_pool(house)
    entry = await join(house, joining(pool))
    await cancel(house, full)
    error = await failure_of(house.broker.bookings.CreateBooking(asked(pool)))
    assert error.reason == "POOL_FULL"
    assert (await entry_of(house, entry.name)).state == State.STATE_OFFERED


async def test_an_offer_is_taken_once_however_often_it_is_accepted(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    entry = await join(house, joining(pool))
    assert entry.state == State.STATE_OFFERED  # there is room
    request = waitlist_pb2.AcceptOfferRequest(name=entry.name)
    replies = [await house.broker.bookings.AcceptOffer(request) for _ in range(2)]
    assert {each.booking.name for each in replies} == {entry.booking}
    assert replies[1].entry.state == State.STATE_ACCEPTED
    assert replies[1].booking.state == booking_pb2.Booking.STATE_CONFIRMED
    leaving = waitlist_pb2.LeaveWaitlistRequest(name=entry.name)
    error = await failure_of(house.broker.bookings.LeaveWaitlist(leaving))
    assert error.reason == "WAITLIST_ENTRY_ENDED"


async def test_an_offer_is_confirmed_as_every_pending_booking_too(house: House) -> None:
    entry = await join(house, joining(await a_pool(house.broker, 1)))
    request = pb.ConfirmBookingRequest(name=entry.booking)
    confirmed = await house.broker.bookings.ConfirmBooking(request)
    assert confirmed.booking.progress == ""  # it is no offer any more
    assert (await entry_of(house, entry.name)).state == State.STATE_ACCEPTED


async def test_an_offer_is_put_off_as_often_as_allowed_and_goes_on_to_the_next(
    house: House,
) -> None:
    pool = await a_pool(house.broker, 1)
    first = await join(house, joining(pool))
    second = await join(house, joining(pool, "DAN"))
    request = waitlist_pb2.SnoozeOfferRequest(name=first.name, request_id=str(uuid.uuid4()))
    for _ in range(2):  # a repeat puts nothing more off
        entry = (await house.broker.bookings.SnoozeOffer(request)).entry
        assert (entry.state, entry.snoozes_left) == (State.STATE_SNOOZED, 0)
    assert (await entry_of(house, second.name)).state == State.STATE_OFFERED
    request.request_id = str(uuid.uuid4())
    error = await failure_of(house.broker.bookings.SnoozeOffer(request))
    assert error.reason == "NO_OFFER"


async def test_who_put_an_offer_off_is_asked_again_behind_who_was_never_asked(
    house: House,
) -> None:
    terms = booking_policy_pb2.WaitlistTerms(offer_lasts=Duration(seconds=3), snoozes=1)
    pool = await a_pool(house.broker, 1, await a_policy(house.broker, waitlist=terms))
    first, _, third = [await join(house, joining(pool, who)) for who in ("ANNA", "DAN", "EVE")]
    request = waitlist_pb2.SnoozeOfferRequest(name=first.name, request_id=str(uuid.uuid4()))
    await house.broker.bookings.SnoozeOffer(request)  # her rest is over as DAN's offer is
    await offered(house, third.name)
    assert (await entry_of(house, first.name)).state == State.STATE_SNOOZED


async def test_no_more_offers_are_put_off_than_the_policy_allows(house: House) -> None:
    terms = booking_policy_pb2.WaitlistTerms(offer_lasts=Duration(seconds=900), snoozes=0)
    pool = await a_pool(house.broker, 1, await a_policy(house.broker, waitlist=terms))
    entry = await join(house, joining(pool))
    request = waitlist_pb2.SnoozeOfferRequest(name=entry.name, request_id=str(uuid.uuid4()))
    error = await failure_of(house.broker.bookings.SnoozeOffer(request))
    assert error.reason == "NO_SNOOZE_LEFT"


async def test_who_leaves_gives_the_offer_on(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    first = await join(house, joining(pool))
    second = await join(house, joining(pool, "DAN"))
    request = waitlist_pb2.LeaveWaitlistRequest(name=first.name)
    for _ in range(2):
        left = (await house.broker.bookings.LeaveWaitlist(request)).entry
        assert (left.state, left.booking) == (State.STATE_LEFT, "")
    assert (await entry_of(house, second.name)).state == State.STATE_OFFERED
    error = await failure_of(
        house.broker.bookings.AcceptOffer(waitlist_pb2.AcceptOfferRequest(name=first.name))
    )
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NO_OFFER")


async def test_an_offer_is_not_moved_before_it_is_taken(house: House) -> None:
    pool, full = await full_pool(house)
    mine = await join(house, joining(pool))
    await cancel(house, full)
    offer = await offered(house, mine.name)
    request = pb.UpdateBookingRequest(name=offer.booking, end_time=stamp(TOMORROW + 2 * HOUR))
    error = await failure_of(house.broker.bookings.UpdateBooking(request))
    assert (error.code, error.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "BOOKING_NOT_CONFIRMED",
    )
    assert f"AcceptOffer of {mine.name}" in error.message
    await house.broker.bookings.AcceptOffer(waitlist_pb2.AcceptOfferRequest(name=mine.name))
    moved = (await house.broker.bookings.UpdateBooking(request)).booking
    assert moved.end_time == request.end_time


async def test_a_repeated_join_waits_once(house: House) -> None:
    pool, _ = await full_pool(house)
    request = joining(pool)
    made = await asyncio.gather(*(join(house, request) for _ in range(5)))
    assert {each.name for each in made} == {f"waitlistEntries/{request.request_id}"}
    assert {each.revision for each in made} == {made[0].revision}
    request.end_time.CopyFrom(stamp(TOMORROW + 2 * HOUR))
    error = await failure_of(house.broker.bookings.JoinWaitlist(request))
    assert (error.reason, error.facts["fields"]) == ("REQUEST_ID_REUSED", "end_time")


async def test_nobody_waits_for_what_a_rule_refuses_in_any_case(house: House) -> None:
    rule = booking_policy_pb2.BookingRule(
        id="short", length=booking_policy_pb2.LengthTerm(at_most=Duration(seconds=600))
    )
    pool = await a_pool(house.broker, 1, await a_policy(house.broker, rule))
    error = await failure_of(house.broker.bookings.JoinWaitlist(joining(pool)))
    assert (error.reason, error.facts["rule"]) == ("BOOKING_RULE", "short")


@pytest.mark.parametrize("method", ["AcceptOffer", "LeaveWaitlist", "GetWaitlistEntry"])
async def test_an_entry_that_nobody_made_is_not_found(house: House, method: str) -> None:
    request = getattr(waitlist_pb2, f"{method}Request")(name=f"waitlistEntries/{uuid.uuid4()}")
    error = await failure_of(getattr(house.broker.bookings, method)(request))
    assert error.reason == "WAITLIST_ENTRY_NOT_FOUND"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"request_id": "x"}, "request_id"),
        ({"pool": "hub"}, "pool"),
        ({"start_time": stamp(TOMORROW - 99 * HOUR)}, "start_time"),
        ({"end_time": stamp(TOMORROW)}, "end_time"),
        ({"holder": None}, "holder.id_token"),
    ],
)
async def test_a_bad_field_of_who_wants_to_wait_is_named(
    house: House, change: dict[str, Any], field: str
) -> None:
    request = joining(**({"pool": "pools/any"} | change))
    error = await failure_of(house.broker.bookings.JoinWaitlist(request))
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
    assert field in error.fields
