"""A token that only a booking knows: it is good where its driver may charge, and nowhere else.

The gateway is closed: a token that nothing names is refused.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.bookings.booking import Booking
from domain.bookings.pool import Pool, PoolMember
from domain.bookings.states import BookingCause, BookingState
from fleet import bookings, tokens, transactions
from fleet.bookings import PolicyRow, PoolRow
from journal.bookings.rows import booking_from, booking_row, pool_content
from tests.support.benches.gateway_bench import TENANT, Bench, now
from tests.support.stations.scripted_station import ScriptedStation

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DRIVER, STRANGER = "DRIVER-0042", "SOMEBODY-ELSE"


async def booked(bench: Bench, **fields: Any) -> Booking:
    """A booking of EVSE 1 of S1 that began ten minutes ago, in a pool with EVSE 2."""
    start = now() - 10 * MINUTE
    plain: dict[str, Any] = {
        "start_time": start,
        "end_time": start + HOUR,
        "state": BookingState.BOUND,
        "place": "S1/1",
    }
    made = Booking(
        name=str(uuid.uuid4()),
        tenant=TENANT,
        pool="hub",
        id_token=bench.token(DRIVER),
        create_time=start - HOUR,
        policy="plain",
        policy_revision=1,
        **(plain | fields),
    )
    members = (PoolMember("S1", 1), PoolMember("S1", 2))
    content = pool_content(Pool(members, "Europe/Berlin", "plain"))
    async with bench.db.write() as tx:
        await bookings.add_policy(tx, PolicyRow(TENANT, "plain", 1, {}, start))
        row = PoolRow(TENANT, "hub", content, 1, 1, start, start)
        await bookings.add_pool(tx, row, [(each.station, each.evse_id) for each in members])
        await bookings.put_booking(tx, booking_row(made, None))
    return made


async def card(station: ScriptedStation, tag: str) -> str:
    return str((await station.call("Authorize", {"idTag": tag}))["idTagInfo"]["status"])


async def plug(station: ScriptedStation, tag: str, at: datetime, evse_id: int = 1) -> str:
    start = {
        "connectorId": evse_id,
        "idTag": tag,
        "meterStart": 1,
        "timestamp": at.isoformat(),
    }
    return str((await station.call("StartTransaction", start))["idTagInfo"]["status"])


async def has_right(bench: Bench) -> bool:
    """Whether the newest session counts as its driver's."""
    async with bench.db.read() as tx:
        return (await transactions.active(tx, "S1"))[-1].authorized


@pytest.mark.parametrize(
    ("state", "evse_id"),
    [
        (BookingState.CONFIRMED, 1),
        (BookingState.BOUND, 1),
        (BookingState.BOUND, 2),
        (BookingState.HELD, 1),
        (BookingState.HELD, 2),
        (BookingState.IN_USE, 1),
    ],
)
async def test_the_driver_of_a_booking_may_charge_whether_or_not_a_hold_names_his_card(
    bench: Bench, state: BookingState, evse_id: int
) -> None:
    await booked(bench, state=state)
    async with bench.station() as station:
        assert await card(station, DRIVER) == "Accepted"
        assert await plug(station, DRIVER, now(), evse_id) == "Accepted"
    assert await has_right(bench)


@pytest.mark.parametrize(
    "span",
    [(timedelta(minutes=20), timedelta(hours=1)), (timedelta(hours=-2), timedelta(hours=-1))],
)
async def test_a_card_that_only_a_booking_names_is_refused_before_and_after_its_time(
    bench: Bench, span: tuple[timedelta, timedelta]
) -> None:
    await booked(bench, start_time=now() + span[0], end_time=now() + span[1])
    async with bench.station() as station:
        assert await card(station, DRIVER) == "Invalid"
        assert await plug(station, DRIVER, now()) == "Invalid"


@pytest.mark.parametrize(
    ("state", "evse_id"), [(BookingState.PENDING, 1), (BookingState.IN_USE, 2)]
)
async def test_an_offer_lets_nobody_in_and_who_charges_has_no_second_place(
    bench: Bench, state: BookingState, evse_id: int
) -> None:
    await booked(bench, state=state)
    async with bench.station() as station:
        assert await plug(station, DRIVER, now(), evse_id) == "Invalid"


async def test_a_booking_lets_nobody_in_but_its_own_cards(bench: Bench) -> None:
    await booked(bench)
    async with bench.station() as station:
        assert await card(station, STRANGER) == "Invalid"
        assert await plug(station, STRANGER, now(), 2) == "Invalid"
        assert await plug(station, DRIVER, now(), 3) == "Invalid"  # of no pool


@pytest.mark.parametrize(
    "cause", [BookingCause.NOBODY_CAME, BookingCause.USE_NOT_KNOWN, BookingCause.USED]
)
async def test_a_session_that_is_reported_late_is_judged_by_its_own_time(
    bench: Bench, cause: BookingCause
) -> None:
    states = {
        BookingCause.NOBODY_CAME: BookingState.NO_SHOW,
        BookingCause.USE_NOT_KNOWN: BookingState.EXPIRED,
        BookingCause.USED: BookingState.FULFILLED,
    }
    over = {"cause": cause.value, "end_of_life_time": now() - MINUTE}
    await booked(bench, state=states[cause], **over)
    missed = cause is not BookingCause.USED
    async with bench.station() as station:
        assert await plug(station, DRIVER, now() - 5 * MINUTE) == (
            "Accepted" if missed else "Invalid"
        )
        assert await plug(station, DRIVER, now(), 2) == "Invalid"  # it began after the end
    async with bench.db.read() as tx:
        told = {each.evse_id: each.authorized for each in await transactions.active(tx, "S1")}
    assert told == {1: missed, 2: False}


@pytest.mark.parametrize("state", [BookingState.CONFIRMED, BookingState.BOUND, BookingState.HELD])
@pytest.mark.parametrize("blocked", [False, True])
async def test_a_card_that_is_shown_in_its_time_tells_that_its_driver_came(
    bench: Bench, state: BookingState, blocked: bool
) -> None:
    made = await booked(bench, state=state)
    if blocked:
        await blocks(bench, DRIVER)
    async with bench.station() as station:
        said = [await card(station, STRANGER), await card(station, DRIVER)]
        first = await as_it_is(bench, made)
        await card(station, DRIVER)
    assert said == ["Invalid", "Blocked" if blocked else "Accepted"]
    assert (first.card_time is not None, first.progress) == (True, "Its driver's card was shown.")
    assert await as_it_is(bench, made) == first


@pytest.mark.parametrize(
    "fields",
    [
        {"start_time": now() + HOUR, "end_time": now() + 2 * HOUR},
        {"state": BookingState.IN_USE},
        {"state": BookingState.CANCELLED},
    ],
)
async def test_a_card_that_tells_nothing_new_of_a_booking_changes_nothing(
    bench: Bench, fields: dict[str, Any]
) -> None:
    made = await booked(bench, **fields)
    async with bench.station() as station:
        await card(station, DRIVER)
    assert await as_it_is(bench, made) == made


async def as_it_is(bench: Bench, made: Booking) -> Booking:
    async with bench.db.read() as tx:
        row = await bookings.booking(tx, TENANT, made.name)
    assert row is not None
    return booking_from(row)


async def blocks(bench: Bench, value: str) -> None:
    """The token table refuses a token."""
    async with bench.db.write() as tx:
        told: dict[str, Any] = {"value": value, "type": "ISO14443", "status": "BLOCKED"}
        await tokens.put(tx, tenant=TENANT, **told, now=now())
