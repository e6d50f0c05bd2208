"""A station that talks has booted; one that we hold gets no commands."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from contract.commands import SendStatus
from fleet import stations
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.stations import Station
from tests.support.benches.gateway_bench import PASSWORD, Bench
from tests.support.stations.scripted_station import BOOTS, ScriptedStation, connected, found

ALL = ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"]
START = {"ocpp1.6": "RemoteStartTransaction"}
every = pytest.mark.parametrize("subprotocol", ALL)


@pytest.fixture
async def bench(bench: Bench) -> Bench:
    """Quick about boots: a grace of 0.3 s, asked after 0.2 s, taken after 0.5 s of talk."""
    await bench.restart(boot_grace_s=0.3, boot_ask_s=0.2, boot_talk_s=0.5)
    return bench


async def known(bench: Bench, id: str = "S1") -> Station:
    async with bench.db.read() as tx:
        station = await stations.get(tx, id)
    assert station is not None
    return station


async def start_arrives(bench: Bench, station: ScriptedStation, subprotocol: str) -> None:
    sending = bench.sending(await bench.start_request())
    await station.accept(START.get(subprotocol, "RequestStartTransaction"))
    assert (await sending).status is SendStatus.ANSWERED


def order(station: ScriptedStation) -> list[str]:
    """What came in: the action of a CALL, "answer" for an answer."""
    return [frame[2] if frame[0] == 2 else "answer" for frame in station.frames]


@every
async def test_a_silent_station_that_never_booted_here_is_asked_to(
    bench: Bench, subprotocol: str
) -> None:
    async with bench.station(subprotocol=subprotocol, boot=False) as station:
        sending = bench.sending(await bench.start_request())
        asked = await station.accept("TriggerMessage")
        assert asked == {"requestedMessage": "BootNotification"}
        assert (await station.boot())["status"] == "Accepted"
        await station.accept(START.get(subprotocol, "RequestStartTransaction"))
        assert (await sending).status is SendStatus.ANSWERED
    assert order(station)[:2] == ["TriggerMessage", "answer"]
    boot = await known(bench)
    assert (boot.boot_state, boot.boot_reason) == (
        "ACCEPTED",
        "Triggered" if subprotocol == "ocpp1.6" else "PowerUp",
    )


@every
async def test_a_station_that_talks_without_a_boot_is_asked_at_once(
    bench: Bench, subprotocol: str
) -> None:
    await bench.restart(boot_ask_s=600.0)
    async with bench.station(subprotocol=subprotocol, boot=False) as station:
        await station.call("Heartbeat", {})
        await station.accept("TriggerMessage")
        await station.boot()
        await start_arrives(bench, station, subprotocol)


@every
@pytest.mark.parametrize("refusal", ["Rejected", "NotImplemented", "CALLERROR"])
async def test_a_station_that_refuses_to_be_asked_is_taken_as_booted(
    bench: Bench, subprotocol: str, refusal: str
) -> None:
    await bench.restart(boot_talk_s=600.0)
    async with bench.station(subprotocol=subprotocol, boot=False) as station:
        message_id, _ = await station.called("TriggerMessage")
        if refusal == "CALLERROR":
            await station.send([4, message_id, "NotSupported", "", {}])
        else:
            await station.answer(message_id, {"status": refusal})
        await start_arrives(bench, station, subprotocol)
    taken = await known(bench)
    assert (taken.boot_state, taken.boot_time, taken.boot_reason) == ("ACCEPTED", None, "")
    assert taken.ocpp_version == subprotocol.removeprefix("ocpp")


@pytest.mark.parametrize("agrees", [True, False])
async def test_a_station_that_talks_on_without_a_boot_is_taken_as_booted(
    bench: Bench, agrees: bool
) -> None:
    async with bench.station(boot=False) as station:
        sending = bench.sending(await bench.start_request())
        message_id, _ = await station.called("TriggerMessage")
        if agrees:
            await station.answer(message_id, {"status": "Accepted"})
        else:  # it never answers, and the question is given up
            await station.call("Heartbeat", {})
            await station.send([4, message_id, "GenericError", "", {}])
        await station.accept("RemoteStartTransaction")
        assert (await sending).status is SendStatus.ANSWERED


async def test_a_station_that_never_answers_anything_gets_no_command(bench: Bench) -> None:
    async with bench.station(boot=False) as station:
        request = await bench.start_request(within_s=1.0)
        result = await bench.sending(request)
        assert (result.status, result.cause) == (SendStatus.NOT_SENT, "BOOT_NOT_ACCEPTED")
    assert order(station) == ["TriggerMessage"]


async def test_taking_a_station_as_booted_wakes_the_commands_that_wait_for_it(
    bench: Bench,
) -> None:
    await bench.register("S1")
    request = await bench.start_request()
    async with bench.station(boot=False) as station:
        message_id, _ = await station.called("TriggerMessage")
        before = sum(wakeup.told for wakeup in await bench.wakeups())
        await station.answer(message_id, {"status": "Rejected"})

        async def woken() -> bool:
            return sum(wakeup.told for wakeup in await bench.wakeups()) > before

        await found(woken)
    assert {wakeup.workflow_id for wakeup in await bench.wakeups()} == {request.workflow_id}


async def test_without_a_database_a_station_is_taken_as_booted_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.restart(retry_pause_s=0.05)
    async with bench.station(boot=False) as station:
        message_id, _ = await station.called("TriggerMessage")
        working, tried = bench.db.batch, asyncio.Event()

        async def down(op: Callable[..., Awaitable[object]]) -> None:
            tried.set()
            raise DatabaseUnavailable("down")

        monkeypatch.setattr(bench.db, "batch", down)
        await station.answer(message_id, {"status": "Rejected"})
        await tried.wait()
        monkeypatch.setattr(bench.db, "batch", working)
        await start_arrives(bench, station, "ocpp1.6")


@every
@pytest.mark.parametrize("first", ["boot", "heartbeat", "nothing"])
async def test_a_station_that_booted_here_before_is_ready_when_it_talks_or_after_a_moment(
    bench: Bench, subprotocol: str, first: str
) -> None:
    async with bench.station(subprotocol=subprotocol):
        pass
    async with bench.station(subprotocol=subprotocol, boot=False) as station:
        sending = bench.sending(await bench.start_request())
        if first == "boot":
            await station.boot()
        elif first == "heartbeat":
            await station.call("Heartbeat", {})
        await station.accept(START.get(subprotocol, "RequestStartTransaction"))
        assert (await sending).status is SendStatus.ANSWERED
    answers = [] if first == "nothing" else ["answer"]
    assert order(station)[: len(answers)] == answers
    assert "TriggerMessage" not in order(station)


async def test_a_second_boot_on_one_socket_holds_commands_until_it_is_answered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench.station() as station:
        working, begun, go_on = bench.db.batch, asyncio.Event(), asyncio.Event()

        async def slow(op: Callable[..., Awaitable[object]]) -> object:
            begun.set()
            await go_on.wait()
            return await working(op)

        request = await bench.start_request()
        monkeypatch.setattr(bench.db, "batch", slow)
        answer = await station.begin("BootNotification", BOOTS["ocpp1.6"])
        await begun.wait()
        monkeypatch.setattr(bench.db, "batch", working)
        sending = bench.sending(request)
        await asyncio.sleep(0.1)  # the command could have gone out meanwhile
        assert station.calls.empty()
        go_on.set()
        await station.accept("RemoteStartTransaction")
        assert (await sending).status is SendStatus.ANSWERED and answer.done()
    assert order(station)[-2:] == ["answer", "RemoteStartTransaction"]


async def test_a_boot_of_its_own_after_the_one_that_was_asked_for_is_a_boot(bench: Bench) -> None:
    async with bench.station(boot=False) as station:
        await station.accept("TriggerMessage")
        await station.boot()
        assert (await known(bench)).boot_reason == "Triggered"
        await station.boot()
        assert (await known(bench)).boot_reason == ""


async def test_a_boot_that_we_asked_for_is_none_also_after_one_that_crossed_the_question(
    bench: Bench,
) -> None:
    await bench.restart(boot_talk_s=600.0)
    async with bench.station(boot=False) as station:
        message_id, _ = await station.called("TriggerMessage")
        await station.boot()
        own = await known(bench)
        await station.answer(message_id, {"status": "Accepted"})
        await start_arrives(bench, station, "ocpp1.6")
        await station.boot()
        assert await known(bench) == own
        await station.boot()
        assert (await known(bench)).boot_time != own.boot_time
    assert own.boot_reason == ""


@pytest.mark.parametrize("answer", ["PENDING", "REJECTED"])
async def test_a_station_that_nobody_registered_can_be_held(bench: Bench, answer: str) -> None:
    await bench.restart(open=True, unregistered_boot=answer, boot_retry_s=7)
    async with connected(bench.url("NEW")) as station:
        boot = await station.boot()
        assert (boot["status"], boot["interval"]) == (answer.capitalize(), 7)
        assert (await known(bench, "NEW")).boot_state == answer
        await station.call("Heartbeat", {})
        request = await bench.start_request("NEW", within_s=0.7)
        result = await bench.sending(request)
        assert (result.status, result.cause) == (SendStatus.NOT_SENT, "BOOT_NOT_ACCEPTED")
        await bench.register("NEW")
        await station.begin("BootNotification", BOOTS["ocpp1.6"])
        assert await station.closed() == 1008  # it never showed the password that it has now
    async with connected(bench.url("NEW"), PASSWORD) as station:
        sending = bench.sending(await bench.start_request("NEW"))
        boot = await station.boot()
        assert (boot["status"], boot["interval"]) == ("Accepted", 300)
        await station.accept("RemoteStartTransaction")
        assert (await sending).status is SendStatus.ANSWERED


async def test_a_held_station_that_refuses_to_be_asked_is_not_taken_as_booted(
    bench: Bench,
) -> None:
    await bench.restart(open=True, unregistered_boot="PENDING")
    async with connected(bench.url("NEW")) as station:
        message_id, _ = await station.called("TriggerMessage")
        await station.answer(message_id, {"status": "Rejected"})
        result = await bench.sending(await bench.start_request("NEW", within_s=0.7))
        assert (result.status, result.cause) == (SendStatus.NOT_SENT, "BOOT_NOT_ACCEPTED")
