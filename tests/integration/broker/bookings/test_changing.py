"""UpdateBooking: another time, other needs, other labels; or the booking stays what it was."""

import asyncio
import uuid
from datetime import UTC, timedelta
from typing import Any

import grpc
import pytest
from evcommand.v1 import booking_pb2, booking_policy_pb2
from evcommand.v1 import booking_service_pb2 as pb
from evcommand.v1.remote_command_service_pb2 import Step
from google.protobuf.duration_pb2 import Duration

from tests.integration.broker.bookings.asking import (
    HOUR,
    TOMORROW,
    a_policy,
    a_pool,
    asked,
    stamp,
)
from tests.integration.broker.bookings.test_carrying import accepts, booked_now, reaches
from tests.integration.broker.bookings.test_explaining import story, told
from tests.support.benches.broker_house import House, failure_of, read_failure

pytestmark = pytest.mark.asyncio(loop_scope="session")

State = booking_pb2.Booking.State
Rule = booking_policy_pb2.BookingRule


async def made(house: House, pool: str, *at: Any, **fields: Any) -> booking_pb2.Booking:
    reply = await house.broker.bookings.CreateBooking(asked(pool, *at, **fields))
    booking: booking_pb2.Booking = reply.booking
    return booking


async def change(house: House, name: str, **fields: Any) -> pb.UpdateBookingResponse:
    request = pb.UpdateBookingRequest(name=name, **fields)
    reply: pb.UpdateBookingResponse = await house.broker.bookings.UpdateBooking(request)
    return reply


async def refused(house: House, name: str, **fields: Any) -> Any:
    request = pb.UpdateBookingRequest(name=name, **fields)
    return await failure_of(house.broker.bookings.UpdateBooking(request))


async def now_is(house: House, name: str) -> booking_pb2.Booking:
    reply = await house.broker.bookings.GetBooking(pb.GetBookingRequest(name=name))
    booking: booking_pb2.Booking = reply.booking
    return booking


