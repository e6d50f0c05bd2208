"""What the back end says of a token that a station asks about before it begins a start of ours."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from contract.commands import SendFrameInput
from domain.commands import transitions as changes
from domain.evidence.sessions import TokenState
from domain.model.outcomes import Cause, ending
from fleet import reports
from fleet.sends import Send
from fleet.transactions.rows import Transaction
from journal.commands.answers import frame_of
from journal.commands.record import record
from journal.commands.sessions import token_state_of
from station_gateway.relay import recorder, their_tokens
from tests.support.benches.gateway_bench import TENANT, Bench, now
from tests.support.relay.back_end import BackEnd
from tests.support.stations.scripted_station import (
    ScriptedStation,
    connected,
    eventually,
    found,
)

REFUSED = {"idTagInfo": {"status": "Blocked"}, "idTokenInfo": {"status": "Blocked"}}
ACCEPTED = {"idTagInfo": {"status": "Accepted"}, "idTokenInfo": {"status": "Accepted"}}
VERSIONS = ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"]


@pytest.fixture
async def relay(bench: Bench, back_end: BackEnd) -> Bench:
    """The gateway, which relays every station to the back end and sends commands."""
    await bench.restart(upstream_url=back_end.url, upstream_mode="command")
    return bench


@pytest.fixture
async def station(relay: Bench, request: pytest.FixtureRequest) -> AsyncIterator[ScriptedStation]:
    """A relayed station that takes commands, of OCPP 1.6 if the test names no other version."""
    subprotocol = getattr(request, "param", VERSIONS[0])
    async with connected(relay.url("S1"), subprotocol=subprotocol) as scripted:
        await scripted.boot()
        held = relay.gateway.registry.get("S1")
        assert held is not None
        await held.wait_booted(asyncio.get_running_loop().time() + 5)
        yield scripted


async def agreed(relay: Bench, station: ScriptedStation, tag: str = "TAG1") -> SendFrameInput:
    """A start of ours to which the station said yes."""
    request = await relay.start_request(tag=tag)
    sending = relay.sending(request)
    started = False
    while not started:
        message_id, action, _ = await asyncio.wait_for(station.calls.get(), 5)
        started = "Start" in action
        await station.answer(message_id, {"status": "Accepted"} if started else {})
    await sending
    return request


async def ask(station: ScriptedStation, tag: str = "TAG1") -> dict[str, Any]:
    """The station asks about a token, in the words of its version."""
    if station.socket.subprotocol == VERSIONS[0]:
        return await station.call("Authorize", {"idTag": tag})
    return await station.call("Authorize", {"idToken": {"idToken": tag, "type": "ISO14443"}})


async def the_frame(relay: Bench, request: SendFrameInput) -> Send:
    """The row of the frame, when all that was passed on is recorded."""
    held = relay.gateway.registry.get("S1")
    await held.caught_up()  # type: ignore[union-attr]
    (row,) = await relay.sends(request)
    return row


async def was_refused(relay: Bench, request: SendFrameInput) -> bool:
    return frame_of(await the_frame(relay, request)).token_was_refused


@pytest.mark.parametrize("station", VERSIONS, indirect=True)
async def test_a_refusal_after_the_stations_yes_is_kept_with_the_start(
    relay: Bench, back_end: BackEnd, station: ScriptedStation
) -> None:
    back_end.answers["Authorize"] = REFUSED
    request = await agreed(relay, station)
    await ask(station)
    assert await was_refused(relay, request)


async def test_a_refusal_before_the_stations_yes_is_somebody_elses(
    relay: Bench, back_end: BackEnd, station: ScriptedStation
) -> None:
    back_end.answers["Authorize"] = REFUSED
    request = await relay.start_request()
    sending = relay.sending(request)
    message_id, _ = await station.called("RemoteStartTransaction")
    await ask(station)
    await station.answer(message_id, {"status": "Accepted"})
    await sending
    assert not await was_refused(relay, request)


@pytest.mark.parametrize(
    "answer",
    [ACCEPTED, {}, {"idTagInfo": {"status": "Perhaps"}}],
    ids=["yes", "nothing", "no word"],
)
async def test_what_is_no_clear_no_takes_the_proof_away(
    relay: Bench, back_end: BackEnd, station: ScriptedStation, answer: dict[str, Any]
) -> None:
    request = await agreed(relay, station)
    for said in (REFUSED, answer, REFUSED):
        back_end.answers["Authorize"] = said
        await ask(station)
    row = await the_frame(relay, request)
    assert row.token_refused_time is not None and row.token_unclear_time is not None
    assert not await was_refused(relay, request)


async def test_a_refusal_of_another_token_says_nothing(
    relay: Bench, back_end: BackEnd, station: ScriptedStation
) -> None:
    back_end.answers["Authorize"] = REFUSED
    request = await agreed(relay, station)
    await ask(station, "TAG2")
    row = await the_frame(relay, request)
    assert (row.token_refused_time, row.token_unclear_time) == (None, None)


async def test_of_two_starts_with_the_same_token_nobody_knows_which_one_was_meant(
    relay: Bench, back_end: BackEnd, station: ScriptedStation
) -> None:
    back_end.answers["Authorize"] = REFUSED
    requests = [await agreed(relay, station), await agreed(relay, station)]
    await ask(station)
    assert [await was_refused(relay, each) for each in requests] == [False, False]


async def test_a_start_that_has_ended_takes_no_proof_from_the_next_one(
    relay: Bench, back_end: BackEnd, station: ScriptedStation
) -> None:
    back_end.answers["Authorize"] = REFUSED
    first = await agreed(relay, station)
    await concluded(relay, first)
    second = await agreed(relay, station)
    await ask(station)
    assert [await was_refused(relay, each) for each in (first, second)] == [False, True]


async def concluded(relay: Bench, request: SendFrameInput) -> None:
    """The command of the request ends."""
    outcome = ending(Cause.NO_CABLE_OR_NO_TRANSACTION)
    await relay.write(
        lambda tx: record(
            tx,
            tenant=TENANT,
            name=request.command,
            key="concluded",
            change=lambda command: changes.concluded(command, outcome, now()),
            now=now(),
        )
    )


async def test_a_start_of_the_back_end_with_the_same_token_may_have_been_meant(
    relay: Bench, back_end: BackEnd, station: ScriptedStation
) -> None:
    back_end.answers["Authorize"] = REFUSED
    request = await agreed(relay, station)
    await back_end.say('[2,"theirs","RemoteStartTransaction",{"idTag":"TAG1","connectorId":2}]')
    theirs, _ = await station.called("RemoteStartTransaction")
    await station.answer(theirs, {"status": "Accepted"})
    await ask(station)
    assert not await was_refused(relay, request)


async def test_an_answer_that_comes_late_proves_nothing(
    relay: Bench, back_end: BackEnd, station: ScriptedStation
) -> None:
    del back_end.answers["Authorize"]
    request = await agreed(relay, station)
    asked = await station.begin("Authorize", {"idTag": "TAG1"}, message_id="question")
    await eventually(lambda: any("question" in str(each) for each in back_end.heard))
    relay.skew = timedelta(seconds=6)
    await back_end.say(json.dumps([3, "question", REFUSED]))
    await asked
    row = await the_frame(relay, request)
    assert row.token_refused_time is None
    assert row.token_unclear_time is not None


async def test_a_second_question_takes_the_proof_away_as_soon_as_its_answer_would_be_late(
    relay: Bench,
    back_end: BackEnd,
    station: ScriptedStation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its answer may still be a yes, and the station may begin by it."""
    back_end.answers["Authorize"] = REFUSED
    request = await agreed(relay, station)
    await ask(station)
    assert await was_refused(relay, request)
    del back_end.answers["Authorize"]
    monkeypatch.setattr(their_tokens, "IN_TIME", timedelta(0))
    await station.begin("Authorize", {"idTag": "TAG1"})
    await found(lambda: unclear(relay, request))
    assert not await was_refused(relay, request)


