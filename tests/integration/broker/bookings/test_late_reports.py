"""A session that a station of the pool reports late is held against an end that was told before."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.bookings.booking import Booking
from domain.bookings.policies.policy import Occasion
from domain.bookings.policies.rules import Charge
from domain.bookings.states import BookingCause, BookingState
from domain.reservations.reservation import Reservation, ReservationState
from domain.reservations.transitions import EndCause
from fleet import bookings
from fleet.engine.statements import Tx
from journal.bookings.rows import booking_from, booking_row
from journal.reservations.record import record
from tests.integration.broker.bookings.asking import HOUR, a_policy, asked, pool_of
from tests.integration.broker.bookings.test_booked_places import driver, shows_evse
from tests.integration.broker.bookings.test_carrying import DRIVER, State, reaches
from tests.support.benches.broker_house import House

pytestmark = pytest.mark.asyncio(loop_scope="session")

MINUTE = timedelta(minutes=1)
FEE = Charge(Occasion.NO_SHOW, 2, "credit", "no-show")


async def told_as_no_show(house: House, name: str) -> datetime:
    """A booking that was told to be a no-show half an hour ago. Returns its start."""
    start, id = datetime.now(UTC) - HOUR, name.removeprefix("bookings/")
    async with house.db.write() as tx:
        made = await _made(tx, id)
        hold = Reservation(
            name=uuid.uuid4().hex[:24],
            tenant=made.tenant,
            station=made.place.partition("/")[0],
            wire_id=7,
            id_token=made.id_token,
            state=ReservationState.EXPIRED,
            cause=EndCause.TIME_OVER,
            create_time=start,
            expire_time=start + 30 * MINUTE,
            workflow_id=f"reservation/{id}",
            command=id,
        )
        key: dict[str, Any] = {"tenant": made.tenant, "name": hold.name, "key": "end"}
        await record(tx, **key, change=lambda known: known, now=start, initial=hold)
        missed = replace(
            made,
            start_time=start,
            end_time=start + 50 * MINUTE,
            state=BookingState.NO_SHOW,
            cause=BookingCause.NOBODY_CAME.value,
            end_of_life_time=start + 30 * MINUTE,
            reservation=hold.name,
            charges=(FEE,),
        )
        await bookings.put_booking(tx, booking_row(replace(missed, revision=2), None))
    return start


async def _made(tx: Tx, id: str) -> Booking:
    for tenant in ("default", ""):
        row = await bookings.booking(tx, tenant, id)
        if row is not None:
            return booking_from(row)
    raise AssertionError("there is no such booking")


@pytest.mark.parametrize(
    ("event", "minute", "states"),
    [
        ("Started", 10, (State.STATE_IN_USE, State.STATE_OVERSTAYED)),
        ("Ended", 45, (State.STATE_EXPIRED,)),
    ],
)
async def test_a_session_that_another_station_reports_late_takes_a_no_show_back(
    house: House, event: str, minute: int, states: tuple["State.ValueType", ...]
) -> None:
    async with house.station("2.0.1") as (first, _), house.station("2.0.1") as (second, station):
        await shows_evse(station, "2.0.1")
        pool = await pool_of(house.broker, await a_policy(house.broker), (first, 1), (second, 1))
        request = asked(pool, datetime.now(UTC) + HOUR, HOUR, holder=driver())
        name = (await house.broker.bookings.CreateBooking(request)).booking.name
        start = await told_as_no_show(house, name)
        told = {
            "eventType": event,
            "timestamp": (start + minute * MINUTE).isoformat(),
            "triggerReason": "Authorized",
            "seqNo": minute,
            "offline": True,
            "transactionInfo": {"transactionId": uuid.uuid4().hex[:8]},
            "idToken": {"idToken": DRIVER, "type": "ISO14443"},
            "evse": {"id": 1, "connectorId": 1},
        }
        await station.call("TransactionEvent", told)
        known = await reaches(house, name, *states)
    assert not known.charges
