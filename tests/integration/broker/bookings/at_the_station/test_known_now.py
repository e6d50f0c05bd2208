"""What a station tells of its EVSEs now, and what who asks for a place soon is answered."""

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from evcommand.v1 import booking_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from tests.integration.broker.bookings.asking import HOUR, a_policy, a_pool, asked, holder, stamp
from tests.integration.broker.bookings.asking import pool_of as pool_at
from tests.integration.broker.bookings.at_the_station.test_walk_ins import shows
from tests.integration.broker.bookings.test_booked_places import plug, shows_evse
from tests.integration.broker.bookings.test_carrying import State, reaches
from tests.support.benches.broker_house import House, failure_of
from tests.support.stations.scripted_station import ScriptedStation

pytestmark = pytest.mark.asyncio(loop_scope="session")

MINUTE = timedelta(minutes=1)


def soon(after: timedelta = 5 * MINUTE) -> datetime:
    return datetime.now(UTC) + after


async def breaks(station: ScriptedStation, connector: int = 1) -> None:
    status = {"errorCode": "OtherError", "status": "Faulted"}
    await station.call("StatusNotification", {"connectorId": connector, **status})


async def searched(house: House, pool: str) -> list[tuple[bool, int, str]]:
    start = soon()
    reply = await house.broker.bookings.SearchAvailability(
        pb.SearchAvailabilityRequest(
            pool=pool,
            start_time=stamp(start),
            end_time=stamp(start + 2 * HOUR),
            length=Duration(seconds=3600),
            step=Duration(seconds=3600),
            holder=holder(),
        )
    )
    return [(each.available, each.free_places, each.reason) for each in reply.spans]


async def test_a_place_that_is_out_of_order_is_not_promised_for_now_and_the_refusal_says_why(
    house: House,
) -> None:
    async with house.station() as (id, station):
        await shows_evse(station, "1.6")
        await breaks(station)
        pool = await pool_at(house.broker, await a_policy(house.broker), (id, 1))
        error = await failure_of(house.broker.bookings.CreateBooking(asked(pool, soon())))
        assert (error.code, error.reason) == (
            *(grpc.StatusCode.FAILED_PRECONDITION, "EVSES_NOT_USABLE"),
        )
        assert f"EVSE 1 of station {id} is out of order" in error.message
        assert "JoinWaitlist" in error.message
        first = datetime.fromisoformat(error.facts["alternative_1"].split("/")[0])
        assert first >= soon(29 * MINUTE)
        dry = await house.broker.bookings.CreateBooking(asked(pool, soon(), validate_only=True))
        assert dry.room_reason == "EVSES_NOT_USABLE"
        assert await searched(house, pool) == [
            *((False, 0, "EVSES_NOT_USABLE"), (True, 1, "")),
        ]


async def test_who_charges_at_the_only_place_is_in_the_way_of_who_wants_it_at_once(
    house: House,
) -> None:
    async with house.station() as (id, station):
        await shows_evse(station, "1.6")
        assert await plug(station, "1.6", "STRANGER") == "Accepted"
        pool = await pool_at(house.broker, await a_policy(house.broker), (id, 1))
        error = await failure_of(house.broker.bookings.CreateBooking(asked(pool, soon())))
        assert f"EVSE 1 of station {id} is in use by somebody else" in error.message
        in_time = asked(pool, soon(12 * MINUTE))  # it is held ten minutes before the start
        assert (await house.broker.bookings.CreateBooking(in_time)).booking.name


async def test_a_pool_of_stations_that_never_came_takes_bookings_for_later_only(
    house: House,
) -> None:
    pool = await a_pool(house.broker, 2)
    error = await failure_of(house.broker.bookings.CreateBooking(asked(pool, soon())))
    assert error.message.count("is offline") == 2
    later = asked(pool, soon(40 * MINUTE))
    assert (await house.broker.bookings.CreateBooking(later)).booking.name


async def test_a_booking_whose_evse_fails_gets_another_one_at_once(house: House) -> None:
    """It is looked at every five minutes while it waits for its hold."""
    async with house.station() as (id, station):
        for evse in (1, 2):
            await shows_evse(station, "1.6", evse)
        leads = {"bind_lead": Duration(seconds=86_400), "hold_lead": Duration(seconds=0)}
        policy = await a_policy(house.broker, **leads)
        pool = await pool_at(house.broker, policy, (id, 1), (id, 2))
        made = await house.broker.bookings.CreateBooking(asked(pool, soon(HOUR)))
        bound = await reaches(house, made.booking.name, State.STATE_BOUND)
        await breaks(station, bound.evse_id)
        other = await shows(house, bound.name, lambda one: one.evse_id != bound.evse_id)
        assert (other.state, other.evse_id) == (State.STATE_BOUND, 3 - bound.evse_id)
