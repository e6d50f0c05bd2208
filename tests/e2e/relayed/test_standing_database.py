"""A database that stands still: frames pass, and what is not recorded is never denied."""

import asyncio
import time
import uuid

import pytest

from tests.e2e.relayed.conftest import CABLE_S, MARGIN_S, Relayed
from tests.support.client import Client, Command, OfflinePolicy, WaitFor, code_of
from tests.support.relay.telling_station import STARTS, TOKEN, TellingStation
from tests.support.stations.scripted_station import ScriptedStation, connected

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SLOWER_S = 0.05
STATIONS = 8
EXCHANGES = 20
METER = {"connectorId": 1, "meterValue": [{"timestamp": "2026-01-01T00:00:00Z"}]}


async def accepted(relayed: Relayed, client: Client) -> tuple[TellingStation, Command]:
    """A station that has accepted our start, and has not begun."""
    station = TellingStation(f"CP-{uuid.uuid4().hex[:8]}", relayed.fleet.ocpp_url, "1.6")
    await station.tell("boot")
    await client.station_is_ready(station.id)
    command = await client.start(
        station.id,
        wait_for=WaitFor.WAIT_FOR_SUBMITTED,
        offline_policy=OfflinePolicy.OFFLINE_POLICY_WAIT,
        token=TOKEN,
    )
    call = await station.next_call()
    assert call[2] == STARTS["1.6"]
    await station.answer(call, {"status": "Accepted"})
    await client.answered(command.name)
    return station, command


async def took_s(station: ScriptedStation) -> float:
    """How long it takes from a report to its answer."""
    begin_s = time.perf_counter()
    await station.call("MeterValues", METER)
    return time.perf_counter() - begin_s


async def slower_s(through_us: ScriptedStation, straight: ScriptedStation, until_s: float) -> float:
    """By how much the slowest exchange through us is slower than the slowest one without us.

    Both take turns, in rounds. The best round counts: other work makes some of them slow, but a
    gateway that waits for its database makes all of them slow.
    """
    best = float("inf")
    while time.monotonic() < until_s:
        pairs = [(await took_s(through_us), await took_s(straight)) for _ in range(EXCHANGES)]
        best = min(best, max(ours for ours, _ in pairs) - max(bare for _, bare in pairs))
    return best


async def test_while_the_database_stands_still_frames_pass_and_no_session_is_denied(
    relayed: Relayed, client: Client
) -> None:
    name = uuid.uuid4().hex[:8]
    async with (
        connected(f"{relayed.fleet.ocpp_url}/OURS-{name}") as ours,
        connected(f"{relayed.csms.url}/BARE-{name}") as bare,
    ):
        await ours.boot()
        begun = await asyncio.gather(*(accepted(relayed, client) for _ in range(STATIONS)))
        judged_s = time.monotonic() + CABLE_S + MARGIN_S
        relayed.to_database.hang()
        try:
            await asyncio.gather(*(station.tell("start") for station, _ in begun))
            slower = await slower_s(ours, bare, judged_s)
        finally:
            relayed.to_database.mend()
    assert slower <= SLOWER_S
    await none_is_denied(client, begun)


async def none_is_denied(client: Client, begun: list[tuple[TellingStation, Command]]) -> None:
    """No outcome says that nothing happened."""
    for station, command in begun:
        ended = await client.done(command.name)
        assert code_of(ended) in {"SUCCEEDED", "UNKNOWN"}, ended
        await station.leave()


async def test_what_a_killed_gateway_had_not_recorded_is_never_denied(
    relayed: Relayed, client: Client
) -> None:
    begun = await asyncio.gather(*(accepted(relayed, client) for _ in range(STATIONS)))
    relayed.to_database.hang()
    try:
        await asyncio.gather(*(station.tell("start") for station, _ in begun))
        await relayed.fleet.crash("gateway")
    finally:
        relayed.to_database.mend()
        await relayed.fleet.recover("gateway")
    await asyncio.gather(*(station.come_back() for station, _ in begun))
    await none_is_denied(client, begun)
