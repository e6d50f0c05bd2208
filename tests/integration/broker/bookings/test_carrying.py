"""A booking at its station: chosen, held, used, left, missed. Real gateway, worker and broker.

The stations are raw sockets, of which each test decides every frame.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from evcommand.v1 import booking_pb2
from evcommand.v1 import booking_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from tests.integration.broker.bookings.asking import HOUR, a_policy, asked, holder, pool_of, stamp
from tests.support.benches.broker_house import House, begin_session, end_session
from tests.support.stations.scripted_station import ScriptedStation

pytestmark = pytest.mark.asyncio(loop_scope="session")

State = booking_pb2.Booking.State
WAIT_S = 25.0
DRIVER = "TAG-0042"


async def booked_now(
    house: House,
    *stations: str,
    starts_s: float = 3600,
    grace_s: int = 600,
    lead_s: int = 86_400,
    **fields: Any,
) -> str:
    """A booking whose EVSE is chosen and held at once. Returns its name."""
    early = Duration(seconds=lead_s)
    policy = await a_policy(
        house.broker, bind_lead=early, hold_lead=early, grace=Duration(seconds=grace_s)
    )
    pool = await pool_of(house.broker, policy, *((station, 1) for station in stations))
    start = datetime.now(UTC) + timedelta(seconds=starts_s)
    request = asked(pool, start, HOUR, **({"holder": holder(DRIVER)} | fields))
    reply = await house.broker.bookings.CreateBooking(request)
    return str(reply.booking.name)


async def reaches(house: House, name: str, *states: State.ValueType) -> booking_pb2.Booking:
    """The booking as soon as it is in one of these states."""
    async with asyncio.timeout(WAIT_S):
        while True:
            reply = await house.broker.bookings.GetBooking(pb.GetBookingRequest(name=name))
            booking: booking_pb2.Booking = reply.booking
            if booking.state in states:
                return booking
            await asyncio.sleep(0.05)


async def called(station: ScriptedStation, action: str) -> tuple[str, dict[str, Any]]:
    """The gateway's next CALL of this kind; its other questions are refused."""
    async with asyncio.timeout(WAIT_S):
        while True:
            message_id, got, payload = await station.calls.get()
            if got == action:
                return message_id, payload
            await station.send([4, message_id, "NotImplemented", "", {}])


async def accepts(station: ScriptedStation, action: str, status: str = "Accepted") -> Any:
    message_id, payload = await called(station, action)
    await station.answer(message_id, {"status": status})
    return payload


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_booking_is_held_at_its_station_before_its_start(
    house: House, version: str
) -> None:
    async with house.station(version) as (id, station):
        name = await booked_now(house, id)
        frame = await accepts(station, "ReserveNow")
        held = await reaches(house, name, State.STATE_HELD)
        assert (held.station, held.evse_id) == (f"stations/{id}", 1)
        assert held.reservation.startswith("reservations/")
        assert DRIVER in str(frame)
        assert DRIVER not in str(held)


async def test_its_driver_charges_and_leaves(house: House) -> None:
    async with house.station() as (id, station):
        name = await booked_now(house, id)
        await accepts(station, "ReserveNow")
        await reaches(house, name, State.STATE_HELD)
        session = await begin_session(station, DRIVER)
        used = await reaches(house, name, State.STATE_IN_USE)
        assert used.transaction.startswith(f"stations/{id}/transactions/")
        await end_session(station, session)
        left = await house.broker.bookings.GetBooking(pb.GetBookingRequest(name=name))
        assert left.booking.state == State.STATE_IN_USE  # its driver may plug in again for a while


async def test_who_does_not_come_is_a_no_show_and_pays(house: House) -> None:
    async with house.station() as (id, station):
        name = await booked_now(house, id, starts_s=4, grace_s=2)
        await accepts(station, "ReserveNow")
        await reaches(house, name, State.STATE_HELD)
        missed = await reaches(house, name, State.STATE_NO_SHOW, State.STATE_EXPIRED)
        assert (missed.state, missed.cause) == (State.STATE_NO_SHOW, "NOBODY_CAME")


