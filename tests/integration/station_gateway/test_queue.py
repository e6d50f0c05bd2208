"""Commands wait in the queue of one station: in order of priority, visible, and not for ever."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from contract.commands import SendStatus
from domain.model.command import State
from domain.reservations.reservation import ReservationState
from station_gateway.commands.questions import put_question
from station_gateway.session.queue import Priority
from tests.support.benches.gateway_bench import Bench, now, quick_start, waiting_at
from tests.support.stations.scripted_station import eventually


async def test_behind_a_silent_station_the_next_command_waits_in_the_queue_and_says_so(
    bench: Bench,
) -> None:
    async with bench.station("S1") as silent, bench.station("S2") as other:
        first = bench.sending(await bench.start_request("S1"))
        await silent.called("RemoteStartTransaction")
        second = await bench.start_request("S1", within_s=0.5)
        waiting = bench.sending(second)
        assert await quick_start(bench, other, "S2") < 0.5
        result = await waiting
        first.cancel()
    assert (result.status, result.cause, result.retry) == (
        SendStatus.NOT_SENT,
        "NOT_AFTER_PASSED",
        False,
    )
    said = [command.progress for command in await bench.history(second)]
    assert "Waiting in line behind 1 command for S1." in said
    assert await bench.sends(second) == []


async def test_a_command_that_does_not_wait_says_nothing_about_a_queue(bench: Bench) -> None:
    async with bench.station("S1") as station:
        request = await bench.start_request("S1")
        sending = bench.sending(request)
        await station.accept("RemoteStartTransaction")
        await sending
    assert [command.state for command in await bench.history(request)] == [
        State.QUEUED,
        State.SENT,
        State.AWAITING_EFFECT,
    ]


async def test_a_stop_goes_before_a_start_that_came_earlier(bench: Bench) -> None:
    async with bench.station("S1") as station:
        first = bench.sending(await bench.start_request("S1"))
        message_id, _ = await station.called("RemoteStartTransaction")
        start = bench.sending(await bench.start_request("S1"))
        await eventually(lambda: waiting_at(bench, "S1") == 2)
        stop = bench.sending(await bench.stop_request("S1", wire_id="7"))
        await eventually(lambda: waiting_at(bench, "S1") == 3)
        await station.answer(message_id, {"status": "Accepted"})
        assert await station.accept("RemoteStopTransaction") == {"transactionId": 7}
        await station.accept("RemoteStartTransaction")
        await asyncio.gather(first, start, stop)


@pytest.mark.parametrize("state", [ReservationState.USED, ReservationState.CANCELLED])
async def test_a_hold_whose_reservation_ended_while_it_was_in_line_is_not_written(
    bench: Bench, state: ReservationState
) -> None:
    await bench.reserved("S1", state=state)
    async with bench.station("S1") as station:
        first = bench.sending(await bench.start_request("S1"))
        message_id, _ = await station.called("RemoteStartTransaction")
        again = replace(
            await bench.request(bench.reserve_spec()), command="reservation-7", undo=True
        )
        waiting = bench.sending(again)
        await eventually(lambda: waiting_at(bench, "S1") == 2)
        await station.answer(message_id, {"status": "Accepted"})
        await first
        result = await waiting
        assert station.calls.empty()
    assert (result.status, result.cause) == (SendStatus.NOT_SENT, "NOT_AFTER_PASSED")
    assert await bench.sends(again) == []


async def test_a_hold_whose_end_has_passed_is_not_written(bench: Bench) -> None:
    async with bench.station("S1") as station:
        spec = replace(bench.reserve_spec(), expire_time=now() - timedelta(seconds=1))
        result = await bench.sending(await bench.request(spec))
        assert station.calls.empty()
    assert (result.status, result.cause) == (SendStatus.NOT_SENT, "NOT_AFTER_PASSED")


async def test_a_hold_waits_in_line_no_longer_than_until_its_end(bench: Bench) -> None:
    async with bench.station("S1") as station:
        first = bench.sending(await bench.start_request("S1"))
        message_id, _ = await station.called("RemoteStartTransaction")
        soon = replace(bench.reserve_spec(), expire_time=now() + timedelta(seconds=0.5))
        request = await bench.request(soon)
        async with asyncio.timeout(3):  # the frame before it is still out
            result = await bench.sending(request)
        assert (result.status, result.cause) == (SendStatus.NOT_SENT, "NOT_AFTER_PASSED")
        assert not first.done()
        await station.answer(message_id, {"status": "Accepted"})
        await first


async def test_when_the_queue_is_full_a_command_is_not_sent(bench: Bench) -> None:
    await bench.restart(command_queue=2)
    async with bench.station("S1") as station:
        sent = [bench.sending(await bench.start_request("S1")) for _ in range(2)]
        await eventually(lambda: waiting_at(bench, "S1") == 2)
        result = await bench.sending(await bench.start_request("S1"))
        for sending in sent:
            await station.accept("RemoteStartTransaction")
            await sending
    assert (result.status, result.cause, result.retry) == (
        SendStatus.NOT_SENT,
        "STATION_QUEUE_FULL",
        False,
    )


async def test_a_stop_is_sent_although_the_queue_is_full(bench: Bench) -> None:
    """The person in front of the station is served; the last start that waits gives way."""
    await bench.restart(command_queue=4)
    async with bench.station("S1") as station:
        first = bench.sending(await bench.start_request("S1"))
        message_id, _ = await station.called("RemoteStartTransaction")
        starts = [bench.sending(await bench.start_request("S1")) for _ in range(3)]
        await eventually(lambda: waiting_at(bench, "S1") == 4)
        stop = bench.sending(await bench.stop_request("S1", wire_id="7"))
        ended = {(await done).cause for done in starts[2:]}
        assert ended == {"STATION_QUEUE_FULL"}
        await station.answer(message_id, {"status": "Accepted"})
        assert await station.accept("RemoteStopTransaction") == {"transactionId": 7}
        for _ in starts[:2]:
            await station.accept("RemoteStartTransaction")
        results = await asyncio.gather(first, stop, *starts[:2])
    assert {result.status for result in results} == {SendStatus.ANSWERED}


async def test_a_question_whose_turn_comes_at_its_end_still_holds_it_for_a_moment(
    bench: Bench,
) -> None:
    """Else the next CALL would be out while the station has not had time to answer this one."""
    async with bench.station("S1") as station:
        here = bench.gateway.registry.get("S1")
        assert here is not None
        queue, call = here.queue(), here.dialect.get_connection_timeout()
        assert queue.take_free_turn("another", Priority.NORMAL)
        asking = asyncio.create_task(put_question(here, call, Priority.NORMAL, 0.3))
        await eventually(lambda: waiting_at(bench, "S1") == 2)
        asyncio.get_running_loop().call_later(0.2, queue.leave, "another")
        message_id, _ = await station.called(call[0])
        await asyncio.wait({asking}, timeout=0.5)
        assert waiting_at(bench, "S1") == 1
        await station.answer(message_id, {"configurationKey": []})
        assert await asking == {"configurationKey": []}
