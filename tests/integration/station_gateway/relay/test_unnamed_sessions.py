"""A 1.6 session to which the back end has given no id: a stop of it waits, and guesses none."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from contract.commands import SendFrameInput
from domain.ocpp_words import NO_TRANSACTION_ID
from fleet.transactions.rows import Transaction
from tests.support.benches.gateway_bench import Bench
from tests.support.relay.back_end import BackEnd
from tests.support.stations.scripted_station import ScriptedStation, connected, eventually, found

START: dict[str, Any] = {
    "connectorId": 1,
    "idTag": "TAG1",
    "meterStart": 5,
    "timestamp": "2026-01-01T00:00:00Z",
}
NO_ID = {"transactionId": 0, "idTagInfo": {"status": "Accepted"}}


@pytest.fixture
async def relay(bench: Bench, back_end: BackEnd) -> Bench:
    """The gateway, which relays every station to a back end that gives no ids."""
    back_end.answers["StartTransaction"] = NO_ID
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
        yield scripted


async def begun(relay: Bench, station: ScriptedStation, **told: Any) -> Transaction:
    """A session that began just now, as it is recorded."""
    known = {each.name for each in await relay.transactions()}
    await station.call("StartTransaction", START | told)

    async def new() -> Transaction | None:
        return next((t for t in await relay.transactions() if t.name not in known), None)

    return await found(new)


async def stop_of(relay: Bench, session: Transaction | None) -> SendFrameInput:
    """A stop of a session that had no id when it was asked for; None: of the id -1."""
    request = await relay.stop_request(wire_id=NO_TRANSACTION_ID)
    assert request.stop is not None
    name = session.name if session else None
    return replace(request, stop=replace(request.stop, found_transaction=name))


async def named(relay: Bench, session: Transaction) -> bool:
    """Whether the session has its id by now."""
    (now,) = [each for each in await relay.transactions() if each.name == session.name]
    return now.ocpp_transaction_id == "4711"


async def give_id(
    relay: Bench, back_end: BackEnd, station: ScriptedStation, session: Transaction, **told: Any
) -> None:
    """The station tells the start once more, and the back end gives the session its id."""
    back_end.answers["StartTransaction"] = NO_ID | {"transactionId": 4711}
    await station.call("StartTransaction", START | told)
    await found(lambda: named(relay, session))


async def test_a_stop_names_the_id_that_the_session_has_when_it_is_written(
    relay: Bench, back_end: BackEnd, station: ScriptedStation
) -> None:
    session = await begun(relay, station)
    early = await relay.sending(await stop_of(relay, session))
    assert (early.status, early.cause, early.retry) == ("NOT_SENT", "SESSION_WITHOUT_ID", True)
    await give_id(relay, back_end, station, session)
    request = await stop_of(relay, session)
    sending = relay.sending(request)
    assert await station.accept("RemoteStopTransaction") == {"transactionId": 4711}
    assert (await sending).status == "ANSWERED"
    assert [row.named_id for row in await relay.sends(request)] == ["4711"]


async def test_of_two_sessions_without_an_id_each_one_gets_its_own(
    relay: Bench, back_end: BackEnd, station: ScriptedStation
) -> None:
    first = await begun(relay, station)
    second = await begun(relay, station, connectorId=2)
    await give_id(relay, back_end, station, first)
    sending = relay.sending(await stop_of(relay, first))
    assert await station.accept("RemoteStopTransaction") == {"transactionId": 4711}
    await sending
    assert (await relay.sending(await stop_of(relay, second))).cause == "SESSION_WITHOUT_ID"


async def test_a_session_without_an_id_runs_on_when_another_one_begins_without_an_id(
    relay: Bench, station: ScriptedStation
) -> None:
    """The station gave neither of them an id, and so none to another one."""
    first = await begun(relay, station)
    await begun(relay, station, connectorId=2)
    assert {each.state for each in await relay.transactions()} == {"ACTIVE"}
    assert first.name in {each.name for each in await relay.transactions()}


async def test_a_stop_of_a_session_whose_id_was_given_again_is_not_sent(
    relay: Bench, back_end: BackEnd, station: ScriptedStation
) -> None:
    """The station would end the other one."""
    back_end.answers["StartTransaction"] = NO_ID | {"transactionId": 4711}
    first = await begun(relay, station)
    request = await relay.stop_request(wire_id="4711")
    assert request.stop is not None
    await begun(relay, station, connectorId=2)
    stop = replace(request.stop, found_transaction=first.name)
    result = await relay.sending(replace(request, stop=stop))
    assert station.calls.empty()
    assert (result.status, result.cause, result.retry) == ("NOT_SENT", "SESSION_WITHOUT_ID", False)


async def test_the_report_that_gives_the_id_wakes_the_commands_that_wait_and_no_later_one_does(
    relay: Bench, back_end: BackEnd, station: ScriptedStation
) -> None:
    session = await begun(relay, station)
    request = await stop_of(relay, session)
    await give_id(relay, back_end, station, session)
    woken = [each.workflow_id for each in await relay.wakeups()]
    assert woken == [request.workflow_id]
    kicks = relay.waker.kicks
    await station.call("StartTransaction", START)
    await station.call("Heartbeat", {})
    held = relay.gateway.registry.get("S1")
    await held.caught_up()  # type: ignore[union-attr]
    assert relay.waker.kicks == kicks


async def test_an_end_without_an_id_waits_for_the_start_that_may_be_its_own(
    relay: Bench, back_end: BackEnd
) -> None:
    for action in ("StartTransaction", "StopTransaction"):
        back_end.answers.pop(action, None)
    await relay.restart(relay_answer_s=0.3)
    stop = {"transactionId": -1, "idTag": "TAG1", "meterStop": 9}
    async with connected(relay.url("S1")) as scripted:
        await scripted.begin("StartTransaction", START)
        await scripted.begin("StopTransaction", stop | {"timestamp": "2026-01-01T01:00:00Z"})

        async def over() -> bool:
            return [each.state for each in await relay.transactions()] == ["ENDED"]

        await found(over)


async def test_a_stop_of_the_id_minus_1_is_no_session_of_a_back_end(
    relay: Bench, station: ScriptedStation
) -> None:
    result = await relay.sending(await stop_of(relay, None))
    assert station.calls.empty()
    assert (result.status, result.cause, result.retry) == ("NOT_SENT", "SESSION_WITHOUT_ID", False)


async def test_without_a_back_end_a_station_may_mean_its_session_by_minus_1(bench: Bench) -> None:
    async with bench.station("S1") as station:
        sending = bench.sending(await stop_of(bench, None))
        assert await station.accept("RemoteStopTransaction") == {"transactionId": -1}
        assert (await sending).status == "ANSWERED"


# --- an answer that comes later than it is awaited


@pytest.fixture
async def forgotten(relay: Bench, back_end: BackEnd) -> AsyncIterator[ScriptedStation]:
    """A station whose start "late" the back end has not answered, nor the gateway awaited."""
    del back_end.answers["StartTransaction"]
    await relay.restart(relay_answer_s=0.05)
    async with connected(relay.url("S1")) as scripted:
        await scripted.begin("StartTransaction", START, message_id="late")
        await found(lambda: known_as(relay, NO_TRANSACTION_ID))
        yield scripted


async def known_as(relay: Bench, id: str) -> Transaction | None:
    """The one session, once it has this id."""
    return next((t for t in await relay.transactions() if t.ocpp_transaction_id == id), None)


def late(id: int, status: str = "Accepted") -> str:
    """The answer of the back end to the start "late"."""
    return json.dumps([3, "late", {"transactionId": id, "idTagInfo": {"status": status}}])


async def test_an_answer_that_comes_late_names_its_session_and_is_passed_on(
    relay: Bench, back_end: BackEnd, forgotten: ScriptedStation
) -> None:
    await back_end.say(late(4711))
    await found(lambda: known_as(relay, "4711"))
    await eventually(lambda: late(4711) in map(json.dumps, forgotten.frames))
    assert len(await relay.transactions()) == 1


async def test_a_late_answer_judges_no_token_for_the_station_may_wait_for_it_no_longer(
    relay: Bench, back_end: BackEnd, forgotten: ScriptedStation
) -> None:
    before = await known_as(relay, NO_TRANSACTION_ID)
    await back_end.say(late(4711, "Invalid"))
    named = await found(lambda: known_as(relay, "4711"))
    assert before is not None
    assert named.authorized == before.authorized


async def test_a_late_answer_leaves_the_id_that_the_station_was_given_meanwhile(
    relay: Bench, back_end: BackEnd, forgotten: ScriptedStation
) -> None:
    back_end.answers["StartTransaction"] = NO_ID | {"transactionId": 4711}
    await forgotten.call("StartTransaction", START)
    await found(lambda: known_as(relay, "4711"))
    await back_end.say(late(12))
    await forgotten.call("Heartbeat", {})
    held = relay.gateway.registry.get("S1")
    await held.caught_up()  # type: ignore[union-attr]
    assert await known_as(relay, "4711")
