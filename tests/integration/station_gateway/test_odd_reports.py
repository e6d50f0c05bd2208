"""Odd reports at a running gateway: what is mended is counted, and what nobody can take is kept."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from fleet import reports, stations
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.log import notes
from fleet.reports import MendedReports, UntakenRow
from station_gateway.dialects.mending.mends import MendKind
from station_gateway.facts import reports as odd
from station_gateway.session.events import Untaken
from station_gateway.stations.peer import Peer
from tests.support.benches.gateway_bench import TENANT, Bench, now
from tests.support.stations.scripted_station import ScriptedStation

START = {
    "connectorId": 1,
    "idTag": "TAG1",
    "meterStart": 5,
    "timestamp": "2026-01-01T00:00:00Z",
}
PEER = Peer("S1", TENANT, "1.6", "c1")


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await holds():
            await asyncio.sleep(0.01)


async def untaken(bench: Bench) -> list[UntakenRow]:
    async with bench.db.read() as tx:
        return await reports.untaken_since(tx, "S1", datetime(2026, 1, 1, tzinfo=UTC))


async def mended(bench: Bench) -> list[MendedReports]:
    async with bench.db.read() as tx:
        return await reports.mended_of(tx, "S1")


async def refused(station: ScriptedStation, action: str, payload: dict[str, object]) -> None:
    answer = await (await station.begin(action, payload))
    assert answer[0] == 4


async def kept(bench: Bench, number: int = 1) -> list[UntakenRow]:
    async def there() -> bool:
        return len(await untaken(bench)) == number

    await until(there)
    return await untaken(bench)


async def test_what_nobody_can_take_is_kept_and_wakes_the_command_that_waits(bench: Bench) -> None:
    async with bench.station("S1") as station:
        request = await bench.start_request()
        sending = bench.sending(request)
        await station.accept("RemoteStartTransaction")
        await sending
        await refused(station, "StartTransaction", {"meterStart": 1})
        [report] = await kept(bench)
    assert (report.action, report.reason) == ("StartTransaction", "invalid_payload")
    assert report.detail == "connectorId: not usable"
    assert "untaken_report" in {wakeup.reason for wakeup in await bench.wakeups()}
    async with bench.db.read() as tx:
        told = await notes.by_command(tx, TENANT, request.command)
    assert "S1 sent a StartTransaction that could not be taken (connectorId: not usable)." in {
        note.text for note in told
    }


async def test_repeats_of_one_message_are_one_report(bench: Bench) -> None:
    async with bench.station("S1") as station:
        for _ in range(3):
            await refused(station, "StartTransaction", {"meterStart": 1})
        await refused(station, "StartTransaction", {"meterStart": 2})
        await kept(bench, 2)


async def test_a_text_that_is_no_frame_is_kept(bench: Bench) -> None:
    async with bench.station("S1") as station:
        await station.send('[2,"m","StopTransaction",{"transactionId":1')
        [report] = await kept(bench)
    assert (report.action, report.reason) == ("StopTransaction", "unreadable")


async def test_a_report_at_which_the_gateway_fails_is_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench.station("S1") as station:
        working = bench.gateway.handlers.handle

        async def broken(peer: object, call: object) -> None:
            raise RuntimeError("broken")

        monkeypatch.setattr(bench.gateway.handlers, "handle", broken)
        await refused(station, "StartTransaction", START)
        monkeypatch.setattr(bench.gateway.handlers, "handle", working)
        [report] = await kept(bench)
    assert (report.action, report.reason, report.evse_id) == (
        "StartTransaction",
        "handler_failed",
        1,
    )


async def test_a_fact_without_a_database_is_written_when_it_is_back_though_nobody_repeats_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.restart(fact_timeout_s=0.2)
    async with bench.station("S1") as station:
        working = bench.db.batch

        async def down(op: object) -> None:
            raise DatabaseUnavailable("down")

        monkeypatch.setattr(bench.db, "batch", down)
        await station.begin("StartTransaction", START)
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
        await station.begin("StatusNotification", status)
        await station.call("Heartbeat", {})
        monkeypatch.setattr(bench.db, "batch", working)

        async def written() -> bool:
            return len(await bench.transactions()) == 1

        await until(written)
        [report] = await kept(bench)
    assert (report.action, report.reason) == ("StatusNotification", "not_written")


async def test_a_stop_that_names_none_of_two_sessions_is_kept(bench: Bench) -> None:
    stop = {"transactionId": None, "meterStop": 9, "timestamp": now().isoformat()}
    async with bench.station("S1") as station:
        for connector in (1, 2):
            await station.call("StartTransaction", START | {"connectorId": connector})
        assert await station.call("StopTransaction", stop) == {}
        [report] = await kept(bench)
        assert (report.action, report.reason) == ("StopTransaction", "no_session")
    assert {session.state for session in await bench.transactions()} == {"ACTIVE"}


async def test_an_event_that_names_no_session_is_of_the_only_one_or_refused(bench: Bench) -> None:
    event = {
        "eventType": "Updated",
        "timestamp": now().isoformat(),
        "triggerReason": "Trigger",
        "seqNo": 1,
        "transactionInfo": {"transactionId": None},
    }
    begun = event | {"eventType": "Started", "transactionInfo": {"transactionId": "T"}, "seqNo": 0}
    async with bench.station("S1", subprotocol="ocpp2.0.1") as station:
        await refused(station, "TransactionEvent", event)
        await kept(bench)
        await station.call("TransactionEvent", begun)
        await station.call("TransactionEvent", event | {"eventType": "Ended"})
    [session] = await bench.transactions()
    assert (session.ocpp_transaction_id, session.state) == ("T", "ENDED")


async def test_values_that_obey_and_are_out_of_bounds_are_mended(bench: Bench) -> None:
    stop = {"transactionId": 2**63 - 1, "meterStop": 9, "timestamp": now().isoformat()}
    async with bench.station("S1") as station:
        await station.call("StartTransaction", START)
        await station.call("StopTransaction", stop)
    [session] = await bench.transactions()
    assert session.state == "ENDED"


async def test_the_first_mend_is_written_soon_and_more_are_counted(bench: Bench) -> None:
    odd_start = {key: value for key, value in START.items() if key != "timestamp"}
    async with bench.station("S1") as station:
        for _ in range(3):
            await station.call("StartTransaction", odd_start)

        async def there() -> bool:
            return bool(await mended(bench))

        await until(there)
        await bench.gateway.reports.flush()
    [row] = await mended(bench)
    assert (row.action, row.kind, row.field, row.times) == (
        "StartTransaction",
        "TIME",
        "timestamp",
        3,
    )


async def test_mends_wait_for_the_database(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    book, working = bench.gateway.reports, bench.db.batch
    await bench.register("S1")
    async with bench.db.read() as tx:
        known = await stations.get(tx, "S1")
    assert known is not None
    peer = replace(PEER, generation=known.generation)
    assert book.mended(peer, "MeterValues", {MendKind.SAMPLES: "meterValue"})

    async def down(op: object) -> None:
        book.mended(peer, "MeterValues", {MendKind.SAMPLES: "meterValue"})
        raise DatabaseUnavailable("down")

    monkeypatch.setattr(bench.db, "batch", down)
    await book.flush()
    monkeypatch.setattr(bench.db, "batch", working)
    await book.flush()
    assert [row.times for row in await mended(bench)] == [2]


async def test_reports_that_wait_for_the_database_are_bounded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(odd, "WAITING_LIMIT", 0)
    await bench.gateway.reports.untaken(PEER, Untaken("k", "StartTransaction", "unreadable"))
    monkeypatch.undo()
    monkeypatch.setattr(odd, "PATIENCE_S", 0.05)

    async def down(op: object) -> None:
        raise DatabaseUnavailable("down")

    with monkeypatch.context() as away:
        away.setattr(bench.db, "batch", down)
        await bench.gateway.reports.untaken(PEER, Untaken("k", "StartTransaction", "unreadable"))
    assert await untaken(bench) == []


async def test_the_strict_gateway_refuses_and_keeps(bench: Bench) -> None:
    await bench.restart(strict=True)
    async with bench.station("S1") as station:
        await refused(station, "StartTransaction", START | {"meterStart": None})
        stop = {"transactionId": 2**63 - 1, "meterStop": 9, "timestamp": now().isoformat()}
        await refused(station, "StopTransaction", stop)
        await kept(bench, 2)
    assert await mended(bench) == []


async def test_rubbish_in_one_breath_wakes_once(bench: Bench) -> None:
    async with bench.station("S1") as station:
        sending = bench.sending(await bench.start_request())
        await station.accept("RemoteStartTransaction")
        await sending
    for number, seconds in enumerate((0, 0, 0, 5)):
        told = Untaken(f"k{number}", "StartTransaction", "unreadable")
        time = now() + timedelta(seconds=seconds)
        await bench.write(partial(odd.keep_untaken, peer=PEER, told=told, now=time))
    woken = [wakeup for wakeup in await bench.wakeups() if wakeup.reason == "untaken_report"]
    assert sum(wakeup.told for wakeup in woken) == 2


async def test_a_report_that_nobody_could_take_wakes_the_reservations_that_it_may_use(
    bench: Bench,
) -> None:
    async with bench.station("S1"):
        await bench.reserved("S1")
        told = Untaken("k", "StartTransaction", "unreadable")
        await bench.write(partial(odd.keep_untaken, peer=PEER, told=told, now=now()))
    woken = {each.workflow_id for each in await bench.wakeups() if each.reason == "untaken_report"}
    assert woken == {f"reservation/{TENANT}/reservation-7"}


async def test_a_session_on_connector_0_has_ended_when_every_connector_is_free_after_a_boot(
    bench: Bench,
) -> None:
    told = datetime.now(UTC).isoformat()
    begun = {"connectorId": 0, "idTag": "TAG1", "meterStart": 5, "timestamp": told}
    async with bench.station("S1") as station:
        await shows(station, 1, "Charging")
        await shows(station, 2, "Available")
        await station.call("StartTransaction", begun)
    async with bench.station("S1") as station:
        await shows(station, 2, "Available")
        assert [row.state for row in await bench.transactions()] == ["ACTIVE"]
        await shows(station, 1, "Available")
    assert [(row.state, row.end_unreported) for row in await bench.transactions()] == [
        ("ENDED", True)
    ]


async def shows(station: ScriptedStation, connector: int, word: str) -> None:
    said = {"connectorId": connector, "status": word, "errorCode": "NoError"}
    await station.call("StatusNotification", said)


async def test_a_status_word_in_small_letters_is_read_and_marked(bench: Bench) -> None:
    async with bench.station("S1") as station:
        sending = bench.sending(await bench.start_request())
        asked, _ = await station.called("RemoteStartTransaction")
        await station.answer(asked, {"status": "accepted"})
        answer = (await sending).answer

        async def marked() -> bool:
            return bool(await mended(bench))

        await until(marked)
    assert answer is not None
    assert answer.status == "Accepted"
    [row] = await mended(bench)
    assert (row.action, row.kind, row.field) == ("RemoteStartTransaction", "WORD", "status")


async def test_strict_keeps_the_letter_of_a_status_word(bench: Bench) -> None:
    await bench.restart(strict=True)
    async with bench.station("S1") as station:
        sending = bench.sending(await bench.start_request())
        asked, _ = await station.called("RemoteStartTransaction")
        await station.answer(asked, {"status": "accepted"})
        answer = (await sending).answer
    assert answer is not None
    assert answer.verdict == "UNREADABLE"
