"""RotateStationPassword against a real fleet, with stations at its gateway."""

import asyncio
import uuid
from typing import Any

import grpc
import pytest
from evcommand.v1 import station_service_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask
from websockets.exceptions import InvalidStatus

from simulator.config import StationConfig
from simulator.station import SimulatedStation
from tests.support.benches.broker_house import House, failure_of
from tests.support.stations.scripted_station import connected, found

pytestmark = pytest.mark.asyncio(loop_scope="session")

State = pb.PasswordRotation.State


async def new_station(house: House, password: str = "") -> tuple[str, str]:
    """The name of a new station, and its password."""
    id = f"ROT-{uuid.uuid4().hex[:8]}"
    request = pb.CreateStationRequest(station_id=id, basic_auth_password=password)
    reply = await house.broker.stations.CreateStation(request)
    return reply.station.name, reply.basic_auth_password


def rotate(house: House, name: str, password: str = "") -> Any:
    request = pb.RotateStationPasswordRequest(name=name, basic_auth_password=password)
    return house.broker.stations.RotateStationPassword(request)


async def rotation(house: House, name: str) -> pb.PasswordRotation:
    reply = await house.broker.stations.GetStation(pb.GetStationRequest(name=name))
    shown: pb.PasswordRotation = reply.station.password_rotation
    return shown


async def in_state(house: House, name: str, state: State.ValueType) -> None:
    async def look() -> bool:
        return (await rotation(house, name)).state == state

    await found(look, within_s=10)


def url(house: House, name: str) -> str:
    return f"ws://127.0.0.1:{house.ocpp_port}/ocpp/{name.removeprefix('stations/')}"


@pytest.mark.parametrize("chosen", ["", "sixteen-letters!"])
async def test_a_station_is_given_a_new_password_and_followed_until_it_used_it(
    house: House, chosen: str
) -> None:
    name, old = await new_station(house)
    async with connected(url(house, name), old) as station:
        await station.boot()
        reply = await rotate(house, name, chosen)
        new = reply.basic_auth_password
        assert reply.station.password_rotation.state == State.STATE_REQUESTED
        assert chosen in {"", new}
        async with asyncio.timeout(10):
            message_id, action, payload = await station.calls.get()
        assert (action, payload["key"]) == ("ChangeConfiguration", "AuthorizationKey")
        assert bytes.fromhex(payload["value"]).decode() == new != old
        await station.answer(message_id, {"status": "Accepted"})
        await in_state(house, name, State.STATE_ACCEPTED)
    async with connected(url(house, name), new) as station:
        await station.boot()
    shown = await rotation(house, name)
    assert (shown.state, shown.sends, shown.answer) == (State.STATE_DONE, 1, "Accepted")
    assert shown.request_time.ToNanoseconds() <= shown.send_time.ToNanoseconds()
    assert shown.answer_time.ToNanoseconds() <= shown.end_time.ToNanoseconds()
    with pytest.raises(InvalidStatus):
        async with connected(url(house, name), old):
            raise AssertionError("admitted")


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_a_station_takes_it_and_comes_back_without_anybodys_help(
    house: House, version: str
) -> None:
    name, old = await new_station(house)
    address = url(house, name).rpartition("/")[0]
    id = name.removeprefix("stations/")
    config = StationConfig(id, address, version=version, password=old, reconnect_s=0.01)
    async with SimulatedStation(config) as station:
        await station.until(lambda: station.booted)
        await rotate(house, name)
        await in_state(house, name, State.STATE_DONE)
        await station.until(lambda: station.connections == 2)


async def test_a_repeat_is_the_open_rotation_with_its_password(house: House) -> None:
    name, old = await new_station(house)
    first, again = await rotate(house, name), await rotate(house, name)
    assert first.basic_auth_password == again.basic_auth_password != old
    assert (await rotate(house, name, first.basic_auth_password)).basic_auth_password
    begun = {each.station.password_rotation.request_time.ToNanoseconds() for each in (first, again)}
    assert len(begun) == 1


async def test_two_at_once_are_one_rotation(house: House) -> None:
    name, _ = await new_station(house)
    replies = await asyncio.gather(*(rotate(house, name) for _ in range(4)))
    assert len({reply.basic_auth_password for reply in replies}) == 1


async def test_another_password_waits_until_the_open_rotation_has_ended(house: House) -> None:
    name, _ = await new_station(house)
    await rotate(house, name, "the-first-password")
    failure = await failure_of(rotate(house, name, "another-password"))
    assert (failure.code, failure.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "PASSWORD_ROTATION_OPEN",
    )


@pytest.mark.parametrize("present", ["", "sixteen-letters!"])
async def test_the_password_that_it_has_is_no_new_one(house: House, present: str) -> None:
    name, old = await new_station(house, present)
    failure = await failure_of(rotate(house, name, old))
    assert (failure.reason, failure.fields) == ("INVALID_REQUEST", ["basic_auth_password"])
    assert await rotation(house, name) == pb.PasswordRotation()


async def test_a_station_without_a_rotation_shows_none(house: House) -> None:
    name, _ = await new_station(house)
    reply = await house.broker.stations.GetStation(pb.GetStationRequest(name=name))
    assert not reply.station.HasField("password_rotation")


@pytest.mark.parametrize(
    ("name", "password", "reason"),
    [
        ("stations/NOBODY", "", "STATION_NOT_FOUND"),
        ("stations/NOBODY", "too-short", "INVALID_REQUEST"),
        ("NOBODY", "", "INVALID_REQUEST"),
    ],
)
async def test_what_cannot_be_asked_for(
    house: House, name: str, password: str, reason: str
) -> None:
    assert (await failure_of(rotate(house, name, password))).reason == reason


async def test_a_station_that_was_let_in_has_no_password_to_change(house: House) -> None:
    async with house.station("1.6") as (id, _):
        failure = await failure_of(rotate(house, f"stations/{id}"))
    assert failure.reason == "STATION_NOT_REGISTERED"


async def test_a_password_that_the_stations_version_cannot_take_is_refused(house: House) -> None:
    name, old = await new_station(house)
    async with connected(url(house, name), old) as station:
        await station.boot()
        failure = await failure_of(rotate(house, name, "z" * 21))
    assert (failure.reason, failure.fields) == (
        "NOT_POSSIBLE_ON_STATION",
        ["basic_auth_password"],
    )
    assert await rotation(house, name) == pb.PasswordRotation()


@pytest.mark.parametrize(
    "changed",
    [pb.Station(upstream="wss://csms.example/ocpp/{station}"), pb.Station(security_profile=3)],
)
async def test_a_station_that_shows_no_password_of_ours_is_given_none(
    house: House, changed: pb.Station
) -> None:
    name, _ = await new_station(house)
    changed.name = name
    mask = FieldMask(
        paths=[field.name for field, _ in changed.ListFields() if field.name != "name"]
    )
    await house.broker.stations.UpdateStation(
        pb.UpdateStationRequest(station=changed, update_mask=mask)
    )
    failure = await failure_of(rotate(house, name))
    assert (failure.reason, failure.fields) == ("NOT_POSSIBLE_ON_STATION", ["name"])
    assert await rotation(house, name) == pb.PasswordRotation()
