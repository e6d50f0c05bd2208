"""Unlock, reset and reservations at one station's socket: answered, late, or never."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from contract.commands import SendFrameInput, SendStatus
from contract.questions import AskStationInput, AskStationResult
from domain.model.answers import Verdict
from domain.model.command import Code, State
from domain.model.specs import (
    CancelReservationSpec,
    Kind,
    ResetMode,
    ResetSpec,
    StopSpec,
    UnlockSpec,
)
from telemetry import metrics
from tests.support.benches.gateway_bench import Bench, OtherSpec
from tests.support.stations.scripted_station import ScriptedStation, found

VERSIONS = ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"]
SPECS: dict[str, Callable[[Bench], OtherSpec]] = {
    "UnlockConnector": lambda _: UnlockSpec(1, evse_id=1),
    "Reset": lambda _: ResetSpec(ResetMode.HARD),
    "ReserveNow": lambda bench: bench.reserve_spec(),
    "CancelReservation": lambda _: CancelReservationSpec(7),
}
YES = {"UnlockConnector": "Unlocked"}
every_version = pytest.mark.parametrize("version", VERSIONS)
every_action = pytest.mark.parametrize("action", SPECS)


def spec_of(bench: Bench, action: str) -> OtherSpec:
    return SPECS[action](bench)


def yes(action: str) -> dict[str, str]:
    return {"status": YES.get(action, "Accepted")}


@every_version
@every_action
async def test_every_frame_is_written_and_its_answer_reaches_the_command(
    bench: Bench, version: str, action: str
) -> None:
    async with bench.station("S1", subprotocol=version) as station:
        request = await bench.request(spec_of(bench, action))
        sending = bench.sending(request)
        message_id, _ = await station.called(action)
        await station.answer(message_id, yes(action))
        result = await sending
    assert result.status is SendStatus.ANSWERED
    assert result.answer is not None
    assert result.answer.verdict is Verdict.ACCEPTED
    command = await bench.command(request)
    assert command.station_answer == result.answer
    [row] = await bench.sends(request)
    assert (row.state, row.kind) == ("ANSWERED", request.kind.value)


@every_version
@every_action
async def test_an_answer_that_comes_too_late_is_kept_as_evidence_and_wakes_its_command(
    bench: Bench, version: str, action: str
) -> None:
    async with bench.station("S1", subprotocol=version) as station:
        request = await bench.request(spec_of(bench, action), answer_timeout_s=0.1)
        sending = bench.sending(request)
        message_id, _ = await station.called(action)
        assert (await sending).cause == "ANSWER_TIMEOUT"
        for _ in range(2):  # the second one is a duplicate, and has no effect
            await station.answer(message_id, yes(action))
        kept = await found(lambda: answered(bench, request))
    assert kept == yes(action)["status"]
    assert [wakeup.reason for wakeup in await bench.wakeups()] == ["answer"]


async def answered(bench: Bench, request: SendFrameInput) -> str | None:
    [row] = await bench.sends(request)
    return None if row.answer is None else str(row.answer["status"])


@every_version
@every_action
async def test_a_second_answer_changes_nothing(bench: Bench, version: str, action: str) -> None:
    async with bench.station("S1", subprotocol=version) as station:
        request = await bench.request(spec_of(bench, action))
        sending = bench.sending(request)
        message_id, _ = await station.called(action)
        await station.answer(message_id, yes(action))
        await sending
        await station.answer(message_id, {"status": "Rejected"})
        assert await station.call("Heartbeat", {})
        assert await answered(bench, request) == yes(action)["status"]
    command = await bench.command(request)
    assert command.station_answer is not None
    assert command.station_answer.verdict is Verdict.ACCEPTED


@every_version
@every_action
async def test_a_socket_that_drops_before_the_answer_is_known_within_a_second(
    bench: Bench, version: str, action: str
) -> None:
    async with bench.station("S1", subprotocol=version) as station:
        request = await bench.request(spec_of(bench, action))
        sending = bench.sending(request)
        await station.called(action)
        begin = time.monotonic()
        station.drop()
        result = await sending
    assert time.monotonic() - begin < 1.0
    assert (result.status, result.cause) == (SendStatus.NO_ANSWER, "CONNECTION_LOST_AFTER_SEND")
    command = await bench.command(request)
    assert command.outcome is not None
    assert (command.state, command.outcome.code) == (State.AWAITING_EFFECT, Code.UNKNOWN)


@every_version
@pytest.mark.parametrize("action", ["UnlockConnector", "Reset"])
async def test_unlock_and_reset_are_never_written_twice(
    bench: Bench, version: str, action: str
) -> None:
    async with bench.station("S1", subprotocol=version) as station:
        request = await bench.request(spec_of(bench, action), answer_timeout_s=0.1)
        sending = bench.sending(request)
        await station.called(action)
        await sending
        again = await bench.sending(replace(request, attempt=2))
        assert (again.status, again.cause) == (SendStatus.NO_ANSWER, "ANSWER_TIMEOUT")
        assert await station.call("Heartbeat", {})
        assert station.calls.empty()
    assert len(await bench.sends(request)) == 1


@every_version
@pytest.mark.parametrize("action", ["ReserveNow", "CancelReservation"])
async def test_reservation_frames_may_be_written_again_with_the_same_id(
    bench: Bench, version: str, action: str
) -> None:
    async with bench.station("S1", subprotocol=version) as station:
        request = await bench.request(spec_of(bench, action), answer_timeout_s=0.1)
        sending = bench.sending(request)
        _, first = await station.called(action)
        await sending
        sending = bench.sending(replace(request, attempt=2))
        message_id, second = await station.called(action)
        await station.answer(message_id, yes(action))
        assert (await sending).status is SendStatus.ANSWERED
    assert first == second


async def test_the_intent_carries_what_the_facts_will_be_recognised_by(bench: Bench) -> None:
    spec = bench.reserve_spec(2, wire_id=41, tag="TAG1", group="FLEET")
    assert spec.group_id_token is not None
    async with bench.station("S1") as station:
        row = await sent(bench, station, await bench.request(spec))
        assert (row.evse_id, row.named_id) == (2, "41")
        assert row.token_digest == bench.sealer.digest("idTag", "TAG1")
        assert row.group_digest == bench.sealer.digest("idTag", "FLEET")
        row = await sent(bench, station, await bench.request(CancelReservationSpec(41)))
        assert (row.evse_id, row.named_id, row.token_digest) == (None, "41", None)
        row = await sent(bench, station, await bench.request(UnlockSpec(3)))
        assert (row.evse_id, row.connector_id, row.named_id) == (3, 1, None)


async def sent(bench: Bench, station: ScriptedStation, request: SendFrameInput) -> Any:
    sending = bench.sending(request)
    message_id, action, _ = await asyncio.wait_for(station.calls.get(), 5)
    await station.answer(message_id, yes(action))
    await sending
    [row] = await bench.sends(request)
    return row


async def test_frames_of_a_reservation_leave_every_commands_log_alone(bench: Bench) -> None:
    async with bench.station("S1") as station:
        request = await bench.request(bench.reserve_spec())
        own = replace(request, command="reservation-7", undo=True)
        row = await sent(bench, station, own)
        assert (row.state, row.undo, row.named_id) == ("ANSWERED", True, "7")
    assert [command.state for command in await bench.history(request)] == [State.QUEUED]


async def test_an_unlock_that_stops_first_is_not_concluded_by_the_answer_to_the_stop(
    bench: Bench,
) -> None:
    async with bench.station("S1", subprotocol="ocpp2.0.1") as station:
        request = await bench.request(UnlockSpec(1, evse_id=1, stop_first=True))
        stop = replace(
            request, kind=Kind.STOP_SESSION, stop=StopSpec(found_ocpp_transaction_id="TX-1")
        )
        sending = bench.sending(stop)
        await station.accept("RequestStopTransaction")
        await sending
        command = await bench.command(request)
        assert (command.state, command.outcome) == (State.SENT, None)
        sending = bench.sending(replace(request, attempt=2))
        message_id, _ = await station.called("UnlockConnector")
        await station.answer(message_id, {"status": "UnlockFailed"})
        result = await sending
    assert result.answer is not None
    assert result.answer.verdict is Verdict.FAILED


@every_version
async def test_what_a_version_cannot_say_is_not_sent(bench: Bench, version: str) -> None:
    mode = ResetMode.ON_IDLE if version == "ocpp1.6" else ResetMode.IMMEDIATE_AND_RESUME
    async with bench.station("S1", subprotocol=version) as station:
        sending = bench.sending(await bench.request(ResetSpec(mode)))
        if version == "ocpp2.1":
            assert await station.accept("Reset") == {"type": "ImmediateAndResume"}
            assert (await sending).status is SendStatus.ANSWERED
            return
        result = await sending
        assert station.calls.empty()
    assert (result.status, result.cause) == (SendStatus.NOT_SENT, "FRAME_REFUSED")


@every_version
async def test_the_token_of_a_hold_goes_to_the_station_and_into_no_log(
    bench: Bench, version: str
) -> None:
    async with bench.station("S1", subprotocol=version) as station:
        with capture_logs() as lines:
            row = await sent(
                bench, station, await bench.request(bench.reserve_spec(tag="04SECRETTAG"))
            )
    assert "04SECRETTAG" in str(station.frames)
    assert "04SECRETTAG" not in str(lines) + str(row)


async def test_a_hold_whose_token_is_sealed_with_another_key_is_not_sent(bench: Bench) -> None:
    spec = bench.reserve_spec()
    foreign = replace(spec, id_token=replace(spec.id_token, sealed="of another key"))
    async with bench.station("S1") as station:
        result = await bench.sending(await bench.request(foreign))
        assert station.calls.empty()
    assert (result.status, result.cause) == (SendStatus.NOT_SENT, "FRAME_REFUSED")


@every_version
@pytest.mark.parametrize("kind", Kind)
async def test_a_frame_without_what_it_is_about_is_not_sent(
    bench: Bench, version: str, kind: Kind
) -> None:
    async with bench.station("S1", subprotocol=version) as station:
        request = await bench.request(UnlockSpec(1))
        result = await bench.sending(replace(request, kind=kind, unlock=None))
        assert station.calls.empty()
    assert (result.status, result.cause) == (SendStatus.NOT_SENT, "FRAME_REFUSED")


async def test_a_lost_answer_to_the_stop_before_an_unlock_decides_nothing(bench: Bench) -> None:
    async with bench.station("S1") as station:
        request = await bench.request(UnlockSpec(1, stop_first=True), answer_timeout_s=0.1)
        stop = replace(
            request, kind=Kind.STOP_SESSION, stop=StopSpec(found_ocpp_transaction_id="7")
        )
        sending = bench.sending(stop)
        await station.called("RemoteStopTransaction")
        assert (await sending).cause == "ANSWER_TIMEOUT"
        command = await bench.command(request)
    assert (command.state, command.outcome) == (State.SENT, None)


async def test_an_unlock_goes_before_a_reset_and_a_hold_that_came_earlier(bench: Bench) -> None:
    async with bench.station("S1") as station:
        first = bench.sending(await bench.start_request("S1"))
        message_id, _ = await station.called("RemoteStartTransaction")
        specs: list[OtherSpec] = [ResetSpec(ResetMode.SOFT), bench.reserve_spec(), UnlockSpec(1)]
        waiting = []
        for number, spec in enumerate(specs, start=2):
            waiting.append(bench.sending(await bench.request(spec)))
            await found(partial(in_queue, bench, number))
        await station.answer(message_id, {"status": "Accepted"})
        for action in ("UnlockConnector", "ReserveNow", "Reset"):
            message_id, _ = await station.called(action)
            await station.answer(message_id, yes(action))
        await asyncio.gather(first, *waiting)


async def in_queue(bench: Bench, number: int) -> bool:
    station = bench.gateway.registry.get("S1")
    assert station is not None
    return station.queue().length == number


async def test_a_code_that_blames_our_frame_raises_the_alarm(bench: Bench) -> None:
    alarm = metrics.BLAMED_FRAMES.labels(action="Reset", code="FormationViolation")
    before = alarm._value.get()
    async with bench.station("S1") as station:
        request = await bench.request(ResetSpec(ResetMode.HARD))
        with capture_logs() as lines:
            sending = bench.sending(request)
            message_id, _ = await station.called("Reset")
            await station.send([4, message_id, "FormationViolation", "", {}])
            await sending
    assert alarm._value.get() == before + 1
    [blamed] = [line for line in lines if line["event"] == "frame_blamed"]
    assert (blamed["command"], blamed["code"]) == (request.command, "FormationViolation")
    assert blamed["log_level"] == "warning"


# --- questions about what became of them


@every_version
@pytest.mark.parametrize("kind", [Kind.RESET, Kind.RESERVE_NOW, Kind.UNLOCK_CONNECTOR])
async def test_a_station_is_asked_to_show_the_connector(
    bench: Bench, version: str, kind: Kind
) -> None:
    place = {"connectorId": 2} if version == "ocpp1.6" else {"evse": {"id": 2, "connectorId": 1}}
    async with bench.station("S1", subprotocol=version) as station:
        asking = asyncio.create_task(bench.ask(AskStationInput("S1", kind, "any", evse_id=2)))
        payload = await station.accept("TriggerMessage")
        assert payload == {"requestedMessage": "StatusNotification", **place}
        assert await asking == AskStationResult(asked=True, detail="Accepted")


@pytest.mark.parametrize("version", VERSIONS[1:])
async def test_a_2_x_station_is_asked_about_each_connector_that_it_has(
    bench: Bench, version: str
) -> None:
    async with bench.station("S1", subprotocol=version) as station:
        for evse_id, connector_id in ((1, 1), (1, 2), (2, 1)):
            shown = {"evseId": evse_id, "connectorId": connector_id}
            more = {"connectorStatus": "Available", "timestamp": "2026-01-01T00:00:00Z"}
            await station.call("StatusNotification", {**shown, **more})
        everywhere = [place async for place in asked_about(bench, station, None, 3)]
        assert everywhere == [(1, 1), (1, 2), (2, 1)]
        assert [place async for place in asked_about(bench, station, 1, 2)] == [(1, 1), (1, 2)]


async def asked_about(
    bench: Bench, station: ScriptedStation, evse_id: int | None, questions: int
) -> AsyncIterator[tuple[int, int]]:
    request = AskStationInput("S1", Kind.RESERVE_NOW, "any", evse_id=evse_id)
    asking = asyncio.create_task(bench.ask(request))
    for _ in range(questions):
        evse = (await station.accept("TriggerMessage"))["evse"]
        yield evse["id"], evse["connectorId"]
    assert (await asking).asked


@every_version
async def test_a_question_that_blames_our_frame_raises_the_alarm_too(
    bench: Bench, version: str
) -> None:
    alarm = metrics.BLAMED_FRAMES.labels(action="TriggerMessage", code="ProtocolError")
    before = alarm._value.get()
    async with bench.station("S1", subprotocol=version) as station:
        asking = asyncio.create_task(bench.ask(AskStationInput("S1", Kind.RESET, "any")))
        message_id, _ = await station.called("TriggerMessage")
        await station.send([4, message_id, "ProtocolError", "", {}])
        assert await asking == AskStationResult(asked=True, detail="ProtocolError")
    assert alarm._value.get() == before + 1


# --- our own clock jumps

JUMPS = [timedelta(hours=2), timedelta(hours=-2)]


@pytest.mark.parametrize("jump", JUMPS, ids=["forth", "back"])
async def test_a_jump_of_our_clock_changes_no_answer_timeout(bench: Bench, jump: timedelta) -> None:
    async with bench.station("S1") as station:
        request = await bench.request(ResetSpec(ResetMode.HARD), answer_timeout_s=0.3)
        sending = bench.sending(request)
        await station.called("Reset")
        begin = time.monotonic()
        bench.skew = jump
        assert (await sending).cause == "ANSWER_TIMEOUT"
        assert time.monotonic() - begin < 1.0
        assert await station.call("Heartbeat", {})


async def test_a_clock_that_jumps_back_keeps_nobody_in_line_for_longer(bench: Bench) -> None:
    async with bench.station("S1") as station:
        first = bench.sending(await bench.start_request("S1"))
        message_id, _ = await station.called("RemoteStartTransaction")
        waiting = bench.sending(await bench.request(bench.reserve_spec(), within_s=0.5))
        await found(partial(in_queue, bench, 2))
        begin = time.monotonic()
        bench.skew = timedelta(hours=-2)
        assert (await waiting).cause == "NOT_AFTER_PASSED"
        assert time.monotonic() - begin < 1.5
        await station.answer(message_id, {"status": "Accepted"})
        await first
