"""kill -9 of the gateway between any two steps of a station's new password.

Whenever it dies: the station is let in with the password that it has, the old one or the new one,
and ends with the new one, or with the old one if it refused. Nobody has to touch it.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from evcommand.v1 import station_service_pb2 as pb
from websockets.exceptions import InvalidHandshake, InvalidStatus

from tests.support.client import CALL_S, Client, patiently
from tests.support.processes import Fleet, running_fleet
from tests.support.stations.scripted_station import ScriptedStation, connected, found

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]
ACTIONS = {"ocpp1.6": "ChangeConfiguration", "ocpp2.0.1": "SetVariables"}
BOTH = pytest.mark.parametrize("version", list(ACTIONS))
RECOVERED_S = 30.0
GRACE_S = 0.5
State = pb.PasswordRotation.State


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """A fleet that asks a station soon, and soon sends away one that stays after its yes."""
    environment = {
        "EVCOMMAND_GATEWAY_ROTATION_INTERVAL_S": "0.1",
        "EVCOMMAND_GATEWAY_ROTATION_GRACE_S": str(GRACE_S),
    }
    async with running_fleet(tmp_path_factory.mktemp("fleet"), environment) as fleet:
        yield fleet


class Rotated:
    """A station that gets a new password, and the gateway that dies meanwhile.

    has: the password that the station shows when it connects.
    """

    def __init__(self, fleet: Fleet, client: Client, version: str) -> None:
        self.id = f"ROT-{uuid.uuid4().hex[:8]}"
        self.old = self.new = self.has = ""
        self._fleet, self._client, self._version = fleet, client, version

    async def is_created(self) -> None:
        request = pb.CreateStationRequest(station_id=self.id)
        reply = await patiently(
            lambda: self._client.stations.CreateStation(request, timeout=CALL_S)
        )
        self.old = self.has = reply.basic_auth_password

    async def is_asked_for(self) -> None:
        """Somebody asks for a new password, or asks again."""
        request = pb.RotateStationPasswordRequest(name=f"stations/{self.id}")
        reply = await patiently(
            lambda: self._client.stations.RotateStationPassword(request, timeout=CALL_S)
        )
        assert self.new in {"", reply.basic_auth_password}
        self.new = reply.basic_auth_password

    def connects(self, password: str = "") -> AbstractAsyncContextManager[ScriptedStation]:
        url = f"{self._fleet.ocpp_url}/{self.id}"
        return connected(url, password or self.has, subprotocol=self._version)

    async def hears_it(self, station: ScriptedStation) -> str:
        """The station reads the frame with the new password; the frame's id."""
        message_id, payload = await station.called(ACTIONS[self._version])
        said = payload.get("value") or payload["setVariableData"][0]["attributeValue"]
        assert self.new in {said, bytes.fromhex(said).decode() if "value" in payload else ""}
        return message_id

    async def says(self, station: ScriptedStation, message_id: str, word: str) -> None:
        await station.answer(message_id, _answer(self._version, word))

    async def state(self) -> State.ValueType:
        request = pb.GetStationRequest(name=f"stations/{self.id}")
        reply = await patiently(lambda: self._client.stations.GetStation(request, timeout=CALL_S))
        return State.ValueType(reply.station.password_rotation.state)

    async def reaches(self, *states: State.ValueType) -> None:
        async def look() -> bool:
            return await self.state() in states

        await found(look, RECOVERED_S)

    async def gateway_dies(self) -> None:
        await self._fleet.crash("gateway")
        await self._fleet.recover("gateway")

    async def is_let_in(self, password: str = "") -> bool:
        """Whether a password is good; the one that the station has by default."""
        try:
            async with self.connects(password) as station:
                await station.boot()
                return True
        except InvalidStatus as refused:
            assert refused.response.status_code == 401
            return False

    async def takes_it_when_asked_again(self) -> None:
        """It has not got the password yet, comes back with the old one, and gets it now."""
        async with self.connects() as station:
            await station.boot()
            await self.is_asked_for()
            message_id = await self.hears_it(station)
            self.has = self.new
            await self.says(station, message_id, "Accepted")
            await self.reaches(State.STATE_ACCEPTED, State.STATE_RECONNECTING)

    async def ends_with_the_new_one(self) -> None:
        """It uses what it has: the rotation is done, and the old password is worth nothing."""
        assert self.has == self.new != self.old
        assert await self.is_let_in()
        await self.reaches(State.STATE_DONE)
        assert not await self.is_let_in(self.old)
        assert await self.is_let_in()


def _answer(version: str, word: str) -> dict[str, Any]:
    if version == "ocpp1.6":
        return {"status": word}
    named = {
        "component": {"name": "SecurityCtrlr"},
        "variable": {"name": "BasicAuthPassword"},
    }
    return {"setVariableResult": [{"attributeStatus": word, **named}]}


@asynccontextmanager
async def rotated(fleet: Fleet, client: Client, version: str) -> AsyncIterator[Rotated]:
    each = Rotated(fleet, client, version)
    await each.is_created()
    yield each


