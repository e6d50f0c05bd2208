"""While the database stands still, no CALL of the back end waits for what ours has to record."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from domain.model.command import State
from tests.support.benches.gateway_bench import Bench, waiting_at
from tests.support.relay.back_end import BackEnd
from tests.support.stations.scripted_station import ScriptedStation, connected, eventually

AT_ONCE_S = 0.5
"""Less than a pause of any retry; what the bar of 50 ms leaves for a busy machine."""
CALL = '[2,"theirs","ChangeAvailability",{"connectorId":0,"type":"Operative"}]'


@pytest.fixture
async def relay(bench: Bench, back_end: BackEnd) -> Bench:
    """The gateway, which relays every station to the back end and sends commands."""
    await bench.restart(upstream_url=back_end.url, upstream_mode="command")
    return bench


@pytest.fixture
async def station(relay: Bench) -> AsyncIterator[ScriptedStation]:
    """A relayed station that takes commands."""
    async with connected(relay.url("S1")) as scripted:
        await scripted.boot()
        held = relay.gateway.registry.get("S1")
        assert held is not None
        await held.wait_booted(asyncio.get_running_loop().time() + 5)
        await held.caught_up()  # type: ignore[attr-defined]
        yield scripted


@contextmanager
def standing(tmp_path: Path) -> Iterator[None]:
    """Nobody can write, as if the database stood still."""
    with closing(sqlite3.connect(tmp_path / "fleet.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def their_call(station: ScriptedStation, back_end: BackEnd) -> None:
    """The back end asks, and the station is asked at once."""
    await back_end.say(CALL)
    async with asyncio.timeout(AT_ONCE_S):
        await station.accept("ChangeAvailability")


async def test_a_call_of_the_back_end_does_not_wait_until_our_answer_is_recorded(
    relay: Bench, back_end: BackEnd, station: ScriptedStation, tmp_path: Path
) -> None:
    request = await relay.start_request()
    sending = relay.sending(request)
    ours, _ = await station.called("RemoteStartTransaction")
    with standing(tmp_path):
        await station.answer(ours, {"status": "Accepted"})
        await their_call(station, back_end)
        assert not sending.done()
    assert (await sending).status == "ANSWERED"
    assert (await relay.command(request)).station_answer is not None


async def test_a_call_of_the_back_end_does_not_wait_for_a_command_that_cannot_be_recorded(
    relay: Bench, back_end: BackEnd, station: ScriptedStation, tmp_path: Path
) -> None:
    request = await relay.start_request()
    with standing(tmp_path):
        sending = relay.sending(request)
        await eventually(lambda: waiting_at(relay, "S1") == 1)
        await their_call(station, back_end)
        assert station.calls.empty()
    await station.accept("RemoteStartTransaction")
    assert (await sending).status == "ANSWERED"


async def test_a_command_that_was_overtaken_goes_out_when_the_back_end_has_its_answer(
    relay: Bench, back_end: BackEnd, station: ScriptedStation, tmp_path: Path
) -> None:
    request = await relay.start_request()
    with standing(tmp_path):
        sending = relay.sending(request)
        await eventually(lambda: waiting_at(relay, "S1") == 1)
        await back_end.say(CALL)
        theirs, _ = await station.called("ChangeAvailability")
    await station.call("Heartbeat", {})
    await relay.command(request)
    assert station.calls.empty()
    assert (await relay.command(request)).state is State.QUEUED
    await station.answer(theirs, {"status": "Accepted"})
    await station.accept("RemoteStartTransaction")
    assert (await sending).status == "ANSWERED"


async def test_a_command_that_was_overtaken_until_its_deadline_was_never_sent(
    relay: Bench, back_end: BackEnd, station: ScriptedStation, tmp_path: Path
) -> None:
    request = await relay.start_request(within_s=1.0)
    with standing(tmp_path):
        sending = relay.sending(request)
        await eventually(lambda: waiting_at(relay, "S1") == 1)
        await back_end.say(CALL)
        await station.called("ChangeAvailability")
    result = await sending
    assert (result.status, result.cause) == ("NOT_SENT", "NOT_AFTER_PASSED")
    assert station.calls.empty()
    assert await relay.sends(request) == []


async def test_a_silent_station_holds_the_back_end_no_longer_while_the_database_stands_still(
    relay: Bench, back_end: BackEnd, tmp_path: Path
) -> None:
    await relay.restart(upstream_hold_s=0.2)
    async with connected(relay.url("S1")) as station:
        await station.boot()
        held = relay.gateway.registry.get("S1")
        assert held is not None
        await held.wait_booted(asyncio.get_running_loop().time() + 5)
        sending = relay.sending(await relay.start_request())
        await station.called("RemoteStartTransaction")
        with standing(tmp_path):
            await back_end.say(CALL)
            async with asyncio.timeout(0.2 + AT_ONCE_S):
                await station.accept("ChangeAvailability")
            assert not sending.done()
        assert ((await sending).status, (await sending).cause) == ("NO_ANSWER", "ANSWER_TIMEOUT")


async def test_the_next_command_of_ours_is_recorded_after_the_answer_to_the_one_before(
    relay: Bench, station: ScriptedStation, tmp_path: Path
) -> None:
    first = await relay.start_request(tag="TAG1")
    second = await relay.start_request(tag="TAG2")
    sending = relay.sending(first)
    ours, _ = await station.called("RemoteStartTransaction")
    following = relay.sending(second)
    await eventually(lambda: waiting_at(relay, "S1") == 2)
    with standing(tmp_path):
        await station.answer(ours, {"status": "Accepted"})
        await eventually(lambda: waiting_at(relay, "S1") == 1)
    await station.accept("RemoteStartTransaction")
    assert [(await each).status for each in (sending, following)] == ["ANSWERED"] * 2
    (before,), (after,) = await relay.sends(first), await relay.sends(second)
    assert before.answer_time is not None
    assert before.answer_time <= after.send_time


async def test_a_drain_waits_until_the_answer_is_recorded(
    relay: Bench, station: ScriptedStation, tmp_path: Path
) -> None:
    request = await relay.start_request()
    sending = relay.sending(request)
    ours, _ = await station.called("RemoteStartTransaction")
    with standing(tmp_path):
        await station.answer(ours, {"status": "Accepted"})
        await eventually(lambda: waiting_at(relay, "S1") == 0)
        draining = asyncio.create_task(relay.gateway.drain())
        await eventually(lambda: not relay.gateway.ready)
        held = relay.gateway.registry.get("S1")
        assert held is not None and not held.ended and not held.idle
    assert (await sending).status == "ANSWERED"
    await draining