async def test_a_booking_is_moved_and_its_old_time_is_free_again(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    first = await made(house, pool, labels={"trip": "a", "car": "van"})
    later = {"start_time": stamp(TOMORROW + HOUR), "end_time": stamp(TOMORROW + 3 * HOUR)}
    moved = (await change(house, first.name, labels={"trip": "b", "car": ""}, **later)).booking
    assert (moved.start_time, moved.end_time) == (later["start_time"], later["end_time"])
    assert dict(moved.labels) == {"trip": "b"}
    assert (moved.state, moved.revision) == (State.STATE_CONFIRMED, first.revision + 1)
    assert await now_is(house, first.name) == moved
    await made(house, pool, TOMORROW)
    full = await failure_of(house.broker.bookings.CreateBooking(asked(pool, TOMORROW + 2 * HOUR)))
    assert full.reason == "POOL_FULL"
    steps = await story(house, first.name)
    assert told(steps, Step.KIND_ASKED)[1].startswith("It was changed: from ")


async def test_a_refused_change_leaves_the_booking_as_it_was(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    mine = await made(house, pool)
    await made(house, pool, TOMORROW + HOUR)
    failure = await refused(house, mine.name, end_time=stamp(TOMORROW + 2 * HOUR))
    assert (failure.code, failure.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "POOL_FULL",
    )
    assert "alternative_1" in failure.facts
    assert await now_is(house, mine.name) == mine


async def test_two_changes_that_want_one_slot_get_it_once(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    some = [await made(house, pool, TOMORROW + each * HOUR) for each in range(4)]
    wanted = {
        "start_time": stamp(TOMORROW + 10 * HOUR),
        "end_time": stamp(TOMORROW + 11 * HOUR),
    }

    async def one(name: str) -> str:
        try:
            await change(house, name, **wanted)
        except grpc.aio.AioRpcError as error:
            return read_failure(error).reason
        return "MOVED"

    said = await asyncio.gather(*(one(each.name) for each in some))
    assert sorted(said) == ["MOVED", *["POOL_FULL"] * 3]


async def test_a_change_after_its_cutoff_is_refused_by_the_rule(house: House) -> None:
    rule = Rule(
        id="in-time",
        says="Say so early.",
        cutoff=booking_policy_pb2.CutoffTerm(change=Duration(seconds=10 * 86_400)),
    )
    pool = await a_pool(house.broker, 1, await a_policy(house.broker, rule))
    mine = await made(house, pool)
    failure = await refused(house, mine.name, end_time=stamp(TOMORROW + 2 * HOUR))
    assert (failure.reason, failure.facts["rule"]) == ("BOOKING_RULE", "in-time")
    relabelled = await change(house, mine.name, labels={"car": "van"})  # no place is asked for
    assert dict(relabelled.booking.labels) == {"car": "van"}


async def test_a_change_is_judged_by_the_revision_of_its_booking(house: House) -> None:
    """Policy changed after booking: what was promised holds, for its changes too."""
    policy = await a_policy(house.broker)
    pool = await a_pool(house.broker, 1, policy)
    mine = await made(house, pool)
    short = Rule(id="short", length=booking_policy_pb2.LengthTerm(at_most=Duration(seconds=60)))
    stricter = booking_policy_pb2.BookingPolicy(name=policy, rules=[short])
    put = pb.PutBookingPolicyRequest(policy=stricter)
    assert (await house.broker.bookings.PutBookingPolicy(put)).policy.revision == 2
    changed = (await change(house, mine.name, end_time=stamp(TOMORROW + 2 * HOUR))).booking
    assert changed.policy_revision == 1
    new = await failure_of(house.broker.bookings.CreateBooking(asked(pool, TOMORROW + 5 * HOUR)))
    assert new.facts["rule"] == "short"


async def test_what_a_booking_costs_is_reckoned_anew(house: House) -> None:
    quota = booking_policy_pb2.QuotaTerm(
        per=booking_policy_pb2.COUNTED_PER_HOLDER,
        period=booking_policy_pb2.QuotaTerm.PERIOD_DAY,
        at_most=1,
        unit=booking_policy_pb2.QuotaTerm.UNIT_HOURS,
    )
    quota.beyond.quantity, quota.beyond.unit = 1, "credit"
    pool = await a_pool(house.broker, 1, await a_policy(house.broker, Rule(id="q", quota=quota)))
    mine = await made(house, pool)
    assert not mine.charges
    longer = (await change(house, mine.name, end_time=stamp(TOMORROW + 2 * HOUR))).booking
    assert [each.unit for each in longer.charges] == ["credit"]
    shorter = (await change(house, mine.name, end_time=stamp(TOMORROW + HOUR))).booking
    assert not shorter.charges


async def test_a_repeated_change_changes_nothing_more(house: House) -> None:
    request = asked(await a_pool(house.broker, 1))
    mine = (await house.broker.bookings.CreateBooking(request)).booking
    id = str(uuid.uuid4())
    longer = {"request_id": id, "end_time": stamp(TOMORROW + 2 * HOUR)}
    await change(house, mine.name, **longer)
    again = (await change(house, mine.name, end_time=stamp(TOMORROW + 3 * HOUR))).booking
    assert (await change(house, mine.name, **longer)).booking == again
    other = await refused(house, mine.name, request_id=id, end_time=stamp(TOMORROW + 4 * HOUR))
    assert (other.reason, other.facts["fields"]) == ("REQUEST_ID_REUSED", "end_time")
    assert (await house.broker.bookings.CreateBooking(request)).booking == again


async def test_a_change_of_what_has_changed_meanwhile_is_refused(house: House) -> None:
    mine = await made(house, await a_pool(house.broker, 1))
    await change(house, mine.name, labels={"car": "van"})
    failure = await refused(house, mine.name, etag=mine.etag, labels={"car": "bus"})
    assert (failure.code, failure.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")


async def test_a_dry_run_changes_nothing_and_tells_what_would_do(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    mine = await made(house, pool)
    await made(house, pool, TOMORROW + HOUR)
    longer = {"end_time": stamp(TOMORROW + 2 * HOUR), "validate_only": True}
    told = await change(house, mine.name, **longer)
    assert told.room_reason == "POOL_FULL"
    assert told.alternatives
    assert not told.HasField("booking")
    assert await now_is(house, mine.name) == mine


async def test_of_a_held_booking_the_end_alone_can_be_changed(house: House) -> None:
    async with house.station() as (id, station):
        name = await booked_now(house, id)
        await accepts(station, "ReserveNow")
        held = await reaches(house, name, State.STATE_HELD)
        end = held.end_time.ToDatetime() + timedelta(hours=1)
        start = held.start_time.ToDatetime() + timedelta(hours=1)
        assert (await refused(house, name, start_time=stamp(start))).reason == "BOOKING_BOUND"
        longer = (await change(house, name, end_time=stamp(end))).booking
        assert (longer.state, longer.evse_id) == (State.STATE_HELD, 1)
        assert longer.end_time == stamp(end)


async def test_no_other_times_are_named_where_the_end_alone_can_be_changed(house: House) -> None:
    async with house.station() as (id, station):
        name = await booked_now(house, id)
        await accepts(station, "ReserveNow")
        held = await reaches(house, name, State.STATE_HELD)
        end = held.end_time.ToDatetime(UTC)
        await house.broker.bookings.CreateBooking(asked(held.pool, end, HOUR))
        longer = {"end_time": stamp(end + HOUR)}
        full = await refused(house, name, **longer)
        assert full.reason in {"POOL_FULL", "NO_PLAN_FOUND"}
        assert "alternative_1" not in full.facts
        assert not (await change(house, name, **longer, validate_only=True)).alternatives


async def test_what_is_over_or_makes_no_sense_is_not_changed(house: House) -> None:
    mine = await made(house, await a_pool(house.broker, 1))
    backwards = await refused(house, mine.name, end_time=stamp(TOMORROW - HOUR))
    assert backwards.fields == ["end_time"]
    assert (await refused(house, mine.name)).fields == ["start_time"]
    await house.broker.bookings.CancelBooking(pb.CancelBookingRequest(name=mine.name))
    ended = await refused(house, mine.name, end_time=stamp(TOMORROW + 2 * HOUR))
    assert ended.reason == "BOOKING_ENDED"
