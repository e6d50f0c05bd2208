"""Series of bookings against a real fleet: each occurrence is tested, in local times."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import grpc
import pytest
from evcommand.v1 import booking_pb2, booking_policy_pb2, booking_series_pb2
from evcommand.v1 import booking_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from tests.integration.broker.bookings.asking import (
    HOUR,
    a_policy,
    a_pool,
    asked,
    holder,
    stamp,
)
from tests.support.benches.broker_house import House, failure_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
FIRST = (datetime.now(BERLIN) + 2 * DAY).replace(tzinfo=None, hour=7, minute=0, second=0)
FIRST = FIRST.replace(microsecond=0)


def asking(pool: str, recurrence: str = "FREQ=DAILY;COUNT=5", **fields: Any) -> Any:
    plain: dict[str, Any] = {
        "request_id": str(uuid.uuid4()),
        "holder": holder(),
        "first_start": FIRST.isoformat(),
        "first_end": (FIRST + HOUR).isoformat(),
    }
    return booking_series_pb2.CreateBookingSeriesRequest(
        pool=pool, recurrence=recurrence, **(plain | fields)
    )


async def create(house: House, request: Any) -> booking_series_pb2.BookingSeries:
    reply = await house.broker.bookings.CreateBookingSeries(request)
    series: booking_series_pb2.BookingSeries = reply.series
    return series


async def bookings_of(house: House, pool: str) -> list[booking_pb2.Booking]:
    reply = await house.broker.bookings.ListBookings(pb.ListBookingsRequest(pool=pool))
    return list(reply.bookings)


def day(number: int) -> datetime:
    """The moment at which the occurrence of this number starts."""
    return (FIRST + number * DAY).replace(tzinfo=BERLIN).astimezone(UTC)


async def test_a_series_books_each_of_its_times(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    request = asking(pool)
    series = await create(house, request)
    assert series.name == f"bookingSeries/{request.request_id}"
    assert (series.time_zone, series.recurrence) == ("Europe/Berlin", "FREQ=DAILY;COUNT=5")
    made = await bookings_of(house, pool)
    assert [each.name for each in made] == [each.booking for each in series.occurrences]
    assert {each.series for each in made} == {series.name}
    assert [each.start_time for each in made] == [stamp(day(number)) for number in range(5)]


async def test_a_series_is_checked_to_its_last_occurrence_and_not_only_at_its_first_ones(
    house: House,
) -> None:
    """The fourth one meets a full pool, and the sixth one is farther ahead than the rule allows."""
    rule = booking_policy_pb2.BookingRule(
        id="a-week",
        says="Only a week ahead.",
        ahead=booking_policy_pb2.AheadTerm(at_most=Duration(seconds=7 * 86_400 - 3600)),
    )
    pool = await a_pool(house.broker, 1, await a_policy(house.broker, rule))
    await house.broker.bookings.CreateBooking(asked(pool, day(3)))
    series = await create(house, asking(pool, "FREQ=DAILY;COUNT=7"))
    found = [(each.reason, each.rule, bool(each.booking)) for each in series.occurrences]
    booked, refused = ("", "", True), ("BOOKING_RULE", "a-week", False)
    assert found[:5] == [booked, booked, booked, ("POOL_FULL", "", False), booked]
    assert found[-1] == refused
    assert "2 want a place, 1 is there" in series.occurrences[3].message
    assert series.occurrences[-1].message.endswith("Only a week ahead.")


async def test_the_occurrences_of_a_series_count_for_each_others_quota(house: House) -> None:
    rule = booking_policy_pb2.BookingRule(
        id="one-a-day",
        quota=booking_policy_pb2.QuotaTerm(
            per=booking_policy_pb2.COUNTED_PER_HOLDER,
            period=booking_policy_pb2.QuotaTerm.PERIOD_DAY,
            at_most=1,
            unit=booking_policy_pb2.QuotaTerm.UNIT_BOOKINGS,
        ),
    )
    pool = await a_pool(house.broker, 3, await a_policy(house.broker, rule))
    await create(house, asking(pool, "FREQ=DAILY;COUNT=2"))
    series = await create(house, asking(pool, "FREQ=DAILY;COUNT=3"))
    assert [each.rule for each in series.occurrences] == ["one-a-day", "one-a-day", ""]


async def test_all_or_nothing_books_nothing_when_one_is_refused(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    await house.broker.bookings.CreateBooking(asked(pool, day(3)))
    request = asking(pool, all_or_nothing=True)
    error = await failure_of(house.broker.bookings.CreateBookingSeries(request))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "SERIES_REFUSED")
    assert error.facts["refused_1"] == f"{(FIRST + 3 * DAY).isoformat()} POOL_FULL"
    assert error.message.startswith("1 of 5 occurrences are not possible.")
    assert len(await bookings_of(house, pool)) == 1
    request.recurrence = "FREQ=DAILY;COUNT=3"
    assert len((await create(house, request)).occurrences) == 3


async def test_a_series_that_is_only_asked_about_books_nothing(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    await house.broker.bookings.CreateBooking(asked(pool, day(1)))
    series = await create(house, asking(pool, validate_only=True, all_or_nothing=True))
    assert [each.reason for each in series.occurrences] == ["", "POOL_FULL", "", "", ""]
    assert not any(each.booking for each in series.occurrences)
    assert len(await bookings_of(house, pool)) == 1


async def test_a_repeated_series_books_nothing_more(house: House) -> None:
    pool = await a_pool(house.broker, 2)
    request = asking(pool)
    made = await asyncio.gather(*(create(house, request) for _ in range(4)))
    assert all(each == made[0] for each in made)
    assert len(await bookings_of(house, pool)) == 5
    request.recurrence = "FREQ=DAILY;COUNT=4"
    error = await failure_of(house.broker.bookings.CreateBookingSeries(request))
    assert (error.reason, error.facts["fields"]) == ("REQUEST_ID_REUSED", "recurrence")


async def test_a_start_that_the_clock_skips_is_refused_and_the_others_are_booked(
    house: House,
) -> None:
    """02:30 of the last Sunday of next March."""
    year = datetime.now(UTC).year + 1
    edge = next(
        each
        for each in (datetime(year, 3, number, 2, 30) for number in range(31, 24, -1))  # noqa: DTZ001
        if each.weekday() == 6
    )
    pool = await a_pool(house.broker, 1)
    request = asking(
        pool,
        "FREQ=DAILY;COUNT=3",
        first_start=(edge - DAY).isoformat(),
        first_end=(edge - DAY + HOUR).isoformat(),
    )
    series = await create(house, request)
    assert [each.reason for each in series.occurrences] == ["", "START_IS_SKIPPED", ""]
    assert series.occurrences[1].message == "On that day the clock skips 02:30."
    starts = [each.start_time.ToDatetime().hour for each in await bookings_of(house, pool)]
    assert starts == [1, 0]  # 02:30 of the clock, on both sides


async def test_a_cancelled_series_frees_its_places_and_tells_what_it_could_not_cancel(
    house: House,
) -> None:
    second = day(1) - datetime.now(UTC) - HOUR
    rule = booking_policy_pb2.BookingRule(
        id="cutoff",
        cutoff=booking_policy_pb2.CutoffTerm(cancel=Duration(seconds=int(second.total_seconds()))),
    )
    pool = await a_pool(house.broker, 1, await a_policy(house.broker, rule))
    series = await create(house, asking(pool))
    request = booking_series_pb2.CancelBookingSeriesRequest(name=series.name, reason="moved away")
    for _ in range(2):
        told = (await house.broker.bookings.CancelBookingSeries(request)).series
        assert told.HasField("cancel_time")
        assert [each.reason for each in told.occurrences] == ["BOOKING_RULE", "", "", "", ""]
    made = await bookings_of(house, pool)
    assert [each.cause for each in made] == ["", *["SERIES_CANCELLED"] * 4]
    assert made[1].cancel_reason == "moved away"
    await house.broker.bookings.CreateBooking(asked(pool, day(2)))


async def test_a_series_is_cancelled_from_a_time_on(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    series = await create(house, asking(pool))
    request = booking_series_pb2.CancelBookingSeriesRequest(
        name=series.name, start_time=stamp(day(3))
    )
    told = (await house.broker.bookings.CancelBookingSeries(request)).series
    assert len(told.occurrences) == 2
    assert not told.HasField("cancel_time")
    causes = [each.cause for each in await bookings_of(house, pool)]
    assert causes == ["", "", "", "SERIES_CANCELLED", "SERIES_CANCELLED"]


async def test_a_series_that_nobody_made_is_not_found(house: House) -> None:
    name = f"bookingSeries/{uuid.uuid4()}"
    request = booking_series_pb2.CancelBookingSeriesRequest(name=name)
    error = await failure_of(house.broker.bookings.CancelBookingSeries(request))
    assert error.reason == "BOOKING_SERIES_NOT_FOUND"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"request_id": ""}, "request_id"),
        ({"recurrence": ""}, "recurrence"),
        ({"recurrence": "FREQ=SECONDLY;COUNT=3"}, "recurrence"),
        ({"recurrence": "FREQ=DAILY;COUNT=999"}, "recurrence"),
        ({"first_start": "2026-12-01T07:00Z"}, "first_start"),
        ({"first_start": "tomorrow"}, "first_start"),
        ({"first_start": "2020-12-01T07:00", "first_end": "2020-12-01T08:00"}, "first_start"),
        ({"first_start": "9999-12-31T07:00"}, "first_start"),
        ({"first_end": FIRST.isoformat()}, "recurrence"),
    ],
)
async def test_a_bad_field_of_a_series_is_named(
    house: House, change: dict[str, Any], field: str
) -> None:
    pool = await a_pool(house.broker, 1)
    error = await failure_of(house.broker.bookings.CreateBookingSeries(asking(pool, **change)))
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
    assert field in error.fields
