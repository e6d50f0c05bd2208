"""Commands at one station's socket: in time, at most once, and truthfully reported."""

import asyncio
import time
from dataclasses import replace

import pytest

from contract.commands import SendFrameInput, SendFrameResult, SendStatus
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Code, State
from fleet import connections, sends
from fleet.engine.statements import Tx
from station_gateway.dialects.messages import Confirmation, MeterRead
from station_gateway.stations.peer import Peer
from tests.support.benches.gateway_bench import TENANT, Bench, now, quick_start, waiting_at
from tests.support.stations.scripted_station import ScriptedStation, eventually, found


def outcome(result: SendFrameResult) -> tuple[SendStatus, str, bool]:
    return result.status, result.cause, result.retry


@pytest.mark.parametrize("subprotocol", ["ocpp2.0.1", "ocpp2.1"])
async def test_a_start_on_2_x_carries_the_row_of_its_intent_as_remote_start_id(
    bench: Bench, subprotocol: str
) -> None:
    async with bench.station("S1", subprotocol=subprotocol) as station:
        request = await bench.start_request("S1", tag="TAG1")
        sending = bench.sending(request)
        payload = await station.accept("RequestStartTransaction")
        assert (await sending).status is SendStatus.ANSWERED
        [row] = await bench.sends(request)
        assert payload["remoteStartId"] == row.id
        await station.call("TransactionEvent", session_event(row.id))
    [session] = await bench.transactions("S1")
    assert (session.remote_start_id, session.ocpp_transaction_id, session.authorized) == (
        row.id,
        "TX-1",
        True,
    )


def session_event(remote_start_id: int) -> dict[str, object]:
    return {
        "eventType": "Started",
        "timestamp": now().isoformat(),
        "triggerReason": "RemoteStart",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "TX-1", "remoteStartId": remote_start_id},
        "evse": {"id": 1, "connectorId": 1},
        "idToken": {"idToken": "TAG1", "type": "ISO14443"},
    }


async def test_the_intent_is_committed_before_the_frame_is_written(bench: Bench) -> None:
    async with bench.station("S1") as station:
        request = await bench.start_request("S1")
        sending = bench.sending(request)
        message_id, _ = await station.called("RemoteStartTransaction")
        [row] = await bench.sends(request)
        command = await bench.command(request)
        await station.answer(message_id, {"status": "Accepted"})
        await sending
    assert (row.state, row.message_id, command.state) == ("INTENT", message_id, State.SENT)


async def test_reconnect_while_a_call_is_out_means_sent_without_answer_at_once(
    bench: Bench,
) -> None:
    async with bench.station("S1") as old:
        request = await bench.start_request("S1")
        sending = bench.sending(request)
        message_id, _ = await old.called("RemoteStartTransaction")
        old.go_deaf()
        async with bench.station("S1", boot=False) as new:
            result = await asyncio.wait_for(sending, 1)
            assert outcome(result) == (SendStatus.NO_ANSWER, "CONNECTION_LOST_AFTER_SEND", False)
            await old.answer(message_id, {"status": "Rejected"})
            old.hear_again()
            assert await old.closed() == 1008
            [row] = await bench.sends(request)
            assert (row.state, row.answer) == ("LOST", None)
            assert await next_command_works(bench, new)


async def next_command_works(bench: Bench, station: ScriptedStation) -> bool:
    sending = bench.sending(await bench.start_request("S1", tag="NEXT"))
    await station.accept("RemoteStartTransaction")
    return (await sending).status is SendStatus.ANSWERED


@pytest.mark.parametrize("shown", [1, 2])
async def test_a_station_that_has_shown_its_second_connector_alone_has_another_one(
    bench: Bench, shown: int
) -> None:
    """OCPP numbers them from 1: only the first one may be all."""
    status = {"connectorId": shown, "errorCode": "NoError", "status": "Available"}
    async with bench.station("S1") as station:
        await station.call("StatusNotification", status)
        sending = bench.sending(await bench.start_request("S1", evse_id=None))
        asked = await station.accept("RemoteStartTransaction")
        await sending
    assert asked.get("connectorId") == (1 if shown == 1 else None)