async def test_a_question_that_the_back_end_leaves_open_is_no_doubt(
    relay: Bench, back_end: BackEnd, station: ScriptedStation
) -> None:
    """It tells no fact; commands of that time are judged as if it had not been asked."""
    del back_end.answers["Authorize"]
    request = await agreed(relay, station)
    await station.begin("Authorize", {"idTag": "TAG1"})
    await station.call("Heartbeat", {})
    station.drop()
    await found(lambda: unclear(relay, request))
    async with relay.db.read() as tx:
        assert await reports.untaken_since(tx, "S1", now() - timedelta(minutes=1)) == []


async def unclear(relay: Bench, request: SendFrameInput) -> bool:
    """Whether the question is kept, without an answer."""
    (row,) = await relay.sends(request)
    return row.token_unclear_time is not None


# --- the token that ended a session of OCPP 2.x


def event(type_: str, seq_no: int, token: str, **info: str) -> dict[str, Any]:
    return {
        "eventType": type_,
        "timestamp": now().isoformat(),
        "triggerReason": "StopAuthorized" if info else "Authorized",
        "seqNo": seq_no,
        "transactionInfo": {"transactionId": "T-1", **info},
        "evse": {"id": 1, "connectorId": 1},
        "idToken": {"idToken": token, "type": "ISO14443"},
    }


@pytest.mark.parametrize("station", VERSIONS[1:], indirect=True)
async def test_an_end_is_recorded_before_the_back_end_has_judged_its_token(
    relay: Bench, back_end: BackEnd, station: ScriptedStation
) -> None:
    await station.call("TransactionEvent", event("Started", 0, "TAG1"))
    del back_end.answers["TransactionEvent"]
    await station.begin("TransactionEvent", event("Ended", 1, "TAG2", stoppedReason="Local"))
    ended = await found(lambda: session_that(relay, lambda one: one.state == "ENDED"))
    assert (ended.stop_reason, ended.authorized) == ("Local", True)


