"""`evcommand pool show` against a real fleet: what is booked, and who charges without a booking."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from click.testing import CliRunner, Result
from evcommand.v1 import booking_service_pb2 as pb

from entrypoints.cli import main
from tests.integration.broker.bookings.asking import HOUR, a_policy, a_pool, asked, pool_of
from tests.support.benches.broker_house import House, begin_session

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def show(house: House, *words: str) -> Result:
    """What the command prints."""
    arguments = ["pool", "show", "--address", house.address, *words]
    return await asyncio.to_thread(CliRunner().invoke, main, arguments)


def drawn(result: Result) -> list[str]:
    """The lines of the picture, without those that the processes of this house log meanwhile."""
    return [line for line in result.output.splitlines() if "[info" not in line]


async def test_a_day_shows_bookings_of_the_plan_before_their_evse_is_chosen(house: House) -> None:
    pool = await a_pool(house.broker, 2)
    day = (datetime.now(UTC) + timedelta(days=3)).date()
    noon = datetime(day.year, day.month, day.day, 11, tzinfo=UTC)
    await house.broker.bookings.CreateBooking(asked(pool, noon, HOUR))
    lines = drawn(await show(house, pool.removeprefix("pools/"), "--day", day.isoformat()))
    assert "".join(lines[:-1]).count("▒") == 2  # half hours
    assert len(lines) == 6


async def test_a_walk_in_is_drawn_until_now(house: House, tmp_path: Path) -> None:
    async with house.station() as (id, station):
        pool = await pool_of(house.broker, await a_policy(house.broker), (id, 1))
        await begin_session(station)
        file = tmp_path / "day.svg"
        printed = await show(house, pool)
        assert "W" in drawn(printed)[2]
        assert (await show(house, pool, "--svg", str(file))).exit_code == 0
        assert "walk-in" in "".join(Xml.parse(file).getroot().itertext())


async def test_a_pool_that_nobody_made_is_told_with_the_remedy(house: House) -> None:
    result = await show(house, "nowhere")
    assert result.exit_code != 0
    assert "ListPools tells the names" in str(result.exception or "") + result.output


async def test_a_picture_that_cannot_be_written_is_told(house: House, tmp_path: Path) -> None:
    pool = await a_pool(house.broker, 1)
    result = await show(house, pool, "--svg", str(tmp_path / "no" / "day.svg"))
    assert "cannot be written" in str(result.exception or "") + result.output


async def test_the_plan_of_a_booking_that_was_cancelled_is_not_told(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    made = await house.broker.bookings.CreateBooking(asked(pool))
    assert made.booking.planned_member.endswith("/evses/1")
    cancelled = await house.broker.bookings.CancelBooking(
        pb.CancelBookingRequest(name=made.booking.name)
    )
    assert cancelled.booking.planned_member == ""
