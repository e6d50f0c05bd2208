"""What a relayed station and its back end (CSMS) say becomes the same facts as ever."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.evidence.sessions import TokenState
from fleet import connections, reports, stations
from fleet.transactions.rows import Transaction
from journal.commands.sessions import session_of, token_state_of
from station_gateway.dialects.messages import Confirmation, HeartbeatSeen
from station_gateway.facts.handlers import Handlers
from station_gateway.relay import recorder
from station_gateway.stations.peer import Peer
from station_gateway.stations.ports import CallHandler
from tests.support.benches.gateway_bench import Bench, now
from tests.support.relay.back_end import BackEnd
from tests.support.stations.scripted_station import connected, eventually, found

START = {
    "connectorId": 1,
    "idTag": "TAG1",
    "meterStart": 5,
    "timestamp": "2026-01-01T00:00:00Z",
}

STARTED = {
    "eventType": "Started",
    "timestamp": "2026-01-01T00:00:00Z",
    "triggerReason": "Authorized",
    "seqNo": 0,
    "transactionInfo": {"transactionId": "T-1"},
    "idToken": {"idToken": "TAG1", "type": "ISO14443"},
    "evse": {"id": 1, "connectorId": 1},
}


async def session(relay: Bench, id: str) -> Transaction:
    """The transaction with this OCPP id, as soon as it is recorded."""

    async def look() -> Transaction | None:
        return next((t for t in await relay.transactions() if t.ocpp_transaction_id == id), None)

    return await found(look)


async def eventually_ended(relay: Bench) -> Transaction:
    """The only transaction, as soon as its end is recorded."""

    async def over() -> Transaction | None:
        (one,) = await relay.transactions()
        return one if one.state == "ENDED" else None

    return await found(over)


async def boot_of(relay: Bench, name: str) -> stations.Station | None:
    """The station, if a boot of it is recorded."""
    async with relay.db.read() as tx:
        known = await stations.get(tx, name)
    return known if known is not None and known.boot_state else None


async def doubts(relay: Bench, name: str = "S1") -> list[reports.UntakenRow]:
    """The reports of the station that nobody could take."""
    async with relay.db.read() as tx:
        return await reports.untaken_since(tx, name, now() - timedelta(minutes=1))


async def test_a_boot_is_recorded_with_the_answer_of_the_back_end(
    relay: Bench, back_end: BackEnd
) -> None:
    async with connected(relay.url("S1")) as station:
        assert (await station.boot())["interval"] == 77

        known = await found(lambda: boot_of(relay, "S1"))
    assert (known.boot_state, known.vendor) == ("ACCEPTED", "Acme")


async def test_a_16_session_has_the_id_that_the_back_end_gave(
    relay: Bench, back_end: BackEnd
) -> None:
    async with connected(relay.url("S1")) as station:
        answer = await station.call("StartTransaction", START)
        assert answer["transactionId"] == 4711
        begun = await session(relay, "4711")
        stop = {"transactionId": 4711, "meterStop": 9, "timestamp": "2026-01-01T01:00:00Z"}
        await station.call("StopTransaction", stop)
        ended = await eventually_ended(relay)
    assert (begun.authorized, begun.state) == (True, "ACTIVE")
    assert (ended.meter_stop_wh, ended.ocpp_transaction_id) == (9, "4711")


async def test_an_end_is_recorded_before_the_back_end_answers_it(
    relay: Bench, back_end: BackEnd
) -> None:
    del back_end.answers["StopTransaction"]
    async with connected(relay.url("S1")) as station:
        await station.call("StartTransaction", START)
        await session(relay, "4711")
        stop = {"transactionId": 4711, "idTag": "TAG1", "meterStop": 9}
        await station.begin("StopTransaction", stop | {"timestamp": "2026-01-01T01:00:00Z"})
        await eventually_ended(relay)


async def test_a_token_that_the_back_end_refuses_is_not_authorised(
    relay: Bench, back_end: BackEnd
) -> None:
    back_end.answers["StartTransaction"] = {
        "transactionId": 5,
        "idTagInfo": {"status": "Invalid"},
    }
    async with connected(relay.url("S1")) as station:
        await station.call("StartTransaction", START)
        assert (await session(relay, "5")).authorized is False


async def test_a_start_that_is_said_twice_is_judged_by_the_answer_and_not_before(
    relay: Bench, back_end: BackEnd
) -> None:
    back_end.answers.pop("TransactionEvent")
    async with connected(relay.url("S1"), subprotocol="ocpp2.1") as station:
        await station.begin("TransactionEvent", STARTED, message_id="7")
        await station.begin("TransactionEvent", STARTED, message_id="7")
        await station.call("Heartbeat", {})
        await back_end.say(json.dumps([3, "7", {"idTokenInfo": {"status": "Invalid"}}]))
        assert (await session(relay, "T-1")).authorized is False


@pytest.mark.parametrize("group", [None, "FLEET-1"])
async def test_the_group_of_a_token_is_known_only_if_the_back_end_has_told_one(
    relay: Bench, back_end: BackEnd, group: str | None
) -> None:
    """A back end need not name it, and a station may know it all the same."""
    told = {"status": "Accepted", **({"parentIdTag": group} if group else {})}
    back_end.answers["StartTransaction"] = {"transactionId": 5, "idTagInfo": told}
    async with connected(relay.url("S1")) as station:
        await station.call("StartTransaction", START)
        assert session_of(await session(relay, "5")).group_known is bool(group)


async def test_a_start_without_an_answer_is_recorded_without_an_id_until_it_has_one(
    relay: Bench, back_end: BackEnd
) -> None:
    answer = back_end.answers.pop("StartTransaction")
    await relay.restart(relay_answer_s=0.05)
    async with connected(relay.url("S1")) as station:
        await station.begin("StartTransaction", START)
        assert token_state_of(await session(relay, "-1")) is TokenState.NOT_JUDGED
        back_end.answers["StartTransaction"] = answer
        await station.call("StartTransaction", START)
        assert token_state_of(await session(relay, "4711")) is TokenState.ACCEPTED
    assert len(await relay.transactions()) == 1


async def test_a_start_that_the_back_end_does_not_answer_soon_is_a_doubt(
    relay: Bench, back_end: BackEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "DOUBT_AFTER_S", 0.0)
    del back_end.answers["StartTransaction"]
    async with connected(relay.url("S1")) as station:
        await station.begin("StartTransaction", START)
        (doubt,) = await found(lambda: doubts(relay))
        assert await relay.transactions() == []
    assert (doubt.action, doubt.reason, doubt.evse_id) == ("StartTransaction", "not_written", 1)


async def test_a_station_that_waits_for_the_back_end_is_not_idle(
    relay: Bench, back_end: BackEnd
) -> None:
    back_end.answers.pop("StartTransaction")
    async with connected(relay.url("S1")) as station:
        await station.boot()
        held = relay.gateway.registry.get("S1")
        assert held is not None
        await eventually(lambda: held.idle)
        await station.begin("StartTransaction", START)
        await eventually(lambda: len(back_end.heard) == 2)
        assert not held.idle
        await back_end.say(json.dumps([3, json.loads(back_end.heard[1])[1], {"transactionId": 8}]))
        await eventually(lambda: held.idle)


async def test_an_id_that_the_back_end_gives_again_is_of_the_newer_session(
    relay: Bench, back_end: BackEnd
) -> None:
    async with connected(relay.url("S1")) as station:
        await station.call("StartTransaction", START)
        older = await session(relay, "4711")
        await station.call("StartTransaction", START | {"meterStart": 99})

        async def newer() -> Transaction | None:
            one = await session(relay, "4711")
            return one if one.name != older.name else None

        assert (await found(newer)).meter_start_wh == 99
    assert len(await relay.transactions()) == 2


@pytest.mark.parametrize("subprotocol", ["ocpp2.0.1", "ocpp2.1"])
async def test_a_2x_session_is_recorded_with_the_verdict_of_the_back_end(
    relay: Bench, back_end: BackEnd, subprotocol: str
) -> None:
    back_end.answers["TransactionEvent"] = {"idTokenInfo": {"status": "Blocked"}}
    async with connected(relay.url("S1"), subprotocol=subprotocol) as station:
        await station.call("TransactionEvent", STARTED)
        begun = await session(relay, "T-1")
    assert (begun.authorized, begun.evse_id) == (False, 1)


async def test_a_report_that_cannot_be_read_is_passed_on_and_kept_as_a_doubt(
    relay: Bench, back_end: BackEnd
) -> None:
    async with connected(relay.url("S1")) as station:
        await station.send('[2,"1","StatusNotification",{"connectorId":"what"}]')
        (report,) = await found(lambda: doubts(relay))
    assert report.action == "StatusNotification"
    assert len(back_end.heard) == 1


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ('[2,"1","RemoteStartTransaction",{"idTag":"' + "T" * 300_000 + '"}]', 1),
        ('[2,"1","SendLocalList",{"idTag":"' + "T" * 300_000 + '"}]', 0),
        ('[3,"1"]', 0),
    ],
)
async def test_a_call_of_the_back_end_that_cannot_be_read_and_may_be_a_start_is_a_doubt(
    relay: Bench, back_end: BackEnd, frame: str, expected: int
) -> None:
    last = '[2,"2",{"idTag":"TAG1"}]'

    async def all_kept() -> list[reports.UntakenRow]:
        return kept if len(kept := await doubts(relay)) > expected else []

    async with connected(relay.url("S1")):
        await back_end.say(frame, last)
        assert len(await found(all_kept)) == expected + 1


async def test_not_one_byte_of_ours_goes_to_an_observed_station(
    relay: Bench, back_end: BackEnd
) -> None:
    await relay.restart(boot_ask_s=0.01, housekeeping_delay_s=0.0, housekeeping_jitter_s=0.0)
    async with connected(relay.url("S1")) as station:
        await station.call("Heartbeat", {})
        await station.boot()
        await found(lambda: boot_of(relay, "S1"))
        result = await relay.sending(await relay.start_request())
        await station.call("Heartbeat", {})
    assert (result.cause, result.retry) == ("STATION_OBSERVED", False)
    assert [frame[0] for frame in station.frames] == [3, 3, 3]
    assert [json.loads(frame)[2] for frame in back_end.heard] == [
        "Heartbeat",
        "BootNotification",
        "Heartbeat",
    ]


async def test_while_the_database_stands_still_frames_pass_and_facts_keep_their_time(
    relay: Bench, back_end: BackEnd
) -> None:
    async with connected(relay.url("S1")) as station:
        async with relay.db.write():  # nobody else writes meanwhile
            await station.call("StartTransaction", START)
            answered = now()
            for _ in range(10):
                await station.call("Heartbeat", {})
        begun = await session(relay, "4711")
    assert begun.received_time <= answered
    assert await doubts(relay) == []


async def test_what_is_left_out_while_the_database_stands_still_is_a_doubt(
    relay: Bench, back_end: BackEnd
) -> None:
    await relay.restart(relay_copy_bytes=1_200)
    async with connected(relay.url("S1")) as station:
        async with relay.db.write():
            await station.call("StartTransaction", START)
            for _ in range(5):
                await station.call("Heartbeat", {})
        (gap,) = await found(lambda: doubts(relay))
        assert (gap.action, gap.reason) == ("", "relay_gap")
    assert len(back_end.heard) == 6


async def test_a_gateway_that_was_killed_may_have_lost_what_it_passed_on(
    relay: Bench, back_end: BackEnd
) -> None:
    await relay.register("S1")
    await relay.write(
        lambda tx: connections.claim(
            tx,
            station="S1",
            gateway="killed",
            connection_id="of-another-process-1",
            ocpp_version="1.6",
            now=now(),
        )
    )
    async with connected(relay.url("S1")):
        (lost,) = await found(lambda: doubts(relay))
    assert (lost.action, lost.reason) == ("", "relay_gap")


def hold_recording(relay: Bench, release: asyncio.Event) -> None:
    """Record no Heartbeat before `release`."""
    recording = relay.gateway._recording

    def handlers_at(utc_now: Callable[[], datetime]) -> CallHandler:
        handlers = recording.handlers_at(utc_now)
        assert isinstance(handlers, Handlers)

        async def held(peer: Peer, call: HeartbeatSeen) -> Confirmation:
            await release.wait()
            return await handlers.noticed(peer, call)

        handlers.replace(HeartbeatSeen, held)
        return handlers

    relay.gateway._recording = replace(recording, handlers_at=handlers_at)


async def holding(relay: Bench) -> str:
    """Which gateway stands in the row of S1."""
    async with relay.db.read() as tx:
        latest = await connections.latest(tx, "S1")
    assert latest is not None
    return latest.gateway


async def test_a_station_is_released_when_all_that_it_said_is_recorded(
    relay: Bench, back_end: BackEnd
) -> None:
    release = asyncio.Event()
    hold_recording(relay, release)
    async with connected(relay.url("S1")) as station:
        await station.call("Heartbeat", {})
    await eventually(lambda: relay.gateway.registry.get("S1") is None)
    await relay.write(lambda tx: connections.tell_lost(tx, now=now()))  # behind all other writes
    assert await holding(relay) == relay.gateway.gateway_id
    release.set()

    async def released() -> bool:
        return await holding(relay) == ""

    await found(released)


async def test_what_an_older_socket_said_is_recorded_before_a_newer_one_counts(
    relay: Bench, back_end: BackEnd
) -> None:
    release = asyncio.Event()
    hold_recording(relay, release)
    async with connected(relay.url("S1")) as older:
        await older.call("Heartbeat", {})
        await older.call("StartTransaction", START)
        older.drop()
    async with connected(relay.url("S1")) as newer:
        release.set()
        await newer.boot()
        await session(relay, "4711")
        await found(lambda: boot_of(relay, "S1"))
    assert await doubts(relay) == []


@pytest.mark.parametrize("recorded", [False, True])
async def test_a_gateway_that_stops_before_all_is_recorded_leaves_a_doubt(
    relay: Bench, back_end: BackEnd, recorded: bool
) -> None:
    release = asyncio.Event()
    hold_recording(relay, release)
    async with connected(relay.url("S1")) as station:
        await station.call("Heartbeat", {})
        if recorded:
            release.set()
        await relay.restart()
    async with connected(relay.url("S1")) as again:
        await again.boot()
        await found(lambda: boot_of(relay, "S1"))
        assert len(await doubts(relay)) == (0 if recorded else 1)


async def test_a_station_that_comes_back_to_the_same_process_leaves_no_doubt(
    relay: Bench, back_end: BackEnd
) -> None:
    async with connected(relay.url("S1")), connected(relay.url("S1")) as newer:
        await newer.boot()
        await found(lambda: boot_of(relay, "S1"))
        assert await doubts(relay) == []
