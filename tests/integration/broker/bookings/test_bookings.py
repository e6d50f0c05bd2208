"""BookingService against a real fleet: pools, policies, availability, bookings."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from evcommand.v1 import booking_pb2, booking_policy_pb2
from evcommand.v1 import booking_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from fleet.bookings import rows
from tests.integration.broker.bookings.asking import (
    HOUR,
    TOMORROW,
    a_policy,
    a_pool,
    asked,
    holder,
    stamp,
)
from tests.support.benches.broker_house import House, failure_of, read_failure

pytestmark = pytest.mark.asyncio(loop_scope="session")

LAST_SECOND = Timestamp(seconds=253_402_300_799)  # 9999-12-31T23:59:59Z
LAST_HOUR = Timestamp(seconds=253_402_297_199)

State = booking_pb2.Booking.State


async def book(house: House, request: pb.CreateBookingRequest) -> booking_pb2.Booking:
    reply: pb.CreateBookingResponse = await house.broker.bookings.CreateBooking(request)
    return reply.booking


async def get(house: House, name: str) -> booking_pb2.Booking:
    request = pb.GetBookingRequest(name=name)
    reply: pb.GetBookingResponse = await house.broker.bookings.GetBooking(request)
    return reply.booking


async def test_a_place_is_booked_and_shown(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    request = asked(pool)
    made = await book(house, request)
    assert made.name == f"bookings/{request.request_id}"
    assert made.state == State.STATE_CONFIRMED
    assert (made.station, made.evse_id) == ("", 0)  # which one is chosen late
    assert made.holder.id_token.value == "****NA"
    assert await get(house, made.name) == made
    listed = await house.broker.bookings.ListBookings(pb.ListBookingsRequest(pool=pool))
    assert list(listed.bookings) == [made]


async def test_a_repeat_books_nothing_more(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    request = asked(pool)
    made = await book(house, request)
    assert await book(house, request) == made
    request.end_time.CopyFrom(stamp(TOMORROW + 2 * HOUR))
    error = await failure_of(house.broker.bookings.CreateBooking(request))
    assert (error.code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")


@pytest.mark.parametrize("field", ["end_time", "labels", "confirm_by"])
async def test_another_request_of_the_same_id_is_told_what_differs(
    house: House, field: str
) -> None:
    request = asked(await a_pool(house.broker, 1), labels={"ticket": "1"})
    made = await book(house, request)
    await house.broker.bookings.CancelBooking(pb.CancelBookingRequest(name=made.name))
    match field:
        case "end_time":
            request.end_time.CopyFrom(stamp(TOMORROW + 2 * HOUR))
        case "labels":
            request.labels["ticket"] = "2"
        case _:
            request.confirm_by.CopyFrom(stamp(datetime.now(UTC) + HOUR))
    error = await failure_of(house.broker.bookings.CreateBooking(request))
    assert (error.reason, error.facts.get("fields")) == ("REQUEST_ID_REUSED", field)


async def test_a_repeat_after_the_end_tells_the_end(house: House) -> None:
    request = asked(await a_pool(house.broker, 1))
    made = await book(house, request)
    await house.broker.bookings.CancelBooking(pb.CancelBookingRequest(name=made.name))
    assert (await book(house, request)).state == State.STATE_CANCELLED


async def test_the_same_slot_from_many_tabs_is_booked_once(house: House) -> None:
    pool = await a_pool(house.broker, 1)

    async def one() -> str:
        try:
            await book(house, asked(pool))
        except grpc.aio.AioRpcError as error:
            return read_failure(error).reason
        return "BOOKED"

    said = await asyncio.gather(*(one() for _ in range(20)))
    assert sorted(said) == ["BOOKED", *["POOL_FULL"] * 19]


async def test_the_same_request_from_many_tabs_is_one_booking(house: House) -> None:
    pool = await a_pool(house.broker, 2)
    request = asked(pool)
    made = await asyncio.gather(*(book(house, request) for _ in range(10)))
    assert {each.name for each in made} == {f"bookings/{request.request_id}"}


async def test_a_full_pool_names_the_moment_and_what_would_do(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    await book(house, asked(pool))
    error = await failure_of(house.broker.bookings.CreateBooking(asked(pool, TOMORROW + HOUR / 2)))
    assert error.code == grpc.StatusCode.FAILED_PRECONDITION
    assert error.reason == "POOL_FULL"
    assert "2 want a place, 1 is there" in error.message
    starts = [error.facts[f"alternative_{at}"].split("/")[0] for at in (1, 2, 3)]
    assert starts[0] == stamp(TOMORROW + HOUR).ToJsonString()


async def test_a_place_is_found_by_moving_another_booking(house: House) -> None:
    """Three bookings on two EVSEs, of which the first two have to be on one."""
    pool = await a_pool(house.broker, 2)
    await book(house, asked(pool, TOMORROW))
    await book(house, asked(pool, TOMORROW + HOUR))
    await book(house, asked(pool, TOMORROW, 2 * HOUR))
    error = await failure_of(house.broker.bookings.CreateBooking(asked(pool, TOMORROW + HOUR / 2)))
    assert error.reason == "POOL_FULL"


async def test_nothing_is_decided_on_a_part_of_the_bookings(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = await a_pool(house.broker, 3)
    for _ in range(2):
        await book(house, asked(pool))
    monkeypatch.setattr(rows, "MOST_READ", 1)
    error = await failure_of(house.broker.bookings.CreateBooking(asked(pool)))
    assert error.reason == "NO_PLAN_FOUND"
    assert "has more than 1 bookings in this span" in error.message


async def test_a_rule_refuses_with_its_id_and_its_sentence(house: House) -> None:
    rule = booking_policy_pb2.BookingRule(
        id="an-hour",
        says="A fast charger is not a parking place.",
        length=booking_policy_pb2.LengthTerm(at_most=Duration(seconds=3600)),
    )
    pool = await a_pool(house.broker, 1, await a_policy(house.broker, rule))
    request = asked(pool, length=2 * HOUR)
    error = await failure_of(house.broker.bookings.CreateBooking(request))
    assert (error.reason, error.facts["rule"]) == ("BOOKING_RULE", "an-hour")
    assert error.message == (
        "It lasts 2 hours; the longest is 1 hour. A fast charger is not a parking place."
    )
    request.validate_only = True
    reply = await house.broker.bookings.CreateBooking(request)
    assert [(each.rule, each.allowed) for each in reply.verdicts] == [("an-hour", False)]
    assert not reply.HasField("booking")


async def test_a_policy_that_changes_does_not_touch_what_was_booked(house: House) -> None:
    policy = await a_policy(house.broker)
    pool = await a_pool(house.broker, 1, policy)
    made = await book(house, asked(pool))
    rule = booking_policy_pb2.BookingRule(
        id="no-cancel", cutoff=booking_policy_pb2.CutoffTerm(cancel=Duration(seconds=86_400 * 30))
    )
    changed = booking_policy_pb2.BookingPolicy(name=policy, rules=[rule])
    put = await house.broker.bookings.PutBookingPolicy(pb.PutBookingPolicyRequest(policy=changed))
    assert (made.policy_revision, put.policy.revision) == (1, 2)
    cancelled = await house.broker.bookings.CancelBooking(pb.CancelBookingRequest(name=made.name))
    assert cancelled.booking.state == State.STATE_CANCELLED
    again = await book(house, asked(pool))
    error = await failure_of(
        house.broker.bookings.CancelBooking(pb.CancelBookingRequest(name=again.name))
    )
    assert (error.reason, error.facts["rule"]) == ("BOOKING_RULE", "no-cancel")


async def test_a_cancelled_booking_gives_its_place_back(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    made = await book(house, asked(pool))
    request = pb.CancelBookingRequest(name=made.name, reason="ill")
    for _ in range(2):
        reply = await house.broker.bookings.CancelBooking(request)
    assert (reply.booking.cause, reply.booking.cancel_reason) == ("CANCELLED_BY_HOLDER", "ill")
    assert (await book(house, asked(pool))).state == State.STATE_CONFIRMED


async def test_a_booking_that_has_to_be_confirmed_keeps_its_place_meanwhile(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    soon = stamp(datetime.now(UTC) + HOUR)
    made = await book(house, asked(pool, confirm_by=soon))
    assert made.state == State.STATE_PENDING
    error = await failure_of(house.broker.bookings.CreateBooking(asked(pool)))
    assert error.reason == "POOL_FULL"
    for _ in range(2):
        reply = await house.broker.bookings.ConfirmBooking(pb.ConfirmBookingRequest(name=made.name))
        assert reply.booking.state == State.STATE_CONFIRMED


async def test_places_are_left_to_walk_ins(house: House) -> None:
    pool = await a_pool(house.broker, 2, walk_in_reserve=1)
    await book(house, asked(pool))
    error = await failure_of(house.broker.bookings.CreateBooking(asked(pool)))
    assert error.reason == "POOL_FULL"
    assert "left to drivers without a booking" in error.message


async def test_availability_tells_where_there_is_room_and_why_not(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    await book(house, asked(pool, TOMORROW + HOUR))
    reply = await house.broker.bookings.SearchAvailability(
        pb.SearchAvailabilityRequest(
            pool=pool,
            start_time=stamp(TOMORROW),
            end_time=stamp(TOMORROW + 4 * HOUR),
            length=Duration(seconds=3600),
            step=Duration(seconds=3600),
            holder=holder(),
        )
    )
    assert [(each.available, each.free_places, each.reason) for each in reply.spans] == [
        *((True, 1, ""), (False, 0, "POOL_FULL"), (True, 1, ""), (True, 1, "")),
    ]


@pytest.mark.parametrize("field", ["step", "end_time"])
async def test_availability_at_the_end_of_the_calendar_is_no_fault(
    house: House, field: str
) -> None:
    request = pb.SearchAvailabilityRequest(
        pool=await a_pool(house.broker, 1),
        start_time=stamp(TOMORROW),
        end_time=stamp(TOMORROW + 3 * HOUR),
        length=Duration(seconds=3600),
        holder=holder(),
    )
    if field == "step":
        request.step.seconds = 315_576_000_000  # the longest Duration
        found = await house.broker.bookings.SearchAvailability(request)
        assert len(found.spans) == 1
        return
    request.start_time.CopyFrom(LAST_HOUR)
    request.end_time.CopyFrom(LAST_SECOND)
    error = await failure_of(house.broker.bookings.SearchAvailability(request))
    assert (error.code, error.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["end_time"])


async def test_an_evse_is_in_one_pool_only(house: House) -> None:
    first = await a_pool(house.broker, 1)
    pool = (await house.broker.bookings.GetPool(pb.GetPoolRequest(name=first))).pool
    pool.name = f"pools/p{uuid.uuid4().hex[:8]}"
    error = await failure_of(house.broker.bookings.CreatePool(pb.CreatePoolRequest(pool=pool)))
    assert error.reason == "EVSE_IN_ANOTHER_POOL"
    await house.broker.bookings.DeletePool(pb.DeletePoolRequest(name=first))
    created = await house.broker.bookings.CreatePool(pb.CreatePoolRequest(pool=pool))
    assert created.pool.name == pool.name


async def test_a_pool_with_bookings_to_come_is_not_deleted(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    made = await book(house, asked(pool))
    request = pb.DeletePoolRequest(name=pool)
    assert (await failure_of(house.broker.bookings.DeletePool(request))).reason == "POOL_IN_USE"
    await house.broker.bookings.CancelBooking(pb.CancelBookingRequest(name=made.name))
    stale = pb.DeletePoolRequest(name=pool, etag="old")
    assert (await failure_of(house.broker.bookings.DeletePool(stale))).reason == "ETAG_MISMATCH"
    await house.broker.bookings.DeletePool(request)
    error = await failure_of(house.broker.bookings.GetPool(pb.GetPoolRequest(name=pool)))
    assert error.reason == "POOL_NOT_FOUND"


async def test_a_policy_is_shown_as_it_was_put(house: House) -> None:
    term = booking_policy_pb2
    rules = [
        term.BookingRule(
            id="a",
            groups=["X"],
            share=term.ShareTerm(places=2, release_before=Duration(seconds=60)),
        ),
        term.BookingRule(
            id="b",
            window=term.WindowTerm(
                weekdays=["SAT", "SUN"], hours=term.DailyHours(start="00:00", end="24:00")
            ),
        ),
        term.BookingRule(
            id="c",
            quota=term.QuotaTerm(
                per=term.COUNTED_PER_HOLDER,
                period=term.QuotaTerm.PERIOD_WEEK,
                at_most=3,
                unit=term.QuotaTerm.UNIT_BOOKINGS,
                beyond=term.PriceTerm(occasion="BEYOND_QUOTA", quantity=1, unit="credit"),
            ),
        ),
        term.BookingRule(id="d", cutoff=term.CutoffTerm(cancel=Duration(seconds=60))),
        term.BookingRule(id="e", grid=term.GridTerm(step=Duration(seconds=900))),
        term.BookingRule(
            id="f", concurrent=term.ConcurrentTerm(per=term.COUNTED_PER_ACCOUNT, at_most=1)
        ),
        term.BookingRule(id="g", price=term.PriceTerm(occasion="BOOK", quantity=1, unit="credit")),
    ]
    name = await a_policy(house.broker, *rules, grace=Duration(seconds=600))
    request = pb.GetBookingPolicyRequest(name=name)
    shown = (await house.broker.bookings.GetBookingPolicy(request)).policy
    assert list(shown.rules) == rules
    assert shown.grace.seconds == 600
    assert shown.sentences[-1].startswith("g: A booking costs 1")
    repeated = booking_policy_pb2.BookingPolicy(name=name, rules=rules, grace=Duration(seconds=600))
    put = await house.broker.bookings.PutBookingPolicy(pb.PutBookingPolicyRequest(policy=repeated))
    assert put.policy.revision == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"request_id": ""}, "request_id"),
        ({"pool": "pools/Ä"}, "pool"),
        ({"start_time": Timestamp()}, "start_time"),
        ({"end_time": stamp(TOMORROW)}, "end_time"),
        ({"end_time": stamp(TOMORROW + timedelta(days=32))}, "end_time"),
        ({"start_time": LAST_HOUR, "end_time": LAST_SECOND}, "end_time"),
        ({"holder": booking_pb2.BookingHolder()}, "holder.id_token"),
        ({"confirm_by": stamp(TOMORROW + HOUR)}, "confirm_by"),
    ],
)
async def test_a_bad_field_is_named(house: House, change: dict[str, Any], field: str) -> None:
    request = asked("pools/any")
    for name, value in change.items():
        if isinstance(value, str):
            setattr(request, name, value)
        else:
            getattr(request, name).CopyFrom(value)
    error = await failure_of(house.broker.bookings.CreateBooking(request))
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
    assert field in error.fields
