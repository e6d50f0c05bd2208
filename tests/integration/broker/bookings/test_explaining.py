"""ExplainBooking: who asked, what each rule said, the plan, each change, its commands, the session.

The station is a raw socket, of which each test decides every frame.
"""

import uuid

import grpc
import pytest
from evcommand.v1 import booking_pb2, booking_policy_pb2
from evcommand.v1 import booking_service_pb2 as pb
from evcommand.v1 import remote_command_service_pb2 as commands_pb
from evcommand.v1.remote_command_service_pb2 import Step
from google.protobuf.duration_pb2 import Duration

from tests.integration.broker.bookings.asking import a_policy, a_pool, asked
from tests.integration.broker.bookings.test_carrying import DRIVER, accepts, booked_now, reaches
from tests.support.benches.broker_house import House, begin_session, failure_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

State = booking_pb2.Booking.State


async def story(house: House, name: str) -> list[Step]:
    request = pb.ExplainBookingRequest(name=name)
    return list((await house.broker.bookings.ExplainBooking(request)).steps)


def told(steps: list[Step], kind: Step.Kind.ValueType) -> list[str]:
    return [step.summary for step in steps if step.kind == kind]


async def test_a_story_tells_what_each_rule_said_and_the_end(house: House) -> None:
    rule = booking_policy_pb2.BookingRule(
        id="two-hours",
        says="Others want to charge too.",
        length=booking_policy_pb2.LengthTerm(at_most=Duration(seconds=7200)),
    )
    price = booking_policy_pb2.BookingRule(
        id="costs",
        price=booking_policy_pb2.PriceTerm(occasion="BOOK", quantity=2, unit="credit"),
    )
    pool = await a_pool(house.broker, 1, await a_policy(house.broker, rule, price))
    made = (await house.broker.bookings.CreateBooking(asked(pool))).booking
    request = pb.CancelBookingRequest(name=made.name, reason="a cold")
    await house.broker.bookings.CancelBooking(request)
    steps = await story(house, made.name)
    assert [step.kind for step in steps] == [
        *(Step.KIND_ASKED, Step.KIND_RULE, Step.KIND_RULE, Step.KIND_PLAN, Step.KIND_STATE),
        *(Step.KIND_CANCEL_ASKED, Step.KIND_OUTCOME),
    ]
    assert told(steps, Step.KIND_RULE) == [
        "Rule two-hours: It allows it.",
        "Rule costs: It allows it, for 2 × credit.",
    ]
    assert told(steps, Step.KIND_CANCEL_ASKED) == ["It was cancelled: a cold."]
    assert steps[-1].facts["cause"] == "CANCELLED_BY_HOLDER"
    assert steps[0].facts["booking"] == made.name


async def test_a_story_links_the_hold_and_the_session(house: House) -> None:
    async with house.station() as (id, station):
        name = await booked_now(house, id)
        await accepts(station, "ReserveNow")
        await reaches(house, name, State.STATE_HELD)
        await begin_session(station, DRIVER)
        used = await reaches(house, name, State.STATE_IN_USE)
        steps = await story(house, name)
    assert f"EVSE 1 of station {id} was chosen for it." in told(steps, Step.KIND_PLAN)
    asked_for, ended = [step for step in steps if step.kind == Step.KIND_COMMAND]
    assert asked_for.facts["command"] == ended.facts["command"]
    assert ended.facts["code"] == "SUCCEEDED"
    request = commands_pb.ExplainCommandRequest(name=asked_for.facts["command"])
    assert (await house.broker.commands.ExplainCommand(request)).steps
    (session,) = [step for step in steps if step.kind == Step.KIND_SESSION]
    assert session.facts["transaction"] == used.transaction
    states = [step.facts["state"] for step in steps if step.kind == Step.KIND_STATE]
    assert states == ["CONFIRMED", "BOUND", "HELD", "IN_USE"]
    assert DRIVER not in str(steps)


async def test_what_is_not_known_has_no_story(house: House) -> None:
    request = pb.ExplainBookingRequest(name=f"bookings/{uuid.uuid4()}")
    failure = await failure_of(house.broker.bookings.ExplainBooking(request))
    assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "BOOKING_NOT_FOUND")
