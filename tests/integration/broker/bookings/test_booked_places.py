"""Who may charge in a booked slot: by card, by plug, by command. Real websockets, broker, gateway.

The gateway is open: it takes every token of which it knows nothing bad, so each refusal here is due
to a booking.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from evcommand.v1 import booking_pb2
from evcommand.v1.id_token_pb2 import IdToken
from google.protobuf.duration_pb2 import Duration

from tests.integration.broker.bookings.asking import HOUR, a_policy, asked, pool_of
from tests.integration.broker.bookings.test_carrying import (
    DRIVER,
    State,
    accepts,
    booked_now,
    reaches,
)
from tests.support.benches.broker_house import House, failure_of, start_request
from tests.support.stations.scripted_station import ScriptedStation

pytestmark = pytest.mark.asyncio(loop_scope="session")

STRANGER = "TAG-WALK-IN"
GROUP = "GROUP-OF-0042"
NEWER = ["2.0.1", "2.1"]
VERSIONS = ["1.6", *NEWER]


@asynccontextmanager
async def held(
    house: House, version: str, **fields: Any
) -> AsyncIterator[tuple[str, ScriptedStation]]:
    """The name of a booking that is held at the EVSE of a station, and the station."""
    async with house.station(version) as (id, station):
        await shows_evse(station, version)
        name = await booked_now(house, id, **fields)
        await accepts(station, "ReserveNow")
        await reaches(house, name, State.STATE_HELD)
        yield name, station


async def shows_evse(station: ScriptedStation, version: str, evse_id: int = 1) -> None:
    if version == "1.6":
        status: dict[str, Any] = {"errorCode": "NoError", "status": "Available"}
    else:
        status = {"evseId": evse_id, "connectorStatus": "Available", "timestamp": now()}
    connector = evse_id if version == "1.6" else 1
    await station.call("StatusNotification", {"connectorId": connector, **status})


def now() -> str:
    return datetime.now(UTC).isoformat()


async def card(station: ScriptedStation, version: str, tag: str) -> str:
    """What a card is answered that is shown to the station."""
    if version == "1.6":
        return str((await station.call("Authorize", {"idTag": tag}))["idTagInfo"]["status"])
    token = {"idToken": tag, "type": "ISO14443"}
    return str((await station.call("Authorize", {"idToken": token}))["idTokenInfo"]["status"])


async def plug(station: ScriptedStation, version: str, tag: str, evse_id: int = 1) -> str:
    """What a session is answered that begins with a token."""
    if version == "1.6":
        start = {"connectorId": evse_id, "idTag": tag, "meterStart": 1, "timestamp": now()}
        return str((await station.call("StartTransaction", start))["idTagInfo"]["status"])
    return await event(station, "Started", 0, evse_id, tag)


async def event(
    station: ScriptedStation,
    kind: str,
    seq_no: int,
    evse_id: int = 1,
    tag: str = "",
    *,
    session: str = "",
) -> str:
    """What the token of a 2.x event is answered."""
    told: dict[str, Any] = {
        "eventType": kind,
        "timestamp": now(),
        "triggerReason": "Authorized",
        "seqNo": seq_no,
        "transactionInfo": {"transactionId": session or f"session-at-{evse_id}"},
        "evse": {"id": evse_id, "connectorId": 1},
    }
    if tag:
        told["idToken"] = {"idToken": tag, "type": "ISO14443"}
    answer = await station.call("TransactionEvent", told)
    return str(answer.get("idTokenInfo", {}).get("status", ""))


def refused(version: str) -> str:
    return "Invalid" if version == "1.6" else "NotAtThisTime"


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_stranger_is_refused_in_a_booked_slot_and_its_driver_is_not(
    house: House, version: str
) -> None:
    async with held(house, version) as (name, station):
        assert await card(station, version, STRANGER) == refused(version)
        assert await plug(station, version, STRANGER, evse_id=1) == refused(version)
        assert await card(station, version, STRANGER) == refused(version)  # not "his session"
        assert await card(station, version, DRIVER) == "Accepted"
        if version == "1.6":
            assert await plug(station, version, DRIVER) == "Accepted"
            used = await reaches(house, name, State.STATE_IN_USE)
            assert used.transaction


@pytest.mark.parametrize("version", NEWER)
async def test_a_token_that_is_shown_after_the_plug_is_refused_too(
    house: House, version: str
) -> None:
    async with held(house, version) as (_name, station):
        assert await event(station, "Started", 0) == ""
        assert await event(station, "Updated", 1, tag=STRANGER) == "NotAtThisTime"
        assert await event(station, "Updated", 1, tag=STRANGER) == "NotAtThisTime"  # a repeat
        assert await event(station, "Updated", 2, tag=DRIVER) == "Accepted"


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_the_groups_token_is_as_good_as_its_drivers(house: House, version: str) -> None:
    holder = driver()
    holder.group_id_token.value = GROUP
    async with house.station(version) as (id, station):
        await shows_evse(station, version)
        name = await booked_now(house, id, holder=holder)
        frame = await accepts(station, "ReserveNow")
        assert GROUP in str(frame)  # the station knows the group, too
        await reaches(house, name, State.STATE_HELD)
        assert await card(station, version, GROUP) == "Accepted"
        assert await plug(station, version, GROUP) == "Accepted"
        assert (await reaches(house, name, State.STATE_IN_USE)).transaction


async def test_a_card_is_good_at_a_station_that_has_a_place_left(house: House) -> None:
    async with house.station() as (id, station):
        await shows_evse(station, "1.6", 1)
        await shows_evse(station, "1.6", 2)
        name = await booked_now(house, id)
        await accepts(station, "ReserveNow")
        await reaches(house, name, State.STATE_HELD)
        assert await card(station, "1.6", STRANGER) == "Accepted"
        assert await plug(station, "1.6", STRANGER, 2) == "Accepted"


async def test_who_charges_since_before_the_slot_may_still_end_his_session(house: House) -> None:
    async with house.station() as (id, station):
        await shows_evse(station, "1.6")
        assert await plug(station, "1.6", STRANGER) == "Accepted"
        policy = await a_policy(house.broker)
        pool = await pool_of(house.broker, policy, (id, 1))
        request = asked(pool, datetime.now(UTC) + HOUR / 5, HOUR)
        await house.broker.bookings.CreateBooking(request)
        assert await card(station, "1.6", STRANGER) == "Accepted"


@pytest.mark.parametrize("evse", [{"evse_id": 1}, {}])
async def test_a_start_of_another_token_is_refused_with_the_span_and_the_remedy(
    house: House, evse: dict[str, int]
) -> None:
    async with held(house, "1.6") as (name, station):
        id = (await reaches(house, name, State.STATE_HELD)).station.removeprefix("stations/")
        stranger = IdToken(value=STRANGER)
        failure = await failure_of(
            house.broker.commands.StartSession(start_request(id, id_token=stranger, **evse))
        )
        assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "BOOKED")
        assert failure.facts["booking"] == name
        assert failure.facts["end_time"] in failure.message
        assert "Start at another EVSE" in failure.message
        own = IdToken(value=DRIVER)
        start = house.broker.start(id, id_token=own, **evse)
        await asyncio.gather(start, accepts(station, "RemoteStartTransaction"))


async def test_a_driver_at_another_evse_of_the_pool_has_that_one(house: House) -> None:
    async with house.station() as (id, station):
        policy = await a_policy(
            house.broker, **{one: Duration(seconds=86_400) for one in ("bind_lead", "hold_lead")}
        )
        pool = await pool_of(house.broker, policy, (id, 1), (id, 2))
        request = asked(pool, datetime.now(UTC) + HOUR, HOUR, holder=driver())
        name = (await house.broker.bookings.CreateBooking(request)).booking.name
        hold = await accepts(station, "ReserveNow")
        await reaches(house, name, State.STATE_HELD)
        other = 3 - hold["connectorId"]
        assert await plug(station, "1.6", DRIVER, other) == "Accepted"
        used = await reaches(house, name, State.STATE_IN_USE)
        assert used.evse_id == other
        assert used.transaction
        let_go = await accepts(station, "CancelReservation")
        assert let_go["reservationId"] == hold["reservationId"]


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_place_that_is_promised_to_somebody_else_is_not_swapped(
    house: House, version: str
) -> None:
    async with house.station(version) as (id, station):
        policy = await a_policy(
            house.broker, **{one: Duration(seconds=86_400) for one in ("bind_lead", "hold_lead")}
        )
        pool = await pool_of(house.broker, policy, (id, 1), (id, 2))
        start = datetime.now(UTC) + HOUR
        request = asked(pool, start, HOUR, holder=driver())
        name = (await house.broker.bookings.CreateBooking(request)).booking.name
        await accepts(station, "ReserveNow")
        mine = await reaches(house, name, State.STATE_HELD)
        after = asked(pool, start + HOUR / 4, HOUR)
        await house.broker.bookings.CreateBooking(after)
        await accepts(station, "ReserveNow")
        word = "Invalid" if version == "1.6" else "NotAtThisLocation"
        assert await plug(station, version, DRIVER, 3 - mine.evse_id) == word
        assert await plug(station, version, DRIVER, mine.evse_id) == "Accepted"
        await reaches(house, name, State.STATE_IN_USE)


def driver() -> booking_pb2.BookingHolder:
    return booking_pb2.BookingHolder(id_token=IdToken(value=DRIVER))
