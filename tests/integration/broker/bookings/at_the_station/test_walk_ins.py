"""Who charges without a booking where another driver has one. Real websockets, broker, gateway.

The venue is told which session is in the way, the booked driver gets another EVSE where there is
one, and the steps of the policy run: told, charged, stopped.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from evcommand.v1 import booking_pb2, booking_policy_pb2
from evcommand.v1 import booking_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from tests.integration.broker.bookings.asking import HOUR, a_policy, asked, holder, pool_of
from tests.integration.broker.bookings.test_booked_places import (
    STRANGER,
    event,
    held,
    now,
    plug,
    refused,
    shows_evse,
)
from tests.integration.broker.bookings.test_carrying import DRIVER, State, called, reaches
from tests.support.benches.broker_house import House
from tests.support.stations.scripted_station import ScriptedStation

pytestmark = pytest.mark.asyncio(loop_scope="session")

Act = booking_policy_pb2.OverstayStep.Act
TOLD, CHARGED, STOPPED = Act.ACT_TELL, Act.ACT_CHARGE, Act.ACT_STOP
STOPS = {"1.6": "RemoteStopTransaction", "2.0.1": "RequestStopTransaction"}
VERSIONS = pytest.mark.parametrize("version", list(STOPS))
DAY, NONE = Duration(seconds=86_400), Duration(seconds=0)


def step(act: Act.ValueType, after_s: int) -> booking_policy_pb2.OverstayStep:
    return booking_policy_pb2.OverstayStep(act=act, after=Duration(seconds=after_s))


LADDER = (step(TOLD, 0), step(CHARGED, 1), step(STOPPED, 1))
OWED = booking_policy_pb2.BookingRule(
    id="overstay",
    price=booking_policy_pb2.PriceTerm(occasion="OVERSTAY", quantity=2, unit="credit"),
)


async def booked_soon(
    house: House, *places: tuple[str, int], grace_s: int = 30, **terms: Any
) -> str:
    """A booking that starts in a moment, and whose EVSE is chosen at once. Returns its name."""
    spans = {"bind_lead": DAY, "hold_lead": DAY, "grace": Duration(seconds=grace_s)}
    policy = await a_policy(house.broker, OWED, **(spans | terms))
    pool = await pool_of(house.broker, policy, *places)
    start = datetime.now(UTC) + timedelta(seconds=2)
    reply = await house.broker.bookings.CreateBooking(
        asked(pool, start, HOUR, holder=holder(DRIVER))
    )
    return str(reply.booking.name)


async def shows(
    house: House, name: str, seen: Callable[[booking_pb2.Booking], bool]
) -> booking_pb2.Booking:
    """The booking as soon as it looks so."""
    async with asyncio.timeout(20):
        while True:
            reply = await house.broker.bookings.GetBooking(pb.GetBookingRequest(name=name))
            booking: booking_pb2.Booking = reply.booking
            if seen(booking):
                return booking
            await asyncio.sleep(0.05)


async def story(house: House, name: str) -> str:
    reply = await house.broker.bookings.ExplainBooking(pb.ExplainBookingRequest(name=name))
    return "\n".join(each.summary for each in reply.steps)


async def leaves(station: ScriptedStation, version: str, stop: dict[str, Any]) -> None:
    """The session ends that the gateway has named."""
    if version == "1.6":
        ended = {"transactionId": stop["transactionId"], "meterStop": 9, "timestamp": now()}
        await station.call("StopTransaction", {**ended, "reason": "Remote"})
        return
    await station.call(
        "TransactionEvent",
        {
            "eventType": "Ended",
            "timestamp": now(),
            "triggerReason": "RemoteStop",
            "seqNo": 1,
            "transactionInfo": {"transactionId": stop["transactionId"]},
        },
    )


@VERSIONS
async def test_a_walk_in_who_stays_into_a_slot_is_told_charged_and_stopped(
    house: House, version: str
) -> None:
    async with house.station(version) as (id, station):
        await shows_evse(station, version)
        name = await booked_soon(house, (id, 1), hold_lead=NONE, overstay=LADDER)
        assert await plug(station, version, STRANGER) == "Accepted"
        told = await shows(house, name, lambda one: TOLD in one.blocked_by.done)
        assert told.blocked_by.transaction.startswith(f"stations/{id}/transactions/")
        assert not told.blocked_by.booking
        assert STRANGER not in str(told)
        message_id, stop = await called(station, STOPS[version])
        await station.answer(message_id, {"status": "Accepted"})
        stopped = await shows(house, name, lambda one: STOPPED in one.blocked_by.done)
        assert list(stopped.blocked_by.done) == [TOLD, CHARGED, STOPPED]
        owed = [(each.rule, each.quantity) for each in stopped.blocked_by.charges]
        assert (owed, list(stopped.charges)) == ([("overstay", 2)], [])
        assert stopped.state == State.STATE_BOUND
        await leaves(station, version, stop)
        message_id, _ = await called(station, "ReserveNow")  # at once, and not at its next look
        await station.answer(message_id, {"status": "Accepted"})
        await reaches(house, name, State.STATE_HELD)
        if version == "1.6":
            assert await plug(station, version, DRIVER) == "Accepted"
        else:
            assert await event(station, "Started", 0, 1, DRIVER, session="own") == "Accepted"
        used = await reaches(house, name, State.STATE_IN_USE)
        assert not used.HasField("blocked_by")
    said = await story(house, name)
    for sentence in (
        "Somebody without a booking charges at EVSE 1",
        "The venue is told who is in its way.",
        "Who is in its way is charged: 2 × credit, by rule overstay.",
        "Who is in its way is to be stopped.",
        "is not in its way any more.",
    ):
        assert sentence in said


@VERSIONS
async def test_a_walk_in_whom_his_station_lets_charge_in_a_held_slot_is_told(
    house: House, version: str
) -> None:
    async with held(house, version) as (name, station):
        assert await plug(station, version, STRANGER) == refused(version)
        told = await shows(house, name, lambda one: one.HasField("blocked_by"))
        assert told.state == State.STATE_HELD
        assert told.blocked_by.transaction.startswith(f"{told.station}/transactions/")
    assert "Somebody without a booking charges at EVSE 1" in await story(house, name)


@VERSIONS
async def test_a_driver_gets_another_evse_than_that_of_a_walk_in_who_is_left_alone(
    house: House, version: str
) -> None:
    async with house.station(version) as (id, station):
        for evse in (1, 2):
            await shows_evse(station, version, evse)
        assert await plug(station, version, STRANGER, 1) == "Accepted"
        name = await booked_soon(house, (id, 1), (id, 2), overstay=LADDER)
        message_id, _ = await called(station, "ReserveNow")
        await station.answer(message_id, {"status": "Accepted"})
        mine = await reaches(house, name, State.STATE_HELD)
        assert (mine.evse_id, mine.HasField("blocked_by")) == (2, False)
    assert "charges at EVSE 1" not in await story(house, name)


async def test_where_the_policy_stops_nobody_the_booking_waits_for_its_grace_and_is_displaced(
    house: House,
) -> None:
    async with house.station() as (id, station):
        await shows_evse(station, "1.6")
        terms = {"hold_lead": NONE, "overstay": LADDER[:2]}
        name = await booked_soon(house, (id, 1), grace_s=2, **terms)
        assert await plug(station, "1.6", STRANGER) == "Accepted"
        gone = await reaches(house, name, State.STATE_DISPLACED)
        assert gone.cause == "NO_PLACE_LEFT"
        assert gone.end_of_life_time.ToDatetime() >= gone.start_time.ToDatetime() + timedelta(
            seconds=2
        )
        assert gone.waitlist_entry
        assert not gone.HasField("blocked_by")
        assert station.calls.empty() or "Stop" not in str(station.frames)