@pytest.mark.parametrize("station", VERSIONS[1:2], indirect=True)
async def test_the_token_of_an_end_that_is_all_that_was_heard_waits_for_its_judgement(
    relay: Bench, back_end: BackEnd, station: ScriptedStation
) -> None:
    del back_end.answers["TransactionEvent"]
    end = event("Ended", 1, "TAG2", stoppedReason="Local")
    await station.begin("TransactionEvent", end, message_id="end")
    untold = await found(lambda: session_that(relay, lambda one: one.state == "ENDED"))
    assert untold.token_digest is None
    await back_end.say(json.dumps([3, "end", REFUSED]))
    told = await found(lambda: session_that(relay, lambda one: one.token_digest is not None))
    assert (told.id, told.authorized) == (untold.id, False)
    assert told.stop_received_time == untold.stop_received_time


@pytest.mark.parametrize("station", VERSIONS[1:2], indirect=True)
async def test_an_end_under_an_unknown_id_is_of_no_session_before_its_token_is_known(
    relay: Bench, back_end: BackEnd, station: ScriptedStation
) -> None:
    """It would be that of the one session that runs, if it had no other token."""

    def metered(wh: int) -> dict[str, Any]:
        return {"meterValue": [{"timestamp": now().isoformat(), "sampledValue": [{"value": wh}]}]}

    status = {"timestamp": now().isoformat(), "connectorStatus": "Occupied"}
    await station.call("StatusNotification", status | {"evseId": 1, "connectorId": 1})
    await station.call("TransactionEvent", event("Started", 0, "TAG1") | metered(5))
    end = event("Ended", 1, "TAG2", stoppedReason="Local") | metered(9)
    end["transactionInfo"]["transactionId"] = "T-9"
    del back_end.answers["TransactionEvent"]
    await station.begin("TransactionEvent", end)
    await found(lambda: session_that(relay, lambda one: one.state == "ENDED"))
    assert await session_that(relay, lambda one: one.state == "ACTIVE")


async def session_that(relay: Bench, fits: Callable[[Transaction], bool]) -> Transaction | None:
    return next((one for one in await relay.transactions() if fits(one)), None)


async def test_without_a_back_end_a_certificate_that_nobody_checks_is_a_no(bench: Bench) -> None:
    async with bench.station("S1", subprotocol="ocpp2.1") as station:
        request = await agreed(bench, station)
        token = {"idToken": {"idToken": "TAG1", "type": "ISO14443"}}
        said = await station.call("Authorize", token | {"certificate": "none of ours"})
        (row,) = await bench.sends(request)
        assert said["idTokenInfo"]["status"] == "Invalid"
        assert frame_of(row).token_was_refused
        assert (await station.call("Authorize", token))["idTokenInfo"]["status"] == "Accepted"
        (row,) = await bench.sends(request)
        assert not frame_of(row).token_was_refused


UNREADABLE = {"idTokenInfo": {"status": "Perhaps"}}


@pytest.mark.parametrize("station", VERSIONS[1:], indirect=True)
@pytest.mark.parametrize("answer", [ACCEPTED, REFUSED], ids=["yes", "no"])
async def test_a_token_that_nobody_judged_is_judged_by_the_next_answer(
    relay: Bench, station: ScriptedStation, back_end: BackEnd, answer: dict[str, Any]
) -> None:
    """Until then it is neither accepted nor refused; after that the first verdict stands."""
    states = []
    for number, said in enumerate((UNREADABLE, answer, UNREADABLE)):
        back_end.answers["TransactionEvent"] = said
        phase = "Updated" if number else "Started"
        await station.call("TransactionEvent", event(phase, number, "TAG1"))
        held = relay.gateway.registry.get("S1")
        await held.caught_up()  # type: ignore[union-attr]
        (begun,) = await relay.transactions()
        states.append(token_state_of(begun))
    verdict = TokenState.ACCEPTED if answer is ACCEPTED else TokenState.REFUSED
    assert states == [TokenState.NOT_JUDGED, verdict, verdict]


@pytest.mark.parametrize("station", VERSIONS[1:2], indirect=True)
async def test_what_was_recorded_with_a_slow_answer_is_no_doubt_any_more(
    relay: Bench, station: ScriptedStation, back_end: BackEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "DOUBT_AFTER_S", 0.0)
    del back_end.answers["TransactionEvent"]

    async def doubts() -> list[str]:
        async with relay.db.read() as tx:
            rows = await reports.untaken_since(tx, "S1", now() - timedelta(minutes=1))
        return [row.reason for row in rows]

    await station.begin("TransactionEvent", event("Started", 0, "TAG1"), message_id="slow")
    assert await found(doubts) == ["not_written"]
    await back_end.say(json.dumps([3, "slow", ACCEPTED]))

    async def cleared() -> bool:
        return await doubts() == [] and len(await relay.transactions()) == 1

    await found(cleared)