async def test_a_drop_under_a_call_is_known_to_the_command_within_a_second(bench: Bench) -> None:
    async with bench.station("S1") as station:
        request = await bench.start_request("S1")
        sending = bench.sending(request)
        await station.called("RemoteStartTransaction")
        begin = time.monotonic()
        station.drop()
        result = await sending
    assert time.monotonic() - begin < 0.5
    assert outcome(result) == (SendStatus.NO_ANSWER, "CONNECTION_LOST_AFTER_SEND", False)
    command = await bench.command(request)
    assert command.outcome is not None
    assert (command.state, command.outcome.code) == (State.AWAITING_EFFECT, Code.UNKNOWN)


async def test_ten_close_and_reconnects_in_a_row_harm_nobody(bench: Bench) -> None:
    async with bench.station("OTHER") as other:
        for _ in range(10):
            async with bench.station("S1", boot=False) as hasty:
                hasty.drop()
        async with bench.station("S1") as station:
            assert await next_command_works(bench, station)
        assert await other.call("Heartbeat", {})
        assert other.socket.close_code is None


async def test_a_slow_meter_values_handler_delays_the_answer_to_a_start_by_less_than_50_ms(
    bench: Bench,
) -> None:
    release, handlers = asyncio.Event(), bench.gateway.handlers

    async def slow(peer: Peer, call: MeterRead) -> Confirmation:
        await release.wait()
        return await handlers.meter_read(peer, call)

    handlers.replace(MeterRead, slow)
    async with bench.station("S1") as station:
        undisturbed_s = await quickest_start(bench, station, "S1")
        metered = await station.begin("MeterValues", METER_VALUES)
        assert await quickest_start(bench, station, "S1") - undisturbed_s < 0.05
        assert not metered.done()
        release.set()
        assert (await metered)[2] == {}


async def quickest_start(bench: Bench, station: ScriptedStation, name: str) -> float:
    """Of five: what else the machine does is not measured."""
    return min([await quick_start(bench, station, name) for _ in range(5)])


