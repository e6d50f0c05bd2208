"""Stations that reconnect without a boot, with a late one, or with one that crosses a question."""

import asyncio
from collections.abc import Iterator

import pytest
from evcommand.v1 import remote_command_pb2 as command_pb

from tests.e2e.field.crowd import calling
from tests.e2e.field.raw_station import BOOTS, Payload, RawStation, connected_station, raw_station
from tests.e2e.field.starting import DELAYS_MS, VERSIONS, FieldSession, accepts_starts, start
from tests.e2e.foreign_system import System, running_system

pytestmark = pytest.mark.e2e

BEHAVIOURS = ("boots when asked", "refuses to be asked", "boots by itself", "talks on")
TALK_S = 5
GRACE_S = 5


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system that takes a station as booted after five seconds of talk, or of silence."""
    waits = ("--gateway-boot-talk-s", str(TALK_S), "--gateway-boot-grace-s", str(GRACE_S))
    with running_system(tmp_path_factory.mktemp("system"), *waits) as running:
        yield running


async def boot(station: RawStation, subprotocol: str) -> None:
    assert (await station.call("BootNotification", BOOTS[subprotocol]))["status"] == "Accepted"


async def behaves(station: RawStation, subprotocol: str, how: str, delay_ms: int) -> None:
    """Says its first word, and boots or not. Every step comes after the delay."""
    pause_s, asked = delay_ms / 1000, asyncio.Event()

    def answer(request: Payload) -> Payload:
        assert request == {"requestedMessage": "BootNotification"}
        asked.set()
        return {"status": "Rejected" if how.startswith("refuses") else "Accepted"}

    station.answers("TriggerMessage", answer)
    await asyncio.sleep(pause_s)  # of the network, before the first word
    await station.call("Heartbeat", {})
    if how == "boots when asked":
        await asyncio.wait_for(asked.wait(), 10)
    await asyncio.sleep(pause_s)  # of the station, before its boot
    if how.startswith("boots"):
        await boot(station, subprotocol)
    elif how == "talks on":
        await station.call("Heartbeat", {})


async def starts(system: System, subprotocol: str, how: str, delay_ms: int) -> int:
    """The outcome of a start that waits for the station while it connects without a boot."""
    identity = f"{how.replace(' ', '-')}-{subprotocol}-{delay_ms}"
    async with connected_station(system.ocpp_url, identity, subprotocol) as station:
        answered, asked = accepts_starts(station, subprotocol)
        starting = calling(lambda: start(system, identity))
        await behaves(station, subprotocol, how, delay_ms)
        await asyncio.wait_for(answered.wait(), 30)
        session = FieldSession(subprotocol, identity, asked[0].get("remoteStartId"))
        await session.begins(station)
        return (await starting).outcome.code


@pytest.mark.parametrize("subprotocol", VERSIONS)
async def test_a_station_without_a_boot_gets_its_commands_whatever_it_does_instead(
    system: System, subprotocol: str
) -> None:
    cases = [(how, delay_ms) for how in BEHAVIOURS for delay_ms in DELAYS_MS]
    codes = await asyncio.gather(*(starts(system, subprotocol, *case) for case in cases))
    succeeded = command_pb.Outcome.CODE_SUCCEEDED
    assert dict(zip(cases, codes, strict=True)) == dict.fromkeys(cases, succeeded)


async def comes_back(system: System, subprotocol: str, delay_ms: int, *, boots: bool) -> list[str]:
    """A station that booted here before comes back: what it heard, in order, until the start."""
    identity = f"back-{subprotocol}-{delay_ms}-{boots}"
    async with raw_station(system.ocpp_url, identity, subprotocol):
        pass
    heard: list[str] = []
    starting = calling(lambda: start(system, identity))
    async with connected_station(system.ocpp_url, identity, subprotocol) as station:
        answered, asked = accepts_starts(station, subprotocol)
        answered_start = asyncio.create_task(answered.wait())
        answered_start.add_done_callback(lambda _: heard.append("start"))
        await asyncio.sleep(delay_ms / 1000)  # of the network, before the first word
        if boots:
            await boot(station, subprotocol)
            heard.append("boot")
        await asyncio.wait_for(answered_start, 30)
        session = FieldSession(subprotocol, identity, asked[0].get("remoteStartId"))
        await session.begins(station)
        assert (await starting).outcome.code == command_pb.Outcome.CODE_SUCCEEDED
    return heard


async def test_a_station_that_comes_back_boots_first_or_is_ready_after_a_moment(
    system: System,
) -> None:
    cases = [(version, delay_ms) for version in VERSIONS for delay_ms in DELAYS_MS]
    booting = (comes_back(system, *case, boots=True) for case in cases)
    silent = (comes_back(system, version, 0, boots=False) for version in VERSIONS)
    told = await asyncio.gather(*booting, *silent)
    assert told == [["boot", "start"]] * len(cases) + [["start"]] * len(VERSIONS)