async def test_a_station_that_was_away_proves_no_no_show(house: House) -> None:
    async with house.station() as (id, station):
        name = await booked_now(house, id, starts_s=5, grace_s=2)
        await accepts(station, "ReserveNow")
        await reaches(house, name, State.STATE_HELD)
    missed = await reaches(house, name, State.STATE_NO_SHOW, State.STATE_EXPIRED)
    assert (missed.state, missed.cause) == (State.STATE_EXPIRED, "USE_NOT_KNOWN")


async def test_a_session_that_is_reported_late_corrects_a_booking_that_was_never_held(
    house: House,
) -> None:
    terms = {"bind_lead": 86_400, "hold_lead": 1, "grace": 2}
    spans = {term: Duration(seconds=seconds) for term, seconds in terms.items()}
    async with house.station() as (id, _):
        pool = await pool_of(house.broker, await a_policy(house.broker, **spans), (id, 1))
        request = asked(pool, datetime.now(UTC) + timedelta(seconds=5), HOUR, holder=holder(DRIVER))
        name = (await house.broker.bookings.CreateBooking(request)).booking.name
        await reaches(house, name, State.STATE_BOUND)
    missed = await reaches(house, name, State.STATE_EXPIRED)
    assert missed.cause == "USE_NOT_KNOWN"
    await asyncio.sleep(1.5)
    async with house.station(id=id) as (_, station):
        began = missed.start_time.ToDatetime(UTC) + timedelta(milliseconds=500)
        await begin_session(station, DRIVER, began=began.isoformat())
        assert (await reaches(house, name, State.STATE_IN_USE)).cause == ""


async def test_an_evse_that_refuses_the_hold_is_replaced_by_another_one(house: House) -> None:
    async with house.station() as (first, one), house.station() as (second, other):
        name = await booked_now(house, first, second)
        stations = {first: one, second: other}
        bound = await reaches(house, name, State.STATE_BOUND, State.STATE_HELD)
        chosen = bound.station.removeprefix("stations/")
        await accepts(stations.pop(chosen), "ReserveNow", "Faulted")
        ((rest, station),) = stations.items()
        await accepts(station, "ReserveNow")
        held = await reaches(house, name, State.STATE_HELD)
        assert held.station == f"stations/{rest}"


async def test_an_evse_that_is_out_of_order_is_not_chosen(house: House) -> None:
    async with house.station() as (first, one), house.station() as (second, other):
        stations = {first: one, second: other}
        broken = min(stations)  # the plan would take it
        await stations.pop(broken).call(
            "StatusNotification",
            {"connectorId": 1, "errorCode": "GroundFailure", "status": "Faulted"},
        )
        name = await booked_now(house, first, second)
        ((rest, station),) = stations.items()
        await accepts(station, "ReserveNow")
        held = await reaches(house, name, State.STATE_HELD)
        assert held.station == f"stations/{rest}"


async def test_a_booking_without_any_usable_place_is_displaced_at_its_start(
    house: House,
) -> None:
    async with house.station() as (id, _):
        name = await booked_now(house, id, starts_s=3, lead_s=1)
    displaced = await reaches(house, name, State.STATE_DISPLACED)
    assert displaced.cause == "NO_PLACE_LEFT"


async def test_a_cancelled_booking_is_cancelled_at_its_station(house: House) -> None:
    async with house.station() as (id, station):
        name = await booked_now(house, id)
        frame = await accepts(station, "ReserveNow")
        await reaches(house, name, State.STATE_HELD)
        await house.broker.bookings.CancelBooking(pb.CancelBookingRequest(name=name))
        cancel = await accepts(station, "CancelReservation")
        assert cancel["reservationId"] == frame["reservationId"]


async def test_a_booking_that_nobody_confirms_expires(house: House) -> None:
    soon = stamp(datetime.now(UTC) + timedelta(seconds=2))
    away = await house.offline_station()
    name = await booked_now(house, away, lead_s=60, confirm_by=soon)
    expired = await reaches(house, name, State.STATE_EXPIRED)
    assert expired.cause == "NOT_CONFIRMED_IN_TIME"