METER_VALUES = {
    "connectorId": 1,
    "meterValue": [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": "1"}]}],
}


async def test_start_transaction_before_the_answer_to_the_start_is_served(bench: Bench) -> None:
    async with bench.station("S1") as station:
        request = await bench.start_request("S1", tag="TAG1")
        sending = bench.sending(request)
        message_id, _ = await station.called("RemoteStartTransaction")
        started = await station.call("StartTransaction", START_TRANSACTION)
        await station.answer(message_id, {"status": "Accepted"})
        assert (await sending).status is SendStatus.ANSWERED
    assert started["idTagInfo"]["status"] == "Accepted"


START_TRANSACTION = {
    "connectorId": 1,
    "idTag": "TAG1",
    "meterStart": 5,
    "timestamp": "2026-01-01T00:00:00Z",
}


async def test_an_answer_after_its_time_is_kept_and_wakes_the_command(bench: Bench) -> None:
    async with bench.station("S1") as station:
        request = await bench.start_request("S1", answer_timeout_s=0.1)
        result = await bench.sending(request)
        message_id, _ = await station.called("RemoteStartTransaction")
        await station.answer(message_id, {"status": "Accepted"})
        await eventually(lambda: bench.waker.kicks == 1)
    assert outcome(result) == (SendStatus.NO_ANSWER, "ANSWER_TIMEOUT", False)
    [row] = await bench.sends(request)
    assert row.state == "ANSWERED"
    assert row.answer is not None
    assert row.answer["status"] == "Accepted"
    assert [wakeup.reason for wakeup in await bench.wakeups()] == ["answer"]


async def test_after_an_answer_that_never_came_the_next_command_works(bench: Bench) -> None:
    async with bench.station("S1") as station:
        await bench.sending(await bench.start_request("S1", answer_timeout_s=0.1))
        await station.called("RemoteStartTransaction")
        assert await next_command_works(bench, station)


@pytest.mark.parametrize("code", ["InternalError", "SecurityError", "NotImplemented"])
async def test_a_call_error_is_an_answer(bench: Bench, code: str) -> None:
    async with bench.station("S1") as station:
        sending = bench.sending(await bench.start_request("S1"))
        message_id, _ = await station.called("RemoteStartTransaction")
        await station.send([4, message_id, code, "no", {}])
        result = await sending
    assert result.status is SendStatus.ANSWERED
    assert result.answer is not None
    assert result.answer.call_error is not None
    assert result.answer.call_error.code == code


@pytest.mark.parametrize("late", [False, True])
async def test_a_token_that_a_station_repeats_in_its_own_words_is_not_kept(
    bench: Bench, late: bool
) -> None:
    async with bench.station("S1") as station:
        request = await bench.start_request("S1", tag="TAG-7788")
        request = replace(request, answer_timeout_s=0.1 if late else 30.0)
        sending = bench.sending(request)
        message_id, _ = await station.called("RemoteStartTransaction")
        if late:
            assert (await sending).cause == "ANSWER_TIMEOUT"
        await station.send([4, message_id, "InternalError", "bad tag tag-7788.", {}])

        async def kept() -> str | None:
            [row] = await bench.sends(request)
            return None if row.answer is None else str(row.answer)

        said = await found(kept)
    assert "7788" in said  # the last four characters are shown everywhere
    assert "tag-7788" not in said
    assert "bad tag ****" in said
    assert "tag-7788" not in str(await sending)


async def test_an_unreadable_answer_is_an_answer_that_nobody_understands(bench: Bench) -> None:
    async with bench.station("S1") as station:
        sending = bench.sending(await bench.start_request("S1"))
        message_id, _ = await station.called("RemoteStartTransaction")
        await station.send([3, message_id, {"status": ["what"]}])
        result = await sending
    assert result.answer is not None
    assert result.answer.verdict is Verdict.UNREADABLE


async def test_a_station_that_is_not_here_is_another_gateways(bench: Bench) -> None:
    result = await bench.sending(await bench.start_request("GONE"))
    assert outcome(result) == (SendStatus.NOT_SENT, "STATION_OFFLINE", True)


async def test_nothing_is_sent_after_the_deadline(bench: Bench) -> None:
    async with bench.station("S1") as station:
        request = await bench.start_request("S1", within_s=-1)
        result = await bench.sending(request)
        assert station.calls.empty()
    assert outcome(result) == (SendStatus.NOT_SENT, "NOT_AFTER_PASSED", False)
    assert await bench.sends(request) == []


async def test_before_the_boot_is_accepted_commands_wait(bench: Bench) -> None:
    async with bench.station("S1", boot=False) as station:
        sending = bench.sending(await bench.start_request("S1"))
        late = await bench.sending(await bench.start_request("S1", within_s=0.1))
        assert outcome(late) == (SendStatus.NOT_SENT, "BOOT_NOT_ACCEPTED", False)
        await station.boot()
        await station.accept("RemoteStartTransaction")
        assert (await sending).status is SendStatus.ANSWERED


async def test_a_voided_attempt_is_never_sent(bench: Bench) -> None:
    async with bench.station("S1") as station:
        request = await bench.start_request("S1")
        await bench.write(
            lambda tx: sends.void(tx, tenant=TENANT, command=request.command, attempt=1, now=now())
        )
        result = await bench.sending(request)
        assert station.calls.empty()
    assert (result.status, result.retry) == (SendStatus.NOT_SENT, True)


async def test_a_repeated_attempt_gives_the_answer_that_stands_and_sends_nothing(
    bench: Bench,
) -> None:
    async with bench.station("S1") as station:
        request = await bench.start_request("S1")
        sending = bench.sending(request)
        await station.accept("RemoteStartTransaction")
        first = await sending
        again = await bench.sending(request)
        assert station.calls.empty()
    assert again.answer == first.answer


async def test_a_first_attempt_that_strayed_starts_nothing_after_the_second_one(
    bench: Bench,
) -> None:
    async with bench.station("S1") as station:
        request = await bench.start_request("S1")
        sending = bench.sending(replace(request, attempt=2))
        await station.accept("RemoteStartTransaction")
        second = await sending
        late = await bench.sending(request)
        assert station.calls.empty()
    assert late.answer == second.answer
    assert len(await bench.sends(request)) == 1


async def test_a_stale_epoch_refuses_to_send_and_closes_the_socket(bench: Bench) -> None:
    async with bench.station("S1") as station:
        await bench.write(lambda tx: claim_elsewhere(tx, "S1"))
        request = await bench.start_request("S1")
        result = await bench.sending(request)
        assert station.calls.empty()
        assert await station.closed() == 1008
    assert outcome(result) == (SendStatus.NOT_SENT, "STATION_OFFLINE", True)


async def claim_elsewhere(tx: Tx, station: str) -> None:
    await connections.claim(
        tx,
        station=station,
        gateway="elsewhere",
        connection_id="newer",
        ocpp_version="1.6",
        now=now(),
    )


async def test_an_overlong_token_is_refused_before_anything_is_sent(bench: Bench) -> None:
    async with bench.station("S1"):
        result = await bench.sending(await bench.start_request("S1", tag="X" * 21))
    assert outcome(result) == (SendStatus.NOT_SENT, "FRAME_REFUSED", False)


async def test_a_start_without_connector_names_the_only_one_of_a_1_6_station(bench: Bench) -> None:
    async with bench.station("S1") as station:
        await station.call("StatusNotification", status(0))
        await station.call("StatusNotification", status(1))
        sending = bench.sending(await bench.start_request("S1", evse_id=None))
        assert (await station.accept("RemoteStartTransaction"))["connectorId"] == 1
        await sending


def status(connector_id: int) -> dict[str, object]:
    return {"connectorId": connector_id, "errorCode": "NoError", "status": "Available"}


async def test_the_one_who_asked_may_go_away_and_the_answer_is_still_written(bench: Bench) -> None:
    async with bench.station("S1") as station:
        request = await bench.start_request("S1")
        sending = bench.sending(request)
        message_id, _ = await station.called("RemoteStartTransaction")
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await station.answer(message_id, {"status": "Accepted"})
        assert await found(lambda: written_answer(bench, request))


async def written_answer(bench: Bench, request: SendFrameInput) -> StationAnswer | None:
    return (await bench.command(request)).station_answer


async def test_an_undo_leaves_the_commands_own_state_alone(bench: Bench) -> None:
    async with bench.station("S1") as station:
        request = replace(await bench.stop_request("S1", wire_id="3"), undo=True)
        sending = bench.sending(request)
        await station.accept("RemoteStopTransaction")
        assert (await sending).status is SendStatus.ANSWERED
    assert (await bench.command(request)).state is State.QUEUED


async def test_drain_lets_a_call_in_flight_end_and_sends_the_waiting_elsewhere(
    bench: Bench,
) -> None:
    async with bench.station("S1") as station:
        flying = bench.sending(await bench.start_request("S1"))
        message_id, _ = await station.called("RemoteStartTransaction")
        waiting = bench.sending(await bench.start_request("S1"))
        await eventually(lambda: waiting_at(bench, "S1") == 2)
        draining = asyncio.create_task(bench.gateway.drain())
        assert outcome(await waiting) == (SendStatus.NOT_SENT, "STATION_OFFLINE", True)
        await station.answer(message_id, {"status": "Accepted"})
        assert (await flying).status is SendStatus.ANSWERED
        assert await station.closed() == 1012
        await draining