@BOTH
async def test_death_before_it_is_asked_for(fleet: Fleet, client: Client, version: str) -> None:
    async with rotated(fleet, client, version) as it:
        async with it.connects() as station:
            await station.boot()
            await fleet.crash("gateway")
        try:
            await it.is_asked_for()
        finally:
            await fleet.recover("gateway")
        assert await it.is_let_in()
        await it.takes_it_when_asked_again()
        await it.ends_with_the_new_one()


@BOTH
async def test_death_while_the_frame_is_written(fleet: Fleet, client: Client, version: str) -> None:
    """The station is gone with the gateway. It may have the frame in its memory, or not."""
    async with rotated(fleet, client, version) as it:
        async with it.connects() as station:
            await station.boot()
            station.go_deaf()
            await it.is_asked_for()
            await it.reaches(State.STATE_SENT)
            await it.gateway_dies()
        assert await it.is_let_in()
        assert await it.state() == State.STATE_SENT
        await it.takes_it_when_asked_again()
        await it.ends_with_the_new_one()


@BOTH
@pytest.mark.parametrize("took_it", [True, False])
async def test_death_before_the_station_answers(
    fleet: Fleet, client: Client, version: str, took_it: bool
) -> None:
    async with rotated(fleet, client, version) as it:
        async with it.connects() as station:
            await station.boot()
            await it.is_asked_for()
            await it.hears_it(station)
            await it.gateway_dies()
        if took_it:
            it.has = it.new
        else:
            assert await it.is_let_in()
            await it.takes_it_when_asked_again()
        await it.ends_with_the_new_one()


@BOTH
async def test_death_while_the_station_agrees(fleet: Fleet, client: Client, version: str) -> None:
    async with rotated(fleet, client, version) as it:
        async with it.connects() as station:
            await station.boot()
            await it.is_asked_for()
            message_id = await it.hears_it(station)
            it.has = it.new
            await it.says(station, message_id, "Accepted")
            await it.gateway_dies()
        assert await it.state() in {State.STATE_SENT, State.STATE_ACCEPTED}
        await it.ends_with_the_new_one()


@BOTH
@pytest.mark.parametrize("step", [State.STATE_ACCEPTED, State.STATE_RECONNECTING])
async def test_death_after_the_station_agreed(
    fleet: Fleet, client: Client, version: str, step: State.ValueType
) -> None:
    async with rotated(fleet, client, version) as it:
        async with it.connects() as station:
            await station.boot()
            await it.is_asked_for()
            message_id = await it.hears_it(station)
            it.has = it.new
            await it.says(station, message_id, "Accepted")
            await it.reaches(step, State.STATE_RECONNECTING)
            await it.gateway_dies()
        await it.ends_with_the_new_one()


@BOTH
async def test_death_while_the_station_comes_back(
    fleet: Fleet, client: Client, version: str
) -> None:
    async with rotated(fleet, client, version) as it:
        await it.takes_it_when_asked_again()
        coming = asyncio.create_task(_comes(it))
        await it.gateway_dies()
        await asyncio.gather(coming)
        await it.ends_with_the_new_one()


async def _comes(it: Rotated) -> None:
    """The station shows the new password; the gateway may die before it says anything."""
    try:
        async with it.connects() as station:
            await station.socket.wait_closed()
    except (OSError, EOFError, InvalidHandshake):
        return


@BOTH
async def test_death_after_the_new_one_was_used(fleet: Fleet, client: Client, version: str) -> None:
    async with rotated(fleet, client, version) as it:
        await it.takes_it_when_asked_again()
        async with it.connects():
            await it.gateway_dies()
        await it.ends_with_the_new_one()


@BOTH
async def test_death_while_a_station_has_to_restart(
    fleet: Fleet, client: Client, version: str
) -> None:
    """It may come back before its restart, with the old password, and after it with the new one."""
    async with rotated(fleet, client, version) as it:
        async with it.connects() as station:
            await station.boot()
            await it.is_asked_for()
            message_id = await it.hears_it(station)
            await it.says(station, message_id, "RebootRequired")
            await it.reaches(State.STATE_REBOOT_REQUIRED)
            await it.gateway_dies()
        assert await it.is_let_in()
        assert await it.state() == State.STATE_REBOOT_REQUIRED
        it.has = it.new
        await it.ends_with_the_new_one()


@BOTH
async def test_death_while_the_station_refuses(fleet: Fleet, client: Client, version: str) -> None:
    """If its no is lost, both stay good: nobody knows whether the station has it."""
    async with rotated(fleet, client, version) as it:
        async with it.connects() as station:
            await station.boot()
            await it.is_asked_for()
            message_id = await it.hears_it(station)
            await it.says(station, message_id, "Rejected")
            await it.gateway_dies()
        assert await it.is_let_in()
        assert await it.state() in {State.STATE_SENT, State.STATE_REJECTED}
        assert await it.is_let_in(it.old)


@BOTH
async def test_death_after_the_station_refused(fleet: Fleet, client: Client, version: str) -> None:
    async with rotated(fleet, client, version) as it:
        async with it.connects() as station:
            await station.boot()
            await it.is_asked_for()
            message_id = await it.hears_it(station)
            await it.says(station, message_id, "Rejected")
            await it.reaches(State.STATE_REJECTED)
            await it.gateway_dies()
        assert await it.is_let_in(it.old)
        assert not await it.is_let_in(it.new)
