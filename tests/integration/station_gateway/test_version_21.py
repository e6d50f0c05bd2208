"""What OCPP 2.1 adds, through the whole gateway: long tokens, SEND and CALLRESULTERROR."""

from typing import Any

import pytest

from contract.commands import SendStatus
from domain.model.answers import Verdict
from domain.model.command import State
from fleet import stations
from telemetry import metrics
from tests.support.benches.gateway_bench import Bench, now
from tests.support.stations.scripted_station import ScriptedStation

LONG_TAG = "T" * 255
STREAM = {
    "id": 1,
    "pending": 0,
    "basetime": "2026-01-01T00:00:00Z",
    "data": [{"t": 0.5, "v": "230.1"}],
}


def event(event_type: str, seq_no: int, **info: Any) -> dict[str, Any]:
    token = {} if seq_no else {"idToken": {"idToken": LONG_TAG, "type": "ISO14443"}}
    return {
        "eventType": event_type,
        "timestamp": now().isoformat(),
        "triggerReason": "RemoteStart",
        "seqNo": seq_no,
        "transactionInfo": {"transactionId": "TX-1", "operationMode": "ChargingOnly", **info},
        "evse": {"id": 1, "connectorId": 1},
        "evseSleep": False,
        **token,
    }


def bad_frames(reason: str) -> float:
    return float(metrics.BAD_FRAMES.labels(reason=reason)._value.get())


def sends_noted() -> float:
    labels = {"direction": "in", "action": "NotifyPeriodicEventStream"}
    return float(metrics.FRAMES.labels(**labels)._value.get())


async def still_answers(station: ScriptedStation) -> bool:
    return "currentTime" in await station.call("Heartbeat", {})


async def test_a_session_starts_with_a_long_token_and_stops(bench: Bench) -> None:
    async with bench.station("S1", subprotocol="ocpp2.1") as station:
        sending = bench.sending(await bench.start_request("S1", tag=LONG_TAG))
        asked = await station.accept("RequestStartTransaction")
        assert asked["idToken"] == {"idToken": LONG_TAG, "type": "ISO14443"}
        assert (await sending).status is SendStatus.ANSWERED
        number = asked["remoteStartId"]
        told = await station.call("TransactionEvent", event("Started", 0, remoteStartId=number))
        assert told["idTokenInfo"]["status"] == "Accepted"
        stopping = bench.sending(await bench.stop_request("S1", wire_id="TX-1"))
        assert await station.accept("RequestStopTransaction") == {"transactionId": "TX-1"}
        assert (await stopping).status is SendStatus.ANSWERED
        await station.call("TransactionEvent", event("Ended", 1, stoppedReason="Remote"))
    [session] = await bench.transactions("S1")
    assert (session.remote_start_id, session.authorized, session.state) == (number, True, "ENDED")


async def test_the_fleet_knows_that_the_station_speaks_2_1(bench: Bench) -> None:
    async with bench.station("S1", subprotocol="ocpp2.1"), bench.db.read() as tx:
        known = await stations.get(tx, "S1")
    assert known is not None
    assert (known.ocpp_version, known.boot_state, known.model) == ("2.1", "ACCEPTED", "Two")


async def test_a_send_is_taken_note_of_and_never_answered(bench: Bench) -> None:
    async with bench.station("S1", subprotocol="ocpp2.1") as station:
        before = sends_noted()
        await station.send([6, "s1", "NotifyPeriodicEventStream", STREAM])
        await station.send([6, "s2", "MakeCoffee", {}])
        await station.send([6])
        assert await still_answers(station)
        assert sends_noted() == before + 1
    assert len(station.frames) == 2  # the boot's and the heartbeat's answers


async def test_an_answer_of_ours_that_is_refused_is_told_to_the_operators(bench: Bench) -> None:
    async with bench.station("S1", subprotocol="ocpp2.1") as station:
        before = bad_frames("answer_refused")
        await station.call("Heartbeat", {}, message_id="h1")
        await station.send([5, "h1", "FormatViolation", "no time", {}])
        assert await still_answers(station)
        assert bad_frames("answer_refused") == before + 1


@pytest.mark.parametrize("subprotocol", ["ocpp2.0.1", "ocpp2.1"])
async def test_an_answer_of_no_use_is_unreadable_and_only_2_1_is_told(
    bench: Bench, subprotocol: str
) -> None:
    async with bench.station("S1", subprotocol=subprotocol) as station:
        request = await bench.start_request("S1")
        sending = bench.sending(request)
        message_id, _ = await station.called("RequestStartTransaction")
        await station.answer(message_id, {})
        answer = (await sending).answer
        assert answer is not None and answer.verdict is Verdict.UNREADABLE
        assert await still_answers(station)
    told = [frame[1:3] for frame in station.frames if frame[0] == 5]
    expected = [[message_id, "OccurrenceConstraintViolation"]] if subprotocol == "ocpp2.1" else []
    assert told == expected
    assert (await bench.command(request)).state is not State.QUEUED


@pytest.mark.parametrize(
    ("action", "payload", "answer"),
    [
        ("NotifyDERAlarm", {"controlType": "VoltVar", "timestamp": "2026-01-01T00:00:00Z"}, {}),
        ("NotifyWebPaymentStarted", {"evseId": 1, "timeout": 60}, {}),
        ("PullDynamicScheduleUpdate", {"chargingProfileId": 1}, {"status": "Rejected"}),
        ("NotifySettlement", {}, {"error": "NotSupported"}),
        ("NotifyPeriodicEventStream", STREAM, {"error": "NotSupported"}),
        ("MakeCoffee", {}, {"error": "NotImplemented"}),
    ],
)
async def test_new_messages_are_taken_note_of_or_refused(
    bench: Bench, action: str, payload: dict[str, Any], answer: dict[str, Any]
) -> None:
    async with bench.station("S1", subprotocol="ocpp2.1") as station:
        assert await station.call(action, payload) == answer
